//! Text, choices and ids.

use std::borrow::Cow;

/// What XML cannot carry, and Salesforce refuses, is left out; line breaks and tabs stay.
pub(super) fn clean(cell: &str) -> Cow<'_, str> {
    let is_illegal = |c: char| {
        (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if cell.contains(is_illegal) {
        Cow::Owned(cell.replace(is_illegal, ""))
    } else {
        Cow::Borrowed(cell)
    }
}

/// The text, if it has so many characters at most; otherwise its head, if that will do.
pub(super) fn fit(text: &str, length_max: usize, truncate: bool) -> Option<&str> {
    // A text of so many bytes cannot have more characters.
    if text.len() <= length_max {
        return Some(text);
    }
    match text.char_indices().nth(length_max) {
        None => Some(text),
        Some((end, _)) if truncate => Some(&text[..end]),
        Some(_) => None,
    }
}
