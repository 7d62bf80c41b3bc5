//! Text from files, their names, Salesforce and whoever asks, as it is shown.
//!
//! It may have escape sequences that steer a terminal, line breaks that forge lines of a log, and
//! characters that turn the direction of reading.
//!
//! What is escaped is written as JSON writes it (`\u001b`), so that JSON stays what it was.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

/// How much of a text is shown that says what happened.
pub const SENTENCE_MAX: usize = 2_000;

/// At most `characters_max` characters of foreign text, in one line. What is left out is told by `…`.
#[must_use]
pub fn shown(text: &str, characters_max: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * characters_max));
    for (count, character) in text.chars().enumerate() {
        if count == characters_max {
            shown.push('…');
            break;
        }
        match character {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            other => push(&mut shown, other),
        }
    }
    shown
}

/// Characters that steer what shows them instead of being shown.
fn steers(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        // The joiners of scripts, and what chooses the shape of an emoji.
        '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' => false,
        // What breaks a line, and anchors of annotations.
        '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}' => true,
        other => other.is_control() || is_ignorable(other),
    }
}

/// `Default_Ignorable_Code_Point` of Unicode 17, DerivedCoreProperties.txt: nobody sees them, and some
/// change the direction of what stands around them.
fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

fn push(text: &mut String, character: char) {
    if !steers(character) {
        return text.push(character);
    }
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(text, "\\u{unit:04x}").expect("a String takes everything");
    }
}

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
        if !self.is_log && !text.chars().any(steers) {
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
                    push(&mut harmless, other);
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
    fn what_steers_is_shown_and_in_one_line() {
        assert_eq!(
            shown(HOSTILE, 100),
            r"a\u001b]0;owned\u0007\u009b2J\u000d\nerror: b\u202ec\u007f\udb40\udc41"
        );
        assert_eq!(shown("Zürich 👩‍🔬 ❤️ \"ok\"", 100), "Zürich 👩‍🔬 ❤️ \"ok\"");
        for unseen in ['\u{AD}', '\u{115F}', '\u{3164}', '\u{34F}', '\u{FFF9}', '\u{180E}'] {
            assert_eq!(shown(&unseen.to_string(), 9), format!("\\u{:04x}", u32::from(unseen)));
        }
    }

    #[test]
    fn what_is_long_is_cut_by_characters() {
        assert_eq!(shown("ééé", 3), "ééé");
        assert_eq!(shown("ééé", 2), "éé…");
        assert_eq!(shown(&"\u{1B}".repeat(1 << 20), 2), r"\u001b\u001b…");
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

        assert!(!written.chars().any(steers), "{written}");
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
