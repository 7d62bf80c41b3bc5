//! Text of a file that a person wrote.

/// An editor saved the file in another encoding, as those of Windows often do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not UTF-8; save the file as UTF-8")]
pub struct NotUtf8 {
    /// The first line that is not, from 1.
    pub line: usize,
}

impl NotUtf8 {
    /// What is wrong, for who says the line already.
    pub const PROBLEM: &str = "it is not UTF-8; save the file as UTF-8";

    /// The text of these bytes.
    ///
    /// # Errors
    ///
    /// When they are not UTF-8.
    pub fn check(bytes: Vec<u8>) -> Result<String, Self> {
        String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            Self { line: valid.split(|byte| *byte == b'\n').count() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_is_not_utf_8_is_named() {
        for (bytes, line) in [
            (&b"\xff"[..], Some(1)),
            (b"a\nb\r\nStra\xdfe\n\xdf", Some(3)),
            (b"a\n\xff", Some(2)),
            (b"a\n\xc3", Some(2)),
            ("a\nStraße\n".as_bytes(), None),
            (b"", None),
        ] {
            let checked = NotUtf8::check(bytes.to_vec());
            assert_eq!(checked.clone().err().map(|not| not.line), line, "{bytes:?}");
            assert!(line.is_some() || checked.unwrap().as_bytes() == bytes);
        }
    }
}
