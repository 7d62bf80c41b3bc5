//! Time zones by their names.

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// The zone of this name.
pub(crate) fn named(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| "no such time zone; write it like Europe/Berlin".to_owned())
}

pub(super) fn name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

pub(super) fn serialize<S: Serializer>(zone: &TimeZone, serializer: S) -> Result<S::Ok, S::Error> {
    name(zone).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<TimeZone, D::Error> {
    named(&String::deserialize(input)?).map_err(D::Error::custom)
}

/// The same for one that need not be there.
pub(crate) mod if_given {
    use super::*;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Option<TimeZone>, D::Error> {
        let name = Option::<String>::deserialize(input)?;
        name.map(|name| named(&name)).transpose().map_err(D::Error::custom)
    }
}
