//! The name that somebody meant who wrote another one.

/// Names longer than this are compared with nothing: no known one is so long.
const CHARACTERS_MAX: usize = 64;

/// The known name that is so near that it was probably meant: a third of its characters may be wrong.
/// Case, and whether words have `-` or `_` between them, makes no difference.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_within(name, known, (name.chars().count() / 3).max(1))
}

/// The same within so many slips: a character too many, too few, another one, or two that changed places.
pub fn nearest_within<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    slips_max: usize,
) -> Option<&'a str> {
    if name.chars().count() > CHARACTERS_MAX {
        return None;
    }
    let plain = |name: &str| name.replace('_', "-").to_ascii_lowercase();
    let name = plain(name);
    let slips = known.into_iter().map(|known| (strsim::osa_distance(&name, &plain(known)), known));
    let near = slips.filter(|(slips, _)| *slips <= slips_max);
    near.min_by_key(|(slips, _)| *slips).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_slip_away_was_meant() {
        let known = ["object", "operation", "external-id", "api", "after"];
        for (name, expected) in [
            ("objekt", Some("object")),
            ("objct", Some("object")),
            ("Object", Some("object")),
            ("external_id", Some("external-id")),
            ("externalId", Some("external-id")),
            ("apis", Some("api")),
            ("afterwards", None),
            ("mapping", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
        assert_eq!(nearest(&"a".repeat(65), ["a".repeat(65).as_str()]), None);
    }

    #[test]
    fn slips_are_counted() {
        let known = ["operation"];
        for (name, slips) in [
            ("operation", 0),
            ("opreation", 1),
            ("operatoin", 1),
            ("opration", 1),
            ("oparatoin", 2),
        ] {
            assert_eq!(nearest_within(name, known, slips), Some("operation"), "{name}");
            if let Some(fewer) = usize::checked_sub(slips, 1) {
                assert_eq!(nearest_within(name, known, fewer), None, "{name}");
            }
        }
    }
}
