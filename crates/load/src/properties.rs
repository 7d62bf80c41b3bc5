//! Lines of a Java properties file, as Data Loader writes its mappings and its settings.
//!
//! Comments start with `#` or `!`, `\` escapes the next character (`\ `, `\:`, `\=`, `\u00e4`) and joins
//! lines at their end. Two things are read more kindly than Java does: blanks and colons in a name need
//! no escape, because the separator is the first `=`; and the file is UTF-8.

use std::str::Chars;

/// One line of a properties file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Where it begins, from 1.
    pub line: usize,
    /// What stands before the first `=`.
    pub name: String,
    /// What stands behind it.
    pub value: String,
}

/// The file is written like Java properties, `key=value`, and this line is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct InvalidProperty {
    /// Where it begins, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl Property {
    /// The lines of a file that say something. `like` is one, for who wrote something else.
    pub fn read(text: &str, like: &str) -> impl Iterator<Item = Result<Self, InvalidProperty>> {
        let lines = logical_lines(text.trim_start_matches('\u{feff}'));
        lines.into_iter().map(move |(line, text)| {
            let invalid = |problem| InvalidProperty { line, problem };
            let (name, value) = split_at_separator(&text).ok_or_else(|| {
                invalid(format!("there is no `=`; a line is `{like}`, a comment starts with `#`"))
            })?;
            let name = unescape(name).map_err(invalid)?.trim().to_owned();
            let value = unescape(value).map_err(invalid)?;
            Ok(Self { line, name, value })
        })
    }
}

/// Lines that say something, with the number of the physical line where each starts; a line that
/// ends in an odd number of backslashes goes on in the next one.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, physical) in text.lines().enumerate() {
        let content = physical.trim_start();
        if !goes_on && (content.is_empty() || content.starts_with(['#', '!'])) {
            continue;
        }
        let backslashes = content.bytes().rev().take_while(|byte| *byte == b'\\').count();
        let joined = backslashes % 2 == 1;
        let content = if joined { &content[..content.len() - 1] } else { content };
        match found.last_mut().filter(|_| goes_on) {
            Some((_, line)) => line.push_str(content),
            None => found.push((index + 1, content.to_owned())),
        }
        goes_on = joined;
    }
    found
}

/// Splits at the first `=` that is not escaped.
fn split_at_separator(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (index, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' => return Some((&text[..index], &text[index + 1..])),
            _ => (),
        }
    }
    None
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => plain.push(unescape_unicode(&mut characters)?),
            Some(other) => plain.push(other),
            None => (),
        }
    }
    Ok(plain)
}

/// The character of `\u00e4`, from behind the `u`. Java writes one beyond 16 bits as two halves.
fn unescape_unicode(characters: &mut Chars<'_>) -> Result<char, String> {
    let (digits, first) = unit(characters);
    let mut units = vec![first.ok_or_else(|| format!("`\\u{digits}` is no character"))?];
    let behind = characters.as_str();
    if (0xd800..0xdc00).contains(&units[0])
        && let Some(rest) = behind.strip_prefix("\\u")
    {
        *characters = rest.chars();
        units.extend(unit(characters).1);
    }
    String::from_utf16(&units)
        .ok()
        .and_then(|decoded| decoded.chars().next())
        .ok_or_else(|| format!("`\\u{digits}` is half a character"))
}

/// Four hexadecimal digits, and what they say.
fn unit(characters: &mut Chars<'_>) -> (String, Option<u16>) {
    let digits: String = characters.by_ref().take(4).collect();
    let are_digits = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| are_digits);
    (digits, unit)
}
