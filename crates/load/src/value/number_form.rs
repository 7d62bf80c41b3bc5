//! How a number is written, whatever it becomes: what one country takes for a decimal sign stands
//! between thousands in another.

use super::number::DecimalSign;

/// What a cell says of the decimal sign of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberForm {
    /// It is read as a number with three decimals, and would be one of thousands with the other sign.
    Thousands,
    /// Only with the other sign is it a number.
    OtherSign,
    /// It is a number with this sign, and not with the other one.
    OwnSign,
    /// It fits both, or neither.
    Either,
}

impl DecimalSign {
    /// What a cell is that is read with this sign.
    pub fn form(self, cell: &str) -> NumberForm {
        let (own, other) = match self {
            Self::Point => ('.', ','),
            Self::Comma => (',', '.'),
        };
        let cell = cell.trim();
        let number = cell.strip_prefix(['-', '+']).unwrap_or(cell);
        let is_plain = |c: char| c.is_ascii_digit() || c == own || c == other;
        if number.is_empty() || !number.chars().all(is_plain) {
            return NumberForm::Either;
        }
        let last = number.rfind([own, other]);
        let Some((whole, decimals)) = last.map(|at| (&number[..at], &number[at + 1..])) else {
            // Who writes thousands apart does so from the first one on.
            return if number.len() > 3 { NumberForm::OwnSign } else { NumberForm::Either };
        };
        let is_single = !whole.contains([own, other]);
        let may_be_thousands = is_single && is_grouped(number, [own, other]);
        if number[whole.len()..].starts_with(own) {
            return match is_single || is_grouped(whole, [other]) {
                _ if may_be_thousands => NumberForm::Thousands,
                true => NumberForm::OwnSign,
                false if is_grouped(number, [own]) => NumberForm::OtherSign,
                false => NumberForm::Either,
            };
        }
        let is_decimal = (is_single || is_grouped(whole, [own])) && !decimals.is_empty();
        if is_decimal && !may_be_thousands { NumberForm::OtherSign } else { NumberForm::Either }
    }
}

/// `1.234`, `1.234.567`: all groups but the first have three digits. Nobody writes `0.123` for thousands.
fn is_grouped<const N: usize>(text: &str, between: [char; N]) -> bool {
    let mut groups = text.split(between);
    let first = groups.next().unwrap_or_default();
    let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let (mut count, mut are_whole) = (0, true);
    for group in groups {
        count += 1;
        are_whole &= group.len() == 3 && is_digits(group);
    }
    let begins = (1..=3).contains(&first.len()) && is_digits(first) && !first.starts_with('0');
    count > 0 && are_whole && begins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_its_decimal_sign_unless_it_fits_both() {
        use NumberForm::{Either, OtherSign, OwnSign, Thousands};
        for (cell, with_point, with_comma) in [
            ("1.001", Thousands, Either),
            (" -12.500 ", Thousands, Either),
            ("1,001", Either, Thousands),
            ("1.234.567", OtherSign, Either),
            ("1,234,567", Either, OtherSign),
            ("1.234,50", OtherSign, OwnSign),
            ("1,234.50", OwnSign, OtherSign),
            ("12,5", OtherSign, OwnSign),
            (",5", OtherSign, OwnSign),
            ("1234,567", OtherSign, OwnSign),
            ("0,123", OtherSign, OwnSign),
            ("12.5", OwnSign, OtherSign),
            ("0.123", OwnSign, OtherSign),
            ("1234.567", OwnSign, OtherSign),
            ("1500", OwnSign, OwnSign),
            ("500", Either, Either),
            ("12.34,5", Either, Either),
            ("1.2.3", Either, Either),
            ("1,", Either, OwnSign),
            ("", Either, Either),
            ("-", Either, Either),
            ("1.5e3", Either, Either),
            ("EUR 1.001", Either, Either),
        ] {
            let found = [DecimalSign::Point, DecimalSign::Comma].map(|sign| sign.form(cell));
            assert_eq!(found, [with_point, with_comma], "{cell:?}");
        }
    }
}
