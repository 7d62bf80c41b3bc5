//! When two keys are the same for Salesforce.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hasher},
};

use ingest_core::number_by_value;

use crate::Field;

/// When two keys are the same for Salesforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// `a` is not `A`.
    Exact,
    /// `a` is `A`.
    IgnoringCase,
    /// Ids: what comes after 15 characters says nothing new.
    OfIds,
    /// Numbers: `1001` is `1001.0`.
    OfNumbers,
}

/// Characters of an id that tell records apart.
const ID_CHARACTERS: usize = 15;

/// A key of so many bytes is compared without an allocation; an external id has 255 characters at most.
const KEY_BYTES: usize = 256;

impl Sameness {
    /// How the keys in a field are compared.
    pub fn of(field: &Field) -> Self {
        match field.field_type.as_str() {
            "id" | "reference" => Self::OfIds,
            "int" | "double" | "currency" | "percent" => Self::OfNumbers,
            _ if field.case_sensitive => Self::Exact,
            _ => Self::IgnoringCase,
        }
    }

    /// What a key has in common with all that are the same.
    pub fn comparable(self, key: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Exact => Cow::Borrowed(key),
            Self::OfIds => Cow::Borrowed(&key[..key.len().min(ID_CHARACTERS)]),
            Self::OfNumbers => {
                let value = std::str::from_utf8(key).ok().and_then(number_by_value);
                value.map_or(Cow::Borrowed(key), |value| Cow::Owned(value.into_bytes()))
            }
            Self::IgnoringCase => {
                if key.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
                    return Cow::Borrowed(key);
                }
                if key.is_ascii() {
                    return Cow::Owned(key.to_ascii_lowercase());
                }
                Cow::Owned(String::from_utf8_lossy(key).to_lowercase().into_bytes())
            }
        }
    }

    /// A number that keys have in common that are the same. Others have other ones, as far as 64 bits can
    /// tell.
    #[must_use]
    pub fn fingerprint(self, key: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut buffer = [0; KEY_BYTES];
        match buffer.get_mut(..key.len()) {
            Some(lower) if self == Self::IgnoringCase && key.is_ascii() => {
                lower.copy_from_slice(key);
                lower.make_ascii_lowercase();
                hasher.write(lower);
            }
            _ => hasher.write(&self.comparable(key)),
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_same_fingerprint_when_they_are_the_same() {
        let long = ["K", "k"].map(|letter| letter.repeat(KEY_BYTES + 1));
        let keys = [
            "Ext-1",
            "EXT-1",
            "ext-1",
            "\u{212a}1",
            "K1",
            "k1",
            "Ä",
            "ä",
            "1.0",
            "1",
            "",
            "00Qxx0000000001AAA",
            "00Qxx0000000001",
            &long[0],
            &long[1],
        ];
        let all = [Sameness::Exact, Sameness::IgnoringCase, Sameness::OfIds, Sameness::OfNumbers];
        for sameness in all {
            for (one, other) in
                keys.iter().flat_map(|one| keys.iter().map(move |other| (one, other)))
            {
                let [one, other] = [one, other].map(|key| key.as_bytes());
                assert_eq!(
                    sameness.fingerprint(one) == sameness.fingerprint(other),
                    sameness.comparable(one) == sameness.comparable(other),
                    "{sameness:?} {one:?} {other:?}"
                );
            }
        }
    }
}
