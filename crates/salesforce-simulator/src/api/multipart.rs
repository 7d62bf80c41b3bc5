//! A form of several parts: an ingest job with its rows in one request.

use bytes::Bytes;

/// One part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) content: Bytes,
}

/// What stands between the parts, by the `Content-Type` of the request; `None`
/// when it is no such form.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameters.split(';').find_map(|text| {
        let (name, value) = text.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"'))
    })
}

/// The parts that have a name.
pub(super) fn parts(body: &Bytes, boundary: &str) -> Vec<Part> {
    let mark = format!("--{boundary}");
    let places: Vec<usize> = memchr::memmem::find_iter(body, &mark).collect();
    places.windows(2).filter_map(|pair| part(body.slice(pair[0] + mark.len()..pair[1]))).collect()
}

/// Headers, a blank line, the content, and the line break before the next mark.
fn part(bytes: Bytes) -> Option<Part> {
    let head_end = memchr::memmem::find(&bytes, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..head_end]).ok()?;
    let name = head.split(['\r', '\n', ';']).find_map(|text| {
        let value = text.trim().strip_prefix("name=")?;
        Some(value.trim_matches('"').to_owned())
    })?;
    let content = bytes.slice(head_end + 4..);
    let length = content.len() - if content.ends_with(b"\r\n") { 2 } else { 0 };
    Some(Part { name, content: content.slice(..length) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_told_by_its_content_type() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=BOUNDARY", Some("BOUNDARY")),
            ("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"", Some("a b")),
            ("application/json; boundary=x", None),
            ("multipart/form-data", None),
            ("multipart/form-data; b", None),
        ] {
            assert_eq!(boundary(content_type), expected, "{content_type}");
        }
    }

    #[test]
    fn parts_are_told_by_their_names_and_keep_their_line_breaks() {
        let body = Bytes::from(
            "--B\r\nContent-Type: application/json\r\nContent-Disposition: form-data; \
             name=\"job\"\r\n\r\n{}\r\n--B\r\nContent-Disposition: form-data; name=\"content\"; \
             filename=\"content\"\r\nContent-Type: text/csv\r\n\r\na,b\n1,2\n\r\n--B--\r\n",
        );

        let found = parts(&body, "B");

        let part = |name: &str, content: &'static str| Part {
            name: name.to_owned(),
            content: Bytes::from_static(content.as_bytes()),
        };
        assert_eq!(found, [part("job", "{}"), part("content", "a,b\n1,2\n")]);
        assert_eq!(parts(&body, "other"), []);
    }
}
