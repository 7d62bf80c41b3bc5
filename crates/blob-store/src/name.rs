//! Names of blobs and containers, and the URLs made of them.
//! <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata>

use url::Url;

use crate::BlobError;

const BLOB_NAME_CHARS_MAX: usize = 1024;

/// Checks a blob's name before it becomes part of a URL, where `..`, and a `/`
/// at one of its ends, would silently name another blob. Two `/` in a row are
/// what a path joined carelessly has: Azure keeps them.
pub(crate) fn check_blob_name(name: &str) -> Result<(), BlobError> {
    let problem = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > BLOB_NAME_CHARS_MAX {
        "it is longer than 1024 characters"
    } else if name.chars().any(char::is_control) {
        "it has a control character"
    } else if name.contains('\\') {
        "it has a backslash, which the service takes for a `/`"
    } else if name.starts_with('/') || name.ends_with('/') {
        "it starts or ends with `/`"
    } else if name.split('/').any(|segment| segment == "." || segment == "..") {
        "it has a segment `.` or `..`"
    } else {
        return Ok(());
    };
    Err(BlobError::InvalidName { name: beginning(name), problem })
}

/// As much of a name as a message shows.
fn beginning(name: &str) -> String {
    name.chars().take(100).collect()
}

/// 3 to 63 of a-z, 0-9 and single hyphens inside, or one of Azure's own.
pub(crate) fn check_container_name(name: &str) -> Result<(), BlobError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let valid = (3..=63).contains(&name.len())
        && name.bytes().all(allowed)
        && name.split('-').all(|part| !part.is_empty());
    if valid || ["$root", "$web"].contains(&name) {
        return Ok(());
    }
    Err(BlobError::InvalidSetting {
        setting: "AZURE_CONTAINER",
        problem: "must be 3 to 63 of a-z, 0-9 and single hyphens between them".into(),
    })
}

/// `endpoint` with more segments, each encoded on its own: a `/` inside a blob's
/// name stays a `/`, since that is the path that gets signed.
pub(crate) fn url_of<'a>(endpoint: &Url, segments: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = endpoint.clone();
    url.path_segments_mut().expect("an http(s) URL has a path").pop_if_empty().extend(segments);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_go_astray_are_refused() {
        for name in [
            "a",
            "rejects/run-1.csv",
            "ä ö/日本語.csv",
            "a..b",
            "...",
            "what?#%25&",
            "a//b",
            "a///b",
        ] {
            assert!(check_blob_name(name).is_ok(), "{name}");
        }
        assert!(check_blob_name(&"ä".repeat(1024)).is_ok());

        for name in ["", "/a", "a/", "//a", ".", "..", "a/../b", "a/./b", "a\nb", "a\u{7f}", "a\\b"]
        {
            assert!(check_blob_name(name).is_err(), "{name:?}");
        }
        assert!(check_blob_name(&"a".repeat(1025)).is_err());
    }

    #[test]
    fn a_refused_name_is_shown_by_its_beginning() {
        let error = check_blob_name(&"a\n".repeat(500)).unwrap_err();

        let begin = "a\n".repeat(50);
        assert_eq!(
            error.to_string(),
            format!("`{begin}` is not a blob name: it has a control character")
        );
    }

    #[test]
    fn container_names_follow_azures_rules() {
        for name in ["abc", "high-volume-ingest", "a1-2", "$root"] {
            assert!(check_container_name(name).is_ok(), "{name}");
        }
        for name in ["ab", "Abc", "a--b", "-abc", "abc-", "a_b", "", &"a".repeat(64)] {
            assert!(check_container_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn slashes_stay_and_everything_else_is_encoded() {
        for endpoint in ["https://acme.blob.core.windows.net", "http://127.0.0.1:10000/acme/"] {
            let endpoint = Url::parse(endpoint).unwrap();
            let container = url_of(&endpoint, ["c"]);

            let url = url_of(&container, "a b/ü?#%.csv".split('/'));

            assert!(url.path().ends_with("/c/a%20b/%C3%BC%3F%23%25.csv"), "{url}");
            assert!(url.query().is_none() && !url.path().contains("//"), "{url}");
        }
    }
}
