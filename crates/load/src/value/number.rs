//! Booleans and numbers.

use std::borrow::Cow;

use ingest_core::read_exponent;
use serde::{Deserialize, Serialize};

/// What stands before the decimal places of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecimalSign {
    /// 1234.50.
    #[default]
    Point,
    /// 1234,50. Points or blanks may stand between thousands: 1.234,50.
    Comma,
}

impl DecimalSign {
    fn as_char(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Comma => "comma",
        }
    }
}

/// The words that Data Loader takes for a boolean.
pub(super) fn write_boolean(cell: &str, out: &mut Vec<u8>) -> Option<()> {
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

/// Writes a whole number of 32 bits with so many digits at most. Many programs write `30.0` for it.
pub(super) fn write_integer(
    cell: &str,
    sign: DecimalSign,
    digits_max: Option<u32>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let value: i32 = match cell.parse() {
        Ok(value) => value,
        Err(_) => Number::read(cell, sign)?.to_integer()?,
    };
    let digits = value.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    if digits_max.is_some_and(|max| digits > max) {
        return None;
    }
    serde_json::to_writer(out, &value).ok()
}

/// Writes a number digit by digit: a detour by a binary number would change some of them. Before
/// the decimal places it may have so many digits; the decimal places are rounded by Salesforce.
pub(super) fn write_decimal(
    cell: &str,
    sign: DecimalSign,
    whole_digits_max: Option<usize>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let number = Number::read(cell, sign)?;
    if whole_digits_max.is_some_and(|max| number.whole_digits() > max) {
        return None;
    }
    number.write(out);
    Some(())
}

/// Writes a number between minus `max` and `max`.
pub(super) fn write_degrees(
    cell: &str,
    sign: DecimalSign,
    max: u8,
    out: &mut Vec<u8>,
) -> Option<()> {
    let start = out.len();
    Number::read(cell, sign)?.write(out);
    // A binary number is near enough to tell what is on the globe.
    let degrees: f64 = std::str::from_utf8(&out[start..]).ok()?.parse().ok()?;
    (degrees.abs() <= f64::from(max)).then_some(())
}

/// What the cell of a whole number has to be.
pub(super) fn integer_rule(sign: DecimalSign, digits_max: Option<u32>) -> Cow<'static, str> {
    let such = format!("such as 12 or 12{}0", sign.as_char());
    match digits_max {
        None => format!("a whole number between {} and {}, {such}", i32::MIN, i32::MAX),
        Some(max) => format!("a whole number of up to {max} digits, {such}"),
    }
    .into()
}

/// What the cell of a number has to be.
pub(super) fn decimal_rule(sign: DecimalSign, digits_max: Option<usize>) -> Cow<'static, str> {
    let such = match sign {
        DecimalSign::Point => "such as 1234.50",
        DecimalSign::Comma => "such as 1234,50 or 1.234,50",
    };
    match digits_max {
        None => format!("a number, {such}"),
        Some(max) => {
            format!("a number, {such}, with up to {max} digits before the {}", sign.in_words())
        }
    }
    .into()
}

/// What the cell of a latitude or longitude has to be.
pub(super) fn degrees_rule(sign: DecimalSign, max: u8) -> Cow<'static, str> {
    format!("a number between -{max} and {max}, such as 12{}5", sign.as_char()).into()
}

/// The parts of a number, as they are written.
struct Number<'a> {
    negative: bool,
    /// Digits, with signs between thousands where they may be.
    whole: &'a str,
    fraction: &'a str,
    /// As it is written, and as a number.
    exponent: Option<(&'a str, i64)>,
}

impl<'a> Number<'a> {
    fn read(cell: &'a str, sign: DecimalSign) -> Option<Self> {
        let (negative, unsigned) = match cell.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, cell.strip_prefix('+').unwrap_or(cell)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some((exponent, read_exponent(exponent)?))),
            None => (unsigned, None),
        };
        let (whole, fraction) = mantissa.split_once(sign.as_char()).unwrap_or((mantissa, ""));
        // With an exponent, `1.234E3` is no doubt meant with a decimal point.
        let may_be_grouped = sign == DecimalSign::Comma && exponent.is_none();
        let has_digits = !(whole.is_empty() && fraction.is_empty());
        let is_number = has_digits
            && (are_digits(whole) || (may_be_grouped && is_grouped(whole)))
            && are_digits(fraction);
        is_number.then_some(Self { negative, whole, fraction, exponent })
    }

    /// Writes it as JSON, which has no leading zeros and no bare decimal point.
    fn write(&self, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        let whole = self.whole.trim_start_matches('0');
        if whole.is_empty() {
            out.push(b'0');
        }
        for digits in whole.split(|c: char| !c.is_ascii_digit()) {
            out.extend_from_slice(digits.as_bytes());
        }
        if !self.fraction.is_empty() {
            out.push(b'.');
            out.extend_from_slice(self.fraction.as_bytes());
        }
        if let Some((exponent, _)) = self.exponent {
            out.push(b'e');
            out.extend_from_slice(exponent.as_bytes());
        }
    }

    /// How many digits it has before its decimal places when it is written without an exponent.
    fn whole_digits(&self) -> usize {
        let digits = self.whole.bytes().filter(u8::is_ascii_digit);
        let whole = digits.skip_while(|digit| *digit == b'0').count();
        let Some((_, exponent)) = self.exponent else { return whole };
        let zeros = self.fraction.bytes().take_while(|digit| *digit == b'0').count();
        let moved = |digits: usize| i64::try_from(digits).unwrap_or(i64::MAX);
        let digits = match (whole, zeros) {
            (0, zeros) if zeros == self.fraction.len() => 0,
            (0, zeros) => exponent.saturating_sub(moved(zeros)),
            (whole, _) => exponent.saturating_add(moved(whole)),
        };
        usize::try_from(digits).unwrap_or(0)
    }

    /// Its value, if that is a whole number of 32 bits.
    fn to_integer(&self) -> Option<i32> {
        let exponent = self.exponent.map_or(0, |(_, exponent)| exponent);
        let whole = self.whole.bytes().filter(u8::is_ascii_digit);
        // So many digits stand before the point once the exponent has moved it.
        let mut before_point = i64::try_from(whole.clone().count()).ok()?.saturating_add(exponent);
        let mut value = 0_i64;
        for digit in whole.chain(self.fraction.bytes()) {
            if before_point > 0 {
                value = value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
            } else if digit != b'0' {
                return None;
            }
            before_point -= 1;
        }
        while before_point > 0 && value != 0 {
            value = value.checked_mul(10)?;
            before_point -= 1;
        }
        i32::try_from(if self.negative { -value } else { value }).ok()
    }
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `1.234.567`, `1 234 567`: all groups but the first have three digits, and all have the same sign
/// between. Nobody writes `0.123` for a number of thousands.
fn is_grouped(whole: &str) -> bool {
    const BETWEEN: [char; 4] = ['.', ' ', '\u{a0}', '\u{202f}'];
    let Some(between) = whole.chars().find(|c| BETWEEN.contains(c)) else { return false };
    let mut groups = whole.split(between);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && are_digits(first)
        && !first.starts_with('0')
        && groups.all(|group| group.len() == 3 && are_digits(group))
}
