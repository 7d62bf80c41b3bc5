//! Text from files, their names, and Salesforce, as it is shown.
//!
//! It may have escape sequences that steer a terminal, line breaks that forge lines of a log, and
//! characters that turn the direction of reading.

use std::fmt::Write as _;

/// At most `characters_max` characters of foreign text, in one line. What is left out is told by `…`.
#[must_use]
pub fn shown(text: &str, characters_max: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * characters_max));
    for (count, character) in text.chars().enumerate() {
        if count == characters_max {
            shown.push('…');
            break;
        }
        match character {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            other => push_shown(&mut shown, other),
        }
    }
    shown
}

/// Whether a character steers what shows it instead of being shown.
#[must_use]
pub fn is_control(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        // The joiners of scripts, and what chooses the shape of an emoji.
        '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' => false,
        // What breaks a line, and anchors of annotations.
        '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}' => true,
        other => other.is_control() || is_ignorable(other),
    }
}

/// `Default_Ignorable_Code_Point` of Unicode 17, DerivedCoreProperties.txt: nobody sees them, and some
/// change the direction of what stands around them.
fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Appends a character as it is shown: one that steers is written as JSON writes it (`\u001b`).
pub fn push_shown(text: &mut String, character: char) {
    if !is_control(character) {
        return text.push(character);
    }
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(text, "\\u{unit:04x}").expect("a String takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1B}]0;owned\u{7}\u{9B}2J\r\nerror: b\u{202E}c\u{7F}\u{E0041}";

    #[test]
    fn what_steers_is_shown_and_in_one_line() {
        assert_eq!(
            shown(HOSTILE, 100),
            r"a\u001b]0;owned\u0007\u009b2J\u000d\nerror: b\u202ec\u007f\udb40\udc41"
        );
        assert_eq!(shown("Zürich 👩‍🔬 ❤️ \"ok\"", 100), "Zürich 👩‍🔬 ❤️ \"ok\"");
        for unseen in ['\u{AD}', '\u{115F}', '\u{3164}', '\u{34F}', '\u{FFF9}', '\u{180E}'] {
            assert_eq!(shown(&unseen.to_string(), 9), format!("\\u{:04x}", u32::from(unseen)));
        }
    }

    #[test]
    fn what_is_long_is_cut_by_characters() {
        assert_eq!(shown("ééé", 3), "ééé");
        assert_eq!(shown("ééé", 2), "éé…");
        assert_eq!(shown(&"\u{1B}".repeat(1 << 20), 2), r"\u001b\u001b…");
    }
}
