//! The path rules: `//` counts as `/`, and a slash at the end as none.

/// The parts of a path, percent-decoded, without empty ones; `None` when an
/// escape is not one, or not text.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/').filter(|part| !part.is_empty()).map(decoded).collect()
}

fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_and_last_slashes_do_not_count() {
        for path in ["/a/b", "//a//b/", "/a/b/", "a/b"] {
            assert_eq!(segments(path).unwrap(), ["a", "b"], "{path}");
        }
        assert!(segments("/").unwrap().is_empty());
    }

    #[test]
    fn escapes_are_decoded_after_the_path_is_split() {
        assert_eq!(segments("/a%2Fb/%C3%A9+x").unwrap(), ["a/b", "é+x"]);
        for path in ["/%", "/%4", "/%zz", "/%ff"] {
            assert_eq!(segments(path), None, "{path}");
        }
    }
}
