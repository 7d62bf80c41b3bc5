//! Record ids as Salesforce writes them: 15 characters that tell upper from
//! lower case, and 3 more that repeat the case for those who cannot.

use std::fmt;

/// Between the key prefix and the number; makes our ids easy to recognise.
const POD: &str = "S10";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CASE_DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const NUMBER_DIGITS: usize = 9;

/// First three characters of an id: which object it belongs to.
pub(crate) type KeyPrefix = [u8; 3];

/// The id of the record in slot `number` of an object's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordId {
    pub(crate) prefix: KeyPrefix,
    pub(crate) number: u32,
}

impl RecordId {
    /// Reads an id of 15 or 18 characters; `None` when it has not the form of
    /// one, or is not one of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if !well_formed(text) || bytes.get(3..6)? != POD.as_bytes() {
            return None;
        }
        let mut number = 0_u64;
        for digit in &bytes[6..15] {
            let value = DIGITS.iter().position(|known| known == digit)?;
            number = number.checked_mul(62)?.checked_add(value as u64)?;
        }
        let id = Self {
            prefix: [bytes[0], bytes[1], bytes[2]],
            number: u32::try_from(number.checked_sub(1)?).ok()?,
        };
        (bytes.len() == 15 || id.to_string() == text).then_some(id)
    }

    fn without_case_digits(self) -> [u8; 15] {
        let mut text = [b'0'; 15];
        text[..3].copy_from_slice(&self.prefix);
        text[3..6].copy_from_slice(POD.as_bytes());
        let mut rest = u64::from(self.number) + 1;
        for place in (15 - NUMBER_DIGITS..15).rev() {
            text[place] = DIGITS[usize::try_from(rest % 62).expect("below 62")];
            rest /= 62;
        }
        text
    }
}

/// Whether `text` has the form of an id: 15 or 18 letters and digits.
pub(crate) fn well_formed(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Writes the 18-character form.
impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.without_case_digits();
        let mut whole = [0_u8; 18];
        whole[..15].copy_from_slice(&text);
        for (chunk, place) in text.chunks(5).zip(15..) {
            let bits = (0..5).filter(|bit| chunk[*bit].is_ascii_uppercase());
            whole[place] = CASE_DIGITS[bits.map(|bit| 1_usize << bit).sum::<usize>()];
        }
        formatter.write_str(std::str::from_utf8(&whole).expect("letters and digits"))
    }
}

impl serde::Serialize for RecordId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_in_both_lengths() {
        for number in [0, 1, 61, 62, 2_000_000, u32::MAX] {
            let id = RecordId { prefix: *b"00Q", number };

            let text = id.to_string();

            assert_eq!(text.len(), 18);
            assert_eq!(RecordId::parse(&text), Some(id));
            assert_eq!(RecordId::parse(&text[..15]), Some(id));
        }
    }

    #[test]
    fn the_case_digits_follow_the_published_rule() {
        // 00QS1 00000 00001: capitals at places 2 and 3 of the first five.
        let id = RecordId { prefix: *b"00Q", number: 0 };

        assert_eq!(id.to_string(), "00QS10000000001MAA");
    }

    #[test]
    fn what_is_no_id_of_ours_is_not_read() {
        for text in ["", "x", "00QS1000000000", "00QS10000000001MAB", "001xx000003DGbMAAW"] {
            assert_eq!(RecordId::parse(text), None, "{text}");
        }
    }
}
