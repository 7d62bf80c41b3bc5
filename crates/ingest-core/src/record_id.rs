//! The id of a record in Salesforce.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::is_record_id;

/// The id of a record: 15 characters, or 18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordId([u8; 18]);

/// Behind an id of 15 characters.
const NOTHING: u8 = b' ';

impl RecordId {
    /// Nothing, when the text is no id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_record_id(text).then(|| {
            let mut id = [NOTHING; 18];
            id[..text.len()].copy_from_slice(text.as_bytes());
            Self(id)
        })
    }

    /// As Salesforce gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default().trim_end()
    }

    /// What two spellings of one id have in common.
    #[must_use]
    pub fn decisive(&self) -> &[u8] {
        &self.0[..15]
    }

    /// Reads whatever an answer has where an id belongs: what is no id is none.
    ///
    /// # Errors
    ///
    /// When there is nothing that could be read.
    pub fn if_it_is_one<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Self>, D::Error> {
        Ok(Read::deserialize(input)?.0)
    }
}

/// What an answer has where an id belongs.
struct Read(Option<RecordId>);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Read;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the id of a record")
    }

    fn visit_str<E>(self, text: &str) -> Result<Read, E> {
        Ok(Read(RecordId::parse(text)))
    }

    fn visit_unit<E>(self) -> Result<Read, E> {
        Ok(Read(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Read, E> {
        Ok(Read(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Read, E> {
        Ok(Read(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Read, E> {
        Ok(Read(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Read, E> {
        Ok(Read(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Read, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Read(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Read, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Read(None))
    }
}
