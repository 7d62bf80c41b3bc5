//! The name that somebody meant who wrote another one.

/// Names longer than this are compared with nothing: no known one is so long.
const CHARACTERS_MAX: usize = 64;

/// The known name that is so near that it was probably meant. Case, and whether words have `-` or `_`
/// between them, makes no difference.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| -> Vec<char> {
        name.chars().map(|it| if it == '_' { '-' } else { it.to_ascii_lowercase() }).collect()
    };
    let name = plain(name);
    if name.len() > CHARACTERS_MAX {
        return None;
    }
    let edits_max = (name.len() / 3).max(1);
    let near = known.into_iter().map(|known| (edits(&name, &plain(known)), known));
    let near = near.filter(|(edits, _)| *edits <= edits_max);
    near.min_by_key(|(edits, _)| *edits).map(|(_, known)| known)
}

/// Characters to add, take away or replace until one is the other (Levenshtein).
fn edits(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, left) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (at, right) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
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
    fn edits_are_counted_one_by_one() {
        for (one, other, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            let [one, other] = [one, other].map(|text| text.chars().collect::<Vec<_>>());
            assert_eq!(edits(&one, &other), expected, "{one:?} {other:?}");
        }
    }
}
