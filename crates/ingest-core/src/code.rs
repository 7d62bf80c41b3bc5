//! What a reject code may be. Codes are counted by name for each run, shown in every report and
//! offered as buttons, so one that comes from outside is checked first.

use crate::RejectCode;

/// Different codes that are counted for a run, beside [`Other`](RejectCode::Other) and the
/// [reader's own](RejectCode::is_readers_own).
pub const CODES_MAX: usize = 1_000;

/// Bytes of a code, and characters that are shown of what is none.
const CODE_BYTES_MAX: usize = 80;

/// Whether this is a code as Salesforce and this product write them: a capital first, then capitals,
/// digits and `_`, 80 bytes at most.
#[must_use]
pub fn is_code(text: &str) -> bool {
    let may_follow = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    text.len() <= CODE_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(may_follow)
}

/// The code and the message of a reason that came from outside. What is no code becomes
/// [`Other`](RejectCode::Other), and its text, cut, the beginning of the message. Whoever shows that escapes it.
#[must_use]
pub fn code_and_message(code: &str, message: String) -> (String, String) {
    if is_code(code) {
        return (code.to_owned(), message);
    }
    let mut told: String = code.chars().take(CODE_BYTES_MAX).collect();
    if code.chars().nth(CODE_BYTES_MAX).is_some() {
        told.push('…');
    }
    (RejectCode::Other.as_str().to_owned(), beside(&told, &message))
}

/// The message of a reason whose code gave way to [`Other`](RejectCode::Other).
pub(crate) fn beside(code: &str, message: &str) -> String {
    match (code.is_empty(), message.is_empty()) {
        (true, _) => message.to_owned(),
        (false, true) => code.to_owned(),
        (false, false) => format!("{code}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_capitals_digits_and_underscores_of_a_length() {
        let longest = "A".repeat(80);
        for code in ["A", "HTTP_502", "FIELD_COUNT", "DUPLICATE_VALUE_2", "OTHER", &longest] {
            assert!(is_code(code), "{code}");
        }
        for none in ["", "lock", "1_A", "_A", "A B", "A:B", "Ä", "A\u{1b}[2J", "=A", "A\n"] {
            assert!(!is_code(none), "{none:?}");
        }
        assert!(!is_code(&"A".repeat(81)));
    }

    #[test]
    fn what_is_no_code_is_told_in_the_message_and_cut() {
        let told = |code: &str, message: &str| code_and_message(code, message.to_owned());
        let own = |code: &str, message: &str| (code.to_owned(), message.to_owned());

        assert_eq!(told("LOCK", "busy"), own("LOCK", "busy"));
        assert_eq!(told("", "busy"), own("OTHER", "busy"));
        assert_eq!(told("lock", ""), own("OTHER", "lock"));
        assert_eq!(told("a\u{1b}[2J\n\u{202e}", "m"), own("OTHER", "a\u{1b}[2J\n\u{202e}: m"));
        let long = told(&"ü".repeat(5_000), "m");
        assert_eq!(long, own("OTHER", &format!("{}…: m", "ü".repeat(80))));
    }
}
