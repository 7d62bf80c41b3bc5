//! A cell becomes a JSON value.

/// What a field wants, as far as JSON is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number of 32 bits.
    Integer,
    /// A number that keeps its digits.
    Decimal,
    /// Text as it is.
    Text,
}

impl ValueKind {
    /// The kind of a field whose describe names this type.
    pub(super) fn of(field_type: &str) -> Self {
        match field_type {
            "boolean" => Self::Boolean,
            "int" => Self::Integer,
            "double" | "currency" | "percent" => Self::Decimal,
            _ => Self::Text,
        }
    }

    /// What a cell should have been, in words.
    fn in_words(self) -> &'static str {
        match self {
            Self::Boolean => "not a boolean (true or false, yes or no, 1 or 0)",
            Self::Integer => "not a whole number between -2147483648 and 2147483647",
            Self::Decimal => "not a number (digits with a decimal point)",
            Self::Text => "not text",
        }
    }

    /// Writes a cell that is not empty as JSON. On an error nothing was written, and the answer
    /// says what the cell is not.
    pub(super) fn write(self, cell: &str, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let written = match self {
            Self::Boolean => write_boolean(cell.trim(), out),
            Self::Integer => write_integer(cell.trim(), out),
            Self::Decimal => write_decimal(cell.trim(), out),
            Self::Text => serde_json::to_writer(out, cell).ok(),
        };
        written.ok_or(self.in_words())
    }
}

/// The words that Data Loader takes for a boolean.
fn write_boolean(cell: &str, out: &mut Vec<u8>) -> Option<()> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| cell.eq_ignore_ascii_case(word));
    let value = if is_one_of(&["true", "yes", "y", "on", "1"]) {
        "true"
    } else if is_one_of(&["false", "no", "n", "off", "0"]) {
        "false"
    } else {
        return None;
    };
    out.extend_from_slice(value.as_bytes());
    Some(())
}

fn write_integer(cell: &str, out: &mut Vec<u8>) -> Option<()> {
    let value: i32 = cell.parse().ok()?;
    serde_json::to_writer(out, &value).ok()
}

/// Writes a number digit by digit: a detour by a binary number would change some of them.
fn write_decimal(cell: &str, out: &mut Vec<u8>) -> Option<()> {
    let (negative, unsigned) = match cell.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, cell.strip_prefix('+').unwrap_or(cell)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !(whole.is_empty() && fraction.is_empty());
    let exponent_digits =
        exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let exponent_is_fine =
        exponent_digits.is_none_or(|digits| !digits.is_empty() && all_digits(digits));
    if !has_digits || !all_digits(whole) || !all_digits(fraction) || !exponent_is_fine {
        return None;
    }
    if negative {
        out.push(b'-');
    }
    // JSON has no leading zeros and no bare decimal point.
    let whole = whole.trim_start_matches('0');
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole.as_bytes() });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    if let Some(exponent) = exponent {
        out.push(b'e');
        out.extend_from_slice(exponent.as_bytes());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: ValueKind, cell: &str) -> Option<String> {
        let mut out = Vec::new();
        match kind.write(cell, &mut out) {
            Ok(()) => Some(String::from_utf8(out).unwrap()),
            Err(_) => {
                assert!(out.is_empty(), "{cell:?} left {out:?}");
                None
            }
        }
    }

    #[test]
    fn booleans_are_the_words_of_data_loader() {
        for cell in ["true", "TRUE", "Yes", "y", "on", "1", " true "] {
            assert_eq!(written(ValueKind::Boolean, cell).as_deref(), Some("true"), "{cell:?}");
        }
        for cell in ["false", "No", "n", "OFF", "0"] {
            assert_eq!(written(ValueKind::Boolean, cell).as_deref(), Some("false"), "{cell:?}");
        }
        for cell in ["2", "wahr", "t", "-"] {
            assert_eq!(written(ValueKind::Boolean, cell), None, "{cell:?}");
        }
    }

    #[test]
    fn integers_have_32_bits() {
        for (cell, expected) in [
            ("7", Some("7")),
            ("+007", Some("7")),
            ("-2147483648", Some("-2147483648")),
            (" 5 ", Some("5")),
            ("2147483648", None),
            ("1.0", None),
            ("1e3", None),
            ("", None),
        ] {
            assert_eq!(written(ValueKind::Integer, cell).as_deref(), expected, "{cell:?}");
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (cell, expected) in [
            ("0.1", Some("0.1")),
            ("12345678901234567890.123456789", Some("12345678901234567890.123456789")),
            ("1.10", Some("1.10")),
            ("-007.50", Some("-7.50")),
            (".5", Some("0.5")),
            ("5.", Some("5")),
            ("+3", Some("3")),
            ("000", Some("0")),
            ("1e3", Some("1e3")),
            ("1.5E-3", Some("1.5e-3")),
            ("1,000.5", None),
            ("$5", None),
            ("NaN", None),
            ("inf", None),
            ("1e", None),
            ("1e+", None),
            ("--1", None),
            ("+-1", None),
            (".", None),
            ("1.2.3", None),
            ("٣", None),
        ] {
            let written = written(ValueKind::Decimal, cell);
            assert_eq!(written.as_deref(), expected, "{cell:?}");
            if let Some(json) = written {
                serde_json::from_str::<f64>(&json).unwrap();
            }
        }
    }

    #[test]
    fn text_stays_as_it_is() {
        let cell = "  Müller \"&\" Söhne\n\u{1}\\ ";

        let json = written(ValueKind::Text, cell).unwrap();

        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), cell);
    }

    #[test]
    fn the_type_of_a_field_decides() {
        for (field_type, kind) in [
            ("boolean", ValueKind::Boolean),
            ("int", ValueKind::Integer),
            ("double", ValueKind::Decimal),
            ("currency", ValueKind::Decimal),
            ("percent", ValueKind::Decimal),
            ("string", ValueKind::Text),
            ("reference", ValueKind::Text),
            ("date", ValueKind::Text),
            ("never heard of", ValueKind::Text),
        ] {
            assert_eq!(ValueKind::of(field_type), kind, "{field_type}");
        }
    }
}
