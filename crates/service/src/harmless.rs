//! Text from files, their names, Salesforce and whoever asks, as it is shown.
//!
//! It may have escape sequences that steer a terminal, line breaks that forge lines of a log, and
//! characters that turn the direction of reading.
//!
//! What is escaped is written as JSON writes it (`\u001b`), so that JSON stays what it was.

use std::io::{self, Write};

use ingest_core::{is_control, push_shown};

/// How much of a text is shown that says what happened.
pub const SENTENCE_MAX: usize = 2_000;

/// Of an event in the log.
const EVENT_BYTES_MAX: usize = 16 << 10;

/// What is written here gets to a terminal or a file without characters that steer it. Lines and tabs
/// stay.
#[derive(Debug)]
pub struct Harmless<W> {
    writer: W,
    /// Each call writes one line, however many line breaks are in it, and may have colours.
    is_log: bool,
    /// The beginning of a character whose end was not written yet.
    begun: Vec<u8>,
}

/// Standard output, for all that a program prints there.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that writes there")]
pub fn stdout() -> Harmless<io::StdoutLock<'static>> {
    Harmless::new(io::stdout().lock())
}

/// Standard error, for what is not logged.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that writes there")]
pub fn stderr() -> Harmless<io::StderrLock<'static>> {
    Harmless::new(io::stderr().lock())
}

impl<W: Write> Harmless<W> {
    /// Writes to `writer`.
    pub fn new(writer: W) -> Self {
        Self { writer, is_log: false, begun: Vec::new() }
    }

    /// Each call of it writes one event, which becomes one line. Colours stay.
    pub(crate) fn log(writer: W) -> Self {
        Self { is_log: true, ..Self::new(writer) }
    }

    fn write_text(&mut self, text: &str) -> io::Result<()> {
        if !self.is_log && !text.chars().any(is_control) {
            return self.writer.write_all(text.as_bytes());
        }
        let mut harmless = String::with_capacity(text.len() + 16);
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let (colour, is_inside) = (colour(rest), rest.len() > 1);
            let length = match character {
                _ if self.is_log && colour > 0 => {
                    harmless.push_str(&rest[..colour]);
                    colour
                }
                '\n' if self.is_log && is_inside => {
                    harmless.push_str("\\n");
                    1
                }
                other => {
                    push_shown(&mut harmless, other);
                    other.len_utf8()
                }
            };
            rest = &rest[length..];
        }
        self.writer.write_all(harmless.as_bytes())
    }
}

/// How many bytes at the start choose a colour.
fn colour(text: &str) -> usize {
    let Some(numbers) = text.strip_prefix("\u{1B}[") else { return 0 };
    let end = numbers.find(|character: char| !character.is_ascii_digit() && character != ';');
    match end {
        Some(end) if numbers[end..].starts_with('m') => 2 + end + 1,
        _ => 0,
    }
}

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_log && bytes.len() > EVENT_BYTES_MAX {
            self.write_text(&String::from_utf8_lossy(&bytes[..EVENT_BYTES_MAX]))?;
            self.writer.write_all("…\n".as_bytes())?;
            return Ok(bytes.len());
        }
        self.begun.extend_from_slice(bytes);
        let written = std::mem::take(&mut self.begun);
        let mut chunks = written.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.write_text(chunk.valid())?;
            let invalid = chunk.invalid();
            let goes_on = chunks.peek().is_none()
                && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if goes_on {
                self.begun = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.writer.write_all("\u{FFFD}".as_bytes())?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1B}]0;owned\u{7}\u{9B}2J\r\nerror: b\u{202E}c\u{7F}\u{E0041}";

    fn written(bytes: &[u8], piece: usize, make: fn(Vec<u8>) -> Harmless<Vec<u8>>) -> String {
        let mut writer = make(Vec::new());
        for piece in bytes.chunks(piece) {
            writer.write_all(piece).unwrap();
        }
        String::from_utf8(writer.writer).unwrap()
    }

    #[test]
    fn lines_stay_and_nothing_else_that_steers_wherever_a_write_ends() {
        let harmless =
            "a\\u001b]0;owned\\u0007\\u009b2J\\u000d\nerror: b\\u202ec\\u007f\\udb40\\udc41";

        for piece in 1..HOSTILE.len() {
            assert_eq!(written(HOSTILE.as_bytes(), piece, Harmless::new), harmless, "{piece}");
        }
    }

    #[test]
    fn json_stays_what_it_was() {
        let json = serde_json::to_string_pretty(&[HOSTILE]).unwrap();

        let written = written(json.as_bytes(), 1 << 20, Harmless::new);

        assert!(!written.chars().any(is_control), "{written}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&written).unwrap(), [HOSTILE]);
    }

    #[test]
    fn an_event_of_the_log_is_one_line_with_our_colours() {
        let event = format!("\u{1B}[2mnow\u{1B}[0m {HOSTILE}\n");

        let line = written(event.as_bytes(), event.len(), Harmless::log);

        assert!(line.starts_with("\u{1B}[2mnow\u{1B}[0m a\\u001b]0;"), "{line}");
        assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "{line}");
    }

    #[test]
    fn an_event_of_megabytes_is_cut() {
        let event = format!("{}\n", "ü".repeat(1 << 20));

        let line = written(event.as_bytes(), event.len(), Harmless::log);

        assert!(line.ends_with("üü…\n") && line.matches('\n').count() == 1 && line.len() < 17_000);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(written(b"a\xFFb\xC3", 1, Harmless::new), "a\u{FFFD}b");
    }
}
