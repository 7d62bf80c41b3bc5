//! A call, and what it says of itself.

use axum::http::{HeaderMap, HeaderName, Method};
use bytes::Bytes;

use super::version::Version;
use crate::problem::Refusal;

const DUPLICATE_RULE: HeaderName = HeaderName::from_static("sforce-duplicate-rule-header");

/// A call of the data API, `/services/data/v62.0/…`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    pub(crate) version: Version,
    /// What follows the version.
    pub(crate) path: &'a [&'a str],
    /// As it came, without the question mark.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

impl<'a> Call<'a> {
    /// Such as `/services/data/v62.0`.
    pub(super) fn url_base(&self) -> String {
        format!("/services/data/{}", self.version)
    }

    /// A parameter of the query string.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    }

    /// A header, when it is there and is text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Sforce-Duplicate-Rule-Header: allowSave=true`.
    pub(super) fn lets_duplicates_pass(&self) -> bool {
        self.header(&DUPLICATE_RULE).is_some_and(|text| {
            let mut settings = text.split([';', ',']).filter_map(|setting| setting.split_once('='));
            settings.any(|(name, value)| {
                name.trim().eq_ignore_ascii_case("allowSave")
                    && value.trim().eq_ignore_ascii_case("true")
            })
        })
    }

    /// Whether a parameter says `true`.
    pub(super) fn says(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The body as text.
    pub(super) fn text(&self) -> Result<&str, Refusal> {
        std::str::from_utf8(self.body).map_err(|error| {
            Refusal::parser(format!("Invalid UTF-8 at byte {}", error.valid_up_to()))
        })
    }
}
