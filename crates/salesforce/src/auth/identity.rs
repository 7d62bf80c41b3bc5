//! The ids of org and user in the answer to a login.

use ingest_core::is_record_id;
use url::Url;

/// What ids of orgs begin with.
pub(crate) const ORG: &str = "00D";

/// And those of users.
pub(crate) const USER: &str = "005";

/// The org's id in the address of a user, `https://…/id/<org>/<user>`.
pub(crate) fn org_of_identity(url: &str) -> Option<String> {
    id(&segment_behind_id(url, 1)?, ORG)
}

/// The user's id in it.
pub(crate) fn user_of_identity(url: &str) -> Option<String> {
    id(&segment_behind_id(url, 2)?, USER)
}

fn segment_behind_id(url: &str, place: usize) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let mut segments = url.path_segments()?.skip_while(|segment| *segment != "id");
    segments.nth(place).map(str::to_owned)
}

/// An id in the form of 18 characters, whichever of the two it came in.
pub(crate) fn id(text: &str, prefix: &str) -> Option<String> {
    const SUFFIXES: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let is_id = is_record_id(text) && text.starts_with(prefix);
    let id = text.get(..15).filter(|_| is_id)?;
    // One character for five: it says which of them are capitals.
    let suffix = id.as_bytes().chunks(5).map(|five| {
        let capitals = five
            .iter()
            .rev()
            .fold(0, |bits, byte| bits << 1 | usize::from(byte.is_ascii_uppercase()));
        char::from(SUFFIXES[capitals])
    });
    Some(id.chars().chain(suffix).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_an_id_name_the_same_org() {
        let salesforces = "https://login.salesforce.com/id/00D50000000IZ3ZEAW/00550000001fg5OAAQ";
        for (url, expected) in [
            (salesforces, Some("00D50000000IZ3ZEAW")),
            (
                "https://login.salesforce.com/id/00D50000000IZ3Z/00550000001fg5O",
                Some("00D50000000IZ3ZEAW"),
            ),
            (
                "http://127.0.0.1:1/id/00DS1000000SimuMAC/005S1000000SimuIAC",
                Some("00DS1000000SimuMAC"),
            ),
            ("https://test.salesforce.com/id/00D50000000IZ3Z", Some("00D50000000IZ3ZEAW")),
            ("https://login.salesforce.com/id/00550000001fg5OAAQ/x", None),
            ("https://login.salesforce.com/id/00D5/x", None),
            ("https://login.salesforce.com/id", None),
            ("https://login.salesforce.com/id/00D50000000IZä/x", None),
            ("00D50000000IZ3ZEAW", None),
        ] {
            assert_eq!(org_of_identity(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn the_user_stands_behind_the_org() {
        for (url, expected) in [
            (
                "https://login.salesforce.com/id/00D50000000IZ3ZEAW/00550000001fg5OAAQ",
                Some("00550000001fg5OAAQ"),
            ),
            (
                "https://login.salesforce.com/id/00D50000000IZ3Z/00550000001fg5O",
                Some("00550000001fg5OAAQ"),
            ),
            (
                "http://127.0.0.1:1/id/00DS1000000SimuMAC/005S1000000SimuIAC",
                Some("005S1000000SimuIAC"),
            ),
            ("https://login.salesforce.com/id/00D50000000IZ3ZEAW", None),
            ("https://login.salesforce.com/id/00D50000000IZ3ZEAW/00D50000000IZ3ZEAW", None),
            ("https://login.salesforce.com/id/00D50000000IZ3ZEAW/005'%20OR%20Id", None),
        ] {
            assert_eq!(user_of_identity(url).as_deref(), expected, "{url}");
        }
    }
}
