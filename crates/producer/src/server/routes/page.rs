//! The page: the files of `web/`, embedded in the program.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use sha2::{Digest, Sha256};

use crate::server::error::ApiError;

/// Every file of `web/`, as `build.rs` found it.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

struct File {
    name: &'static str,
    content: &'static [u8],
    content_type: &'static str,
    etag: HeaderValue,
}

static PAGE: LazyLock<Vec<File>> = LazyLock::new(|| {
    let file = |&(name, content): &(&'static str, &'static [u8])| File {
        name,
        content,
        content_type: content_type(name),
        etag: etag(content),
    };
    FILES.iter().map(file).collect()
});

/// `GET /`
pub(crate) async fn redirect() -> Redirect {
    Redirect::to("/batch-sync")
}

/// `GET /batch-sync`
pub(crate) async fn index(headers: HeaderMap) -> Response {
    answer("index.html", &headers)
}

/// `GET /batch-sync/{name}`
pub(crate) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    answer(&name, &headers)
}

fn answer(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = PAGE.iter().find(|file| file.name == name) else {
        return ApiError::not_found("the page has no such file; it is at /batch-sync")
            .into_response();
    };
    // Browsers ask each time whether theirs is still the right one: a new version
    // of the program is a new page at once.
    let fresh = [
        (header::ETAG, file.etag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if is_known(headers, &file.etag) {
        return (StatusCode::NOT_MODIFIED, fresh).into_response();
    }
    (fresh, [(header::CONTENT_TYPE, file.content_type)], file.content).into_response()
}

fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let etag = etag.to_str().unwrap_or_default();
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter();
    known.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
    })
}

fn etag(content: &[u8]) -> HeaderValue {
    let digest: [u8; 32] = Sha256::digest(content).into();
    let digits: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"").parse().expect("digits in quotes make a header value")
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_has_a_type() {
        assert!(FILES.iter().any(|(name, _)| *name == "index.html"));
        for (name, _) in FILES {
            assert_ne!(content_type(name), "application/octet-stream", "{name}");
        }
    }

    #[test]
    fn a_known_version_is_told_by_its_etag() {
        let etag = etag(b"x");
        let text = etag.to_str().unwrap();
        let cases = [
            (text.to_owned(), true),
            (format!("W/{text}"), true),
            (format!("\"other\", {text}"), true),
            ("*".to_owned(), true),
            ("\"other\"".to_owned(), false),
        ];

        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().unwrap());
            assert_eq!(is_known(&headers, &etag), expected, "{value}");
        }
    }
}
