//! Names that a load can have.

use std::collections::HashSet;

/// Characters of the name of a load, at most.
const CHARACTERS_MAX: usize = 60;

/// The names that were given to loads so far.
#[derive(Default)]
pub(super) struct Names {
    given: HashSet<String>,
}

impl Names {
    /// A name for the load of a bean: `accountMasterProcess` becomes `account-master-process`. Each
    /// is given once.
    pub(super) fn give(&mut self, bean: &str) -> String {
        let plain = plain(bean);
        let mut name = plain.clone();
        let mut number = 2;
        while name == "default" || !self.given.insert(name.clone()) {
            name = format!("{plain}-{number}");
            number += 1;
        }
        name
    }
}

fn plain(bean: &str) -> String {
    let mut plain = String::new();
    let mut was_small = false;
    for character in bean.chars() {
        if plain.len() >= CHARACTERS_MAX {
            break;
        }
        match character {
            'A'..='Z' => {
                if was_small {
                    plain.push('-');
                }
                plain.push(character.to_ascii_lowercase());
            }
            'a'..='z' | '0'..='9' | '_' => plain.push(character),
            _ if plain.ends_with('-') || plain.is_empty() => (),
            _ => plain.push('-'),
        }
        was_small = character.is_ascii_lowercase() || character.is_ascii_digit();
    }
    let trimmed = plain.trim_matches('-');
    if trimmed.is_empty() { "load".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bean_gives_its_load_a_name_that_a_load_can_have() {
        let mut names = Names::default();
        for (bean, expected) in [
            ("accountMasterProcess", "account-master-process"),
            ("account-master-process", "account-master-process-2"),
            ("CSVUpsert2026", "csvupsert2026"),
            ("Konten (täglich)", "konten-t-glich"),
            ("default", "default-2"),
            ("…", "load"),
            ("", "load-2"),
        ] {
            assert_eq!(names.give(bean), expected, "{bean:?}");
        }
    }
}
