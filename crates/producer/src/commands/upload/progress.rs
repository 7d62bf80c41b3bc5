//! How far an upload is: a bar on a terminal, a line now and then elsewhere. On stderr.

use std::{
    io::{self, IsTerminal},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::report::{
    console::AboveBars,
    format::{bytes, duration},
    pace::{Pace, whole},
};

/// Between two lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

const KNOWN: &str =
    "{wide_bar} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
const UNKNOWN: &str = "{spinner} {binary_bytes}, {binary_bytes_per_sec}";

pub(super) enum Progress {
    Bar(ProgressBar),
    Lines(Mutex<Lines>),
}

pub(super) struct Lines {
    begun: Instant,
    last: Instant,
    pace: Pace,
    bytes: u64,
    of: Option<u64>,
}

impl Progress {
    /// Also sends this process' log to where it does not tear the bar.
    pub(super) fn start() -> Self {
        if !io::stderr().is_terminal() || service::writes_json() {
            service::init_logging(io::stderr);
            let now = Instant::now();
            let (begun, last, pace) = (now, now, Pace::default());
            return Self::Lines(Mutex::new(Lines { begun, last, pace, bytes: 0, of: None }));
        }
        let all = MultiProgress::new();
        let bar = all.add(ProgressBar::no_length());
        service::init_logging(move || AboveBars(all.clone()));
        Self::Bar(bar)
    }

    /// Length of the whole, when it is known.
    pub(super) fn of(&self, bytes: Option<u64>) {
        match self {
            Self::Bar(bar) => {
                let template = if bytes.is_some() { KNOWN } else { UNKNOWN };
                bar.set_style(ProgressStyle::with_template(template).expect("it is well formed"));
                if let Some(bytes) = bytes {
                    bar.set_length(bytes);
                }
            }
            Self::Lines(lines) => lines.lock().unwrap_or_else(PoisonError::into_inner).of = bytes,
        }
    }

    /// So many more bytes are on their way.
    pub(super) fn advance(&self, more: u64) {
        match self {
            Self::Bar(bar) => bar.inc(more),
            Self::Lines(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(line) = lines.advance(more, Instant::now()) {
                    service::say(&line);
                }
            }
        }
    }

    pub(super) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Lines {
    /// A line, when it is time for one.
    fn advance(&mut self, more: u64, now: Instant) -> Option<String> {
        self.bytes += more;
        self.pace.note(now - self.begun, self.bytes);
        if now - self.last < LINE_EVERY {
            return None;
        }
        self.last = now;
        let of = self.of.map(|of| format!(" of {}", bytes(of))).unwrap_or_default();
        let rate = self.pace.per_second().map_or(0, whole);
        let left = self.of.and_then(|of| self.pace.time_left(of.saturating_sub(self.bytes)));
        let left = left.map(|left| format!(", {} left", duration(left))).unwrap_or_default();
        Some(format!("uploaded {}{of}, {}/s{left}", bytes(self.bytes), bytes(rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_every_ten_seconds() {
        let begun = Instant::now();
        let lines = |of| Lines { begun, last: begun, pace: Pace::default(), bytes: 0, of };
        let mut known = lines(Some(100 << 20));
        let mut unknown = lines(None);
        let at = |second| begun + Duration::from_secs(second);

        let said: Vec<_> =
            (1..=20).filter_map(|second| known.advance(1 << 20, at(second))).collect();

        assert_eq!(
            said,
            [
                "uploaded 10.0 MiB of 100.0 MiB, 1.0 MiB/s, 1 min 30 s left",
                "uploaded 20.0 MiB of 100.0 MiB, 1.0 MiB/s, 1 min 20 s left",
            ]
        );
        let first = unknown.advance(5, at(11)).unwrap();
        assert_eq!(first, "uploaded 5 B, 0 B/s");
    }
}
