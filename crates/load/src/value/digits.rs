//! The numbers that dates, times and offsets are made of.

/// A number with so many digits and nothing else.
pub(super) fn number(text: &str, digits_min: usize, digits_max: usize) -> Option<u32> {
    let fits = (digits_min..=digits_max).contains(&text.len());
    (fits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}
