//! Base64, both alphabets.

/// The bytes that a text stands for, with or without `=` at its end; `None` when
/// it has other characters.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read() {
        for (packed, text) in [
            ("", b"".as_slice()),
            ("YQ==", b"a"),
            ("YQ", b"a"),
            ("YWI=", b"ab"),
            ("YWJjOi8/", b"abc:/?"),
            ("-_8", &[0xfb, 0xff]),
            ("+/8=", &[0xfb, 0xff]),
        ] {
            assert_eq!(decoded(packed).unwrap(), text, "{packed}");
        }
        assert_eq!(decoded("a b"), None);
    }
}
