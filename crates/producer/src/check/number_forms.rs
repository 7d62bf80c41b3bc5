//! Whether the numbers of a column are written with the decimal sign that they are read with.

use load::{DecimalSign, NumberForm};

use crate::report::format::grouped;

/// How the numbers of one column are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NumberForms {
    /// Read with three decimals, and maybe thousands.
    thousands: u64,
    /// Rejected, and numbers with the other sign.
    other_sign: u64,
    own_sign: u64,
}

impl NumberForms {
    pub(super) fn add(&mut self, form: NumberForm) {
        match form {
            NumberForm::Thousands => self.thousands += 1,
            NumberForm::OtherSign => self.other_sign += 1,
            NumberForm::OwnSign => self.own_sign += 1,
            NumberForm::Either => {}
        }
    }

    /// Adds those of later rows.
    pub(super) fn append(&mut self, later: Self) {
        self.thousands += later.thousands;
        self.other_sign += later.other_sign;
        self.own_sign += later.own_sign;
    }

    /// What is to be known of a column whose numbers are read with this sign; nothing, when there is no
    /// doubt.
    pub(super) fn warning(self, column: &str, field: &str, sign: DecimalSign) -> Option<String> {
        let Self { thousands, other_sign, own_sign } = self;
        let (own, other) = match sign {
            DecimalSign::Point => ("point", "comma"),
            DecimalSign::Comma => ("comma", "point"),
        };
        let set = format!("set decimal = \"{other}\" in the load, or MAPPING_DECIMAL={other}");
        let what = match (thousands, other_sign, own_sign) {
            (0, 0, _) | (_, 0, 1..) => return None,
            (_, 0, 0) => format!(
                "in all {} numbers with a {own} three digits follow it, and they are read as \
                 decimals; if they are thousands, {set}",
                grouped(thousands)
            ),
            (_, _, 0) => format!(
                "{} numbers have a {other} before their decimals and are rejected; {set}",
                grouped(other_sign)
            ),
            (..) => format!(
                "{} numbers have a {other} before their decimals and are rejected, and {} have a \
                 {own}, or none; write all of them in one way",
                grouped(other_sign),
                grouped(own_sign)
            ),
        };
        Some(format!("column `{column}`, field {field}: {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(cells: &[&str], sign: DecimalSign) -> Option<String> {
        let mut forms = NumberForms::default();
        for cell in cells {
            let mut one = NumberForms::default();
            one.add(sign.form(cell));
            forms.append(one);
        }
        forms.warning("Betrag", "Amount__c", sign)
    }

    #[test]
    fn numbers_that_may_be_thousands_of_another_country_are_named_with_the_setting() {
        let (point, comma) = (DecimalSign::Point, DecimalSign::Comma);
        for (cells, sign, says) in [
            (&["1.001", "12.500", "", "500"][..], point, Some("decimal = \"comma\"")),
            (&["1,001", "12,500"], comma, Some("decimal = \"point\"")),
            (&["1.001", "12.5"], point, None),
            (&["1.001", "1500"], point, None),
            (&["1.001"], comma, None),
            (&["500"], point, None),
            (&["1.001", "12,5", "3,25"], point, Some("2 numbers have a comma before")),
            (&["12.5"], comma, Some("MAPPING_DECIMAL=point")),
            (&["1500.5", "3,25"], point, Some("write all of them in one way")),
        ] {
            let found = warning(cells, sign);
            match says {
                None => assert_eq!(found, None, "{cells:?}"),
                Some(says) => {
                    let found = found.unwrap();
                    assert!(found.contains(says), "{cells:?}: {found}");
                    assert!(found.starts_with("column `Betrag`, field Amount__c: "), "{found}");
                    let shown = cells.iter().any(|cell| cell.len() > 3 && found.contains(cell));
                    assert!(!shown, "{found}");
                }
            }
        }
    }
}
