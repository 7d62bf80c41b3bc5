//! Booleans and numbers.

use ingest_core::number_by_value;

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

/// Writes a whole number of 32 bits with so many digits at most.
pub(super) fn write_integer(cell: &str, digits_max: Option<u32>, out: &mut Vec<u8>) -> Option<()> {
    let value: i32 = cell.parse().ok()?;
    let digits = value.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    if digits_max.is_some_and(|max| digits > max) {
        return None;
    }
    serde_json::to_writer(out, &value).ok()
}

/// Writes a number digit by digit: a detour by a binary number would change some of them. Before
/// the point it may have so many digits; those behind it are rounded by Salesforce.
pub(super) fn write_decimal(
    cell: &str,
    whole_digits_max: Option<usize>,
    out: &mut Vec<u8>,
) -> Option<()> {
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
    // JSON has no leading zeros and no bare decimal point.
    let whole = whole.trim_start_matches('0');
    let whole_digits = match exponent {
        None => whole.len(),
        Some(_) => whole_digits(&number_by_value(cell)?),
    };
    if whole_digits_max.is_some_and(|max| whole_digits > max) {
        return None;
    }
    if negative {
        out.push(b'-');
    }
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

/// Writes a number between minus `max` and `max`.
pub(super) fn write_degrees(cell: &str, max: u8, out: &mut Vec<u8>) -> Option<()> {
    // A binary number is near enough to tell what is on the globe.
    let degrees: f64 = number_by_value(cell)?.parse().ok()?;
    (degrees.abs() <= f64::from(max)).then(|| write_decimal(cell, None, out))?
}

/// How many digits a number has before its point when it is written without an exponent.
fn whole_digits(value: &str) -> usize {
    let (digits, exponent) = value.split_once('e').unwrap_or((value, "0"));
    let digits = i64::try_from(digits.trim_start_matches(['-', '0']).len()).unwrap_or(i64::MAX);
    let exponent: i64 = exponent.parse().unwrap_or(i64::MAX);
    usize::try_from(digits.saturating_add(exponent)).unwrap_or(0)
}
