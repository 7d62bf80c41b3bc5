//! When two keys are one: what nobody sees around a key is no part of it, and numbers are compared
//! by their value.

/// A cell without what nobody sees before and behind it: blanks of any script, control characters,
/// and characters without a width, which spreadsheets and web pages leave there.
#[must_use]
pub fn trimmed(cell: &str) -> &str {
    let has_plain_ends = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    let bytes = cell.as_bytes();
    if has_plain_ends(bytes.first()) && has_plain_ends(bytes.last()) {
        return cell;
    }
    cell.trim_matches(is_unseen)
}

/// White space, control characters, and what Unicode calls default ignorable, but for those that
/// change how the character before them looks.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fffe}' | '\u{ffff}'
        )
}

/// Whether a text can be the id of a record in Salesforce: 15 characters, or 18 with what makes it safe
/// for programs that ignore case.
#[must_use]
pub fn is_record_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A decimal number in the one way of writing that all of its spellings have in common: `1001`,
/// `01001`, `+1001.0` and `1.001E3` are `1001e0`. No digit is lost on the way. Nothing for what is
/// no number, or has an exponent that no number needs.
#[must_use]
pub fn number_by_value(cell: &str) -> Option<String> {
    let (negative, unsigned) = match cell.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, cell.strip_prefix('+').unwrap_or(cell)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let all = [whole, fraction].concat();
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some("0e0".to_owned());
    }
    let zeros_behind = all.len() - all.trim_end_matches('0').len();
    let moved = i64::try_from(zeros_behind).ok()? - i64::try_from(fraction.len()).ok()?;
    let minus = if negative { "-" } else { "" };
    Some(format!("{minus}{significant}e{}", exponent + moved))
}

/// Reads the exponent of a number, of up to nine digits: no number needs more.
#[must_use]
pub fn read_exponent(text: &str) -> Option<i64> {
    const DIGITS_MAX: usize = 9;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let significant = digits.trim_start_matches('0');
    if digits.is_empty()
        || significant.len() > DIGITS_MAX
        || !digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    Some(sign * if significant.is_empty() { 0 } else { significant.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_around_a_key_is_no_part_of_it() {
        for around in [
            " ",
            "\t",
            "\r\n",
            "\u{a0}",
            "\u{3000}",
            "\u{2009}",
            "\u{202f}",
            "\u{200b}",
            "\u{200e}",
            "\u{2060}",
            "\u{202a}",
            "\u{feff}",
            "\u{ad}",
            "\u{1}",
            "\u{85}",
            "\u{feff} \u{200b}",
        ] {
            assert_eq!(trimmed(&format!("{around}A {around}1{around}")), format!("A {around}1"));
            assert_eq!(trimmed(&format!("A-1{around}")), "A-1", "{around:?}");
            assert_eq!(trimmed(around), "", "{around:?}");
        }
        for key in ["", "A-1", "Ä", "a\u{200b}b", "日本", "e\u{301}"] {
            assert_eq!(trimmed(key), key);
        }
    }

    #[test]
    fn numbers_of_one_value_are_written_in_one_way() {
        for (value, spellings) in [
            (
                "1001e0",
                &["1001", "1001.0", "01001", "+1001", "1.001E3", "1.001e+03", "10010e-1"][..],
            ),
            ("1e3", &["1000", "1e3", "1E+3", "0.001e6", "1000.000"]),
            ("0e0", &["0", "-0", "+0.00", ".0", "0.", "0e7", "-0e-5"]),
            ("-5e-1", &["-.5", "-0.50", "-5e-1"]),
            (
                "12345678901234567890123e0",
                &["12345678901234567890123", "12345678901234567890123.0"],
            ),
            ("12345678901234567890124e0", &["12345678901234567890124"]),
            ("1e400", &["1e400", "10e399"]),
        ] {
            for spelling in spellings {
                assert_eq!(number_by_value(spelling).as_deref(), Some(value), "{spelling}");
            }
        }
    }

    #[test]
    fn what_is_no_number_has_no_value() {
        for cell in [
            "",
            ".",
            "-",
            "+",
            "e3",
            "1e",
            "1e+",
            "1e1.5",
            "--1",
            "+-1",
            "1,000",
            "0x10",
            "NaN",
            "inf",
            "1 000",
            "٣",
            "1e9999999999",
            "A-1",
            "1.2.3",
        ] {
            assert_eq!(number_by_value(cell), None, "{cell}");
        }
    }
}
