//! Text, choices and ids.

use std::borrow::Cow;

/// Whether a text is as [`clean`] and [`fit`] leave it, and JSON has it without an escape. Most are; it
/// is found out for many bytes at once.
pub(super) fn is_plain(text: &str, length_max: Option<usize>) -> bool {
    // 0xEF begins what `clean` leaves out, and much else that is seldom.
    let is_odd = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\' | 0xEF);
    text.len() <= length_max.unwrap_or(usize::MAX)
        && !text.bytes().fold(false, |odd, byte| odd | is_odd(byte))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_is_written_as_any_other() {
        let all = (0..=0x1_0000_u32).filter_map(char::from_u32);
        for text in all.map(String::from).chain(["".to_owned(), "Ada Löwe 日本 🌍".to_owned()])
        {
            let others = [clean(&text).into_owned(), fit(&text, 9, true).unwrap().to_owned()];
            if is_plain(&text, Some(9)) {
                assert_eq!(others, [text.clone(), text.clone()]);
                assert_eq!(serde_json::to_string(&text).unwrap(), format!("\"{text}\""));
            }
        }
        assert!(is_plain("Ada Löwe", Some(9)) && !is_plain("Ada Löwe", Some(8)));
    }
}
