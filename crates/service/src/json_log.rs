//! `LOG_FORMAT=json`: an event of the log is a line, and the line is a JSON object.
//!
//! ```json
//! {"timestamp":"2026-11-29T17:46:35.125017Z","level":"WARN","target":"consumer::delivery","message":"…","run":"nightly-7","batch":17,"object":"Lead"}
//! ```
//!
//! Beside its own fields an event has those of the spans in which it happens: whoever logs inside of a
//! batch need not know which one it is. An event's own field wins.
//!
//! The layer of `tracing-subscriber` is not used: it puts these fields into nested objects, and has no
//! limit for a value.

use std::{
    fmt,
    io::{self, Write},
};

use ingest_core::shown;
use jiff::Timestamp;
use serde_json::Value;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Characters of a value. What is cut ends in an ellipsis.
const VALUE_MAX: usize = 4_000;

/// Writes events to what the function gives.
pub(crate) struct JsonLog<F>(F);

impl<F, W> JsonLog<F>
where
    F: Fn() -> W,
    W: Write,
{
    pub(crate) fn new(writer: F) -> Self {
        Self(writer)
    }

    fn write(&self, line: &str) -> io::Result<()> {
        let mut writer = (self.0)();
        // At once: others write to the same place.
        writer.write_all(line.as_bytes())?;
        writer.flush()
    }
}

impl<S, F, W> Layer<S> for JsonLog<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: Fn() -> W + 'static,
    W: Write,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // From the innermost: it wins as well.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.add_missing(of_span);
            }
        }
        let metadata = event.metadata();
        let target = fields.target.as_deref().unwrap_or(metadata.target());
        let line = json_line(*metadata.level(), target, &fields.values);
        // Nobody is left to tell.
        let _closed = self.write(&line);
    }
}

/// What an event or a span has to say.
#[derive(Default)]
struct Fields {
    values: Vec<(&'static str, Value)>,
    /// Of an event that came from the crate `log`.
    target: Option<String>,
}

impl Fields {
    fn set(&mut self, name: &'static str, value: Value) {
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.values.push((name, value)),
        }
    }

    fn set_text(&mut self, name: &'static str, text: &str) {
        match name {
            "log.target" => self.target = Some(text.to_owned()),
            // Where it was logged: of no use to who runs the program.
            _ if name.starts_with("log.") => {}
            _ => self.set(name, self::text(text)),
        }
    }

    fn add_missing(&mut self, others: &Self) {
        for (name, value) in &others.values {
            if !self.values.iter().any(|(known, _)| known == name) {
                self.values.push((name, value.clone()));
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set_text(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_text(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if !field.name().starts_with("log.") {
            self.set(field.name(), value.into());
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.record_u64(field, u64::try_from(value).unwrap_or(u64::MAX));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }
}

/// A text as a value: in one line, and harmless for whoever reads it back and shows it.
pub(crate) fn text(text: &str) -> Value {
    shown(text, VALUE_MAX).into()
}

/// A line of the log, with its end.
pub(crate) fn json_line(level: Level, target: &str, fields: &[(&str, Value)]) -> String {
    let mut line = format!(r#"{{"timestamp":"{:.6}","level":"{level}""#, Timestamp::now());
    let mut add = |name: &str, value: &Value| {
        line += &format!(",{}:{value}", Value::from(name));
    };
    add("target", &target.into());
    // What people look for comes first.
    let (message, others): (Vec<_>, Vec<_>) =
        fields.iter().partition(|(name, _)| *name == "message");
    message.into_iter().chain(others).for_each(|(name, value)| add(name, value));
    line + "}\n"
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{Instrument, error_span, field::Empty};
    use tracing_subscriber::layer::SubscriberExt;

    use crate::harmless::Harmless;

    use super::*;

    const HOSTILE: &str =
        "a\u{1B}]0;owned\u{7}\u{9B}2J\r\n{\"level\":\"ERROR\"}\u{202E}\u{E0041}\"";

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that are logged meanwhile.
    fn logged(work: impl FnOnce()) -> Vec<String> {
        let written = Written::default();
        let writer = written.clone();
        let log = JsonLog::new(move || Harmless::new(writer.clone()));
        let subscriber = tracing_subscriber::registry().with(log);
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn parsed(line: &str) -> Value {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn an_event_has_its_own_fields_and_those_of_its_spans() {
        let lines = logged(|| {
            let run = error_span!("run", run = %"nightly-7", object = Empty);
            let batch = error_span!(parent: &run, "batch", batch = 17_u64, rows = 200_u64);
            run.record("object", "Lead");
            batch.in_scope(|| tracing::warn!(rows = 3_u64, lost = true, took = 1.5, "slow"));
            tracing::info!(duration_ms = 7_u128, error = ?Some("x"), "outside");
        });

        let [inside, outside] = [0, 1].map(|at| parsed(&lines[at]));
        let without_time = |mut line: Value| {
            let time = line.as_object_mut().unwrap().remove("timestamp").unwrap();
            assert!(time.as_str().unwrap().parse::<Timestamp>().is_ok(), "{time}");
            line
        };
        assert_eq!(
            without_time(inside),
            serde_json::json!({
                "level": "WARN", "target": module_path!(), "message": "slow", "rows": 3,
                "lost": true, "took": 1.5, "batch": 17, "run": "nightly-7", "object": "Lead",
            })
        );
        assert_eq!(
            without_time(outside),
            serde_json::json!({
                "level": "INFO", "target": module_path!(), "message": "outside",
                "duration_ms": 7, "error": "Some(\"x\")",
            })
        );
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn hostile_text_stays_in_its_line_and_steers_nothing_even_when_it_is_read_back() {
        let lines = logged(|| {
            error_span!("run", run = HOSTILE)
                .in_scope(|| tracing::error!(target: "a\"b", error = %HOSTILE, "{HOSTILE}"));
        });

        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(!line.chars().any(ingest_core::is_control), "{line}");
        let event = parsed(line);
        for name in ["message", "error", "run"] {
            let text = event[name].as_str().unwrap();
            assert_eq!(text, shown(HOSTILE, 100), "{name}");
        }
        assert_eq!((&event["level"], &event["target"]), (&"ERROR".into(), &"a\"b".into()));
    }

    #[test]
    fn a_value_of_megabytes_is_cut_and_the_line_stays_json() {
        let lines =
            logged(|| tracing::info!(error = %"\u{1}".repeat(1 << 20), "{}", "ü".repeat(1 << 20)));

        let event = parsed(&lines[0]);
        let message = event["message"].as_str().unwrap();
        assert!(message.ends_with("üü…") && message.chars().count() == VALUE_MAX + 1);
        assert!(lines[0].len() < 50_000, "{}", lines[0].len());
    }

    #[test]
    fn work_that_waits_keeps_its_fields() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let work = async |name: &'static str| {
            tokio::task::yield_now().await;
            tracing::info!("{name}");
        };

        let lines = logged(|| {
            runtime.block_on(async {
                let [one, two] = ["one", "two"]
                    .map(|name| work(name).instrument(error_span!("run", run = name)));
                tokio::join!(one, two);
            });
        });

        for line in lines.iter().map(|line| parsed(line)) {
            assert_eq!(line["run"], line["message"]);
        }
        assert_eq!(lines.len(), 2);
    }
}
