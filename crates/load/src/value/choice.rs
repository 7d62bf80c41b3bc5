//! The values of a restricted picklist.

use std::{borrow::Cow, sync::Arc};

use ingest_core::trimmed;

/// The values that a restricted picklist takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    values: Arc<[Choice]>,
    /// Whether several of them may be chosen, with semicolons between.
    several: bool,
    /// Whether some of them differ only in upper and lower case.
    has_twins: bool,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    /// As the field defines it.
    defined: String,
    comparable: String,
}

impl Choices {
    pub(super) fn new<'a>(values: impl Iterator<Item = &'a str>, several: bool) -> Self {
        let values: Arc<[Choice]> = values
            .map(|value| Choice { defined: value.to_owned(), comparable: comparable(value) })
            .collect();
        let mut all: Vec<&str> = values.iter().map(|value| value.comparable.as_str()).collect();
        all.sort_unstable();
        let has_twins = all.windows(2).any(|pair| pair[0] == pair[1]);
        Self { values, several, has_twins }
    }

    /// The cell in the spelling that the field defines.
    pub(super) fn spelled<'a>(&'a self, cell: &'a str) -> Option<Cow<'a, str>> {
        if !self.several {
            return self.find(cell).map(Cow::Borrowed);
        }
        if cell.split(';').all(|part| self.is_defined(part)) {
            return Some(Cow::Borrowed(cell));
        }
        let parts: Option<Vec<&str>> = cell.split(';').map(|part| self.find(part)).collect();
        Some(Cow::Owned(parts?.join(";")))
    }

    /// The one value that is meant; nothing where none is, or where it might be one of several.
    fn find<'a>(&'a self, cell: &'a str) -> Option<&'a str> {
        if self.is_defined(cell) {
            return Some(cell);
        }
        let cell = trimmed(cell);
        if self.is_defined(cell) {
            return Some(cell);
        }
        let wanted = comparable(cell);
        let mut found = self.values.iter().filter(|value| value.comparable == wanted);
        match (found.next(), found.next()) {
            (Some(only), None) => Some(&only.defined),
            _ => None,
        }
    }

    fn is_defined(&self, value: &str) -> bool {
        self.values.iter().any(|known| known.defined == value)
    }

    /// What a cell has to be.
    pub(super) fn rule(&self) -> Cow<'static, str> {
        let count = self.values.len();
        let defined = |at: usize| self.values.get(at).map(|value| value.defined.as_str());
        let first = defined(0).unwrap_or_default();
        let (one, such) = match (self.several, defined(1)) {
            (true, Some(second)) => ("some of", format!("{first};{second}")),
            _ => ("one of", first.to_owned()),
        };
        format!("{one} {count} values, such as {such}, in upper or lower case").into()
    }

    /// What is wrong with a cell.
    pub(super) fn invalid(&self) -> Cow<'static, str> {
        let spelling = if self.has_twins {
            "; some of them differ only in upper and lower case, so write them as they are defined"
        } else {
            ""
        };
        format!("not among the {} values that the field allows{spelling}", self.values.len()).into()
    }
}

/// What a value has in common with those that mean the same.
fn comparable(value: &str) -> String {
    trimmed(value).to_lowercase()
}
