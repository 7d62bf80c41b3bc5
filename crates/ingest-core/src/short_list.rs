//! Lists that people read.

use std::fmt::Display;

/// Most items that are named.
const NAMED_MAX: usize = 20;

/// No more items are named behind so many characters: a reason is kept with 2,000, and what follows the
/// list says what to do.
const CHARACTERS_MAX: usize = 1_300;

/// The items with this between them: 20 of them at most, and none behind 1,300 characters; "and N more".
pub fn few<T: Display>(items: impl IntoIterator<Item = T>, between: &str) -> String {
    let mut named = String::new();
    let (mut count, mut characters, mut more) = (0, 0, 0_u64);
    for item in items {
        if count == NAMED_MAX || characters > CHARACTERS_MAX {
            more += 1;
            continue;
        }
        let item = item.to_string();
        if count > 0 {
            named.push_str(between);
        }
        named.push_str(&item);
        count += 1;
        characters += item.chars().count();
    }
    if more > 0 {
        named.push_str(&format!("{between}and {more} more"));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_are_named_and_the_others_counted() {
        assert_eq!(few(["a", "b"], ", "), "a, b");
        assert!(few(1..=20, "; ").ends_with("; 19; 20"));
        assert!(few(1..=2_000, "; ").ends_with("; 19; 20; and 1980 more"));
        assert_eq!(few([""; 0], ", "), "");
    }

    #[test]
    fn long_items_leave_room_for_what_follows_them() {
        let named = few(vec!["x".repeat(400); 20], "; ");

        assert!(named.len() < 1_700 && named.ends_with("x; and 16 more"), "{named}");
    }
}
