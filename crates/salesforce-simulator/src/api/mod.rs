//! What can be asked: every path on one screen.

mod collections;
mod control;
mod describe;
mod ingest;
mod limits;
mod multipart;
mod oauth;
mod query;
mod records;
mod soap;
mod soql;
mod system_fields;
mod version;

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use bytes::Bytes;

pub(crate) use control::control;
pub(crate) use oauth::{Login, bearer, login};
pub(crate) use query::Cursors;
pub(crate) use soap::soap;
pub(crate) use version::{Version, versions};

use crate::{http::Answer, org::Org, problem::Refusal, sessions::USER_ID};

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

/// Answers a call of the data API.
pub(crate) fn data(org: &Arc<Org>, call: &Call<'_>) -> Result<Answer, Refusal> {
    match (call.method.as_str(), call.path) {
        ("GET", []) => Ok(limits::resources(call)),
        ("GET", ["limits"]) => Ok(limits::limits(org)),

        ("GET", ["sobjects"]) => Ok(describe::all(org, call)),
        ("GET", ["sobjects", object, "describe"]) => describe::one(org, call, object),
        ("GET", ["sobjects", object]) => describe::summary(org, call, object),

        ("GET", ["sobjects", user, USER_ID]) if user.eq_ignore_ascii_case("User") => {
            Ok(oauth::user_record(org, call))
        }
        ("POST", ["sobjects", object]) => records::insert(org, call, object),
        ("GET", ["sobjects", object, id]) => records::get(org, call, object, id),
        ("PATCH", ["sobjects", object, id]) => records::update(org, call, object, id),
        ("DELETE", ["sobjects", object, id]) => records::delete(org, object, id),
        ("GET", ["sobjects", object, field, key]) => {
            records::get_by_key(org, call, object, field, key)
        }
        ("PATCH", ["sobjects", object, field, key]) => {
            records::upsert(org, call, object, field, key)
        }

        ("POST", ["composite", "sobjects"]) => collections::insert(org, call),
        ("PATCH", ["composite", "sobjects"]) => collections::update(org, call),
        ("DELETE", ["composite", "sobjects"]) => collections::delete(org, call),
        ("POST", ["composite", "sobjects", object]) => collections::get_many(org, call, object),
        ("PATCH", ["composite", "sobjects", object, field]) if call.version.has_upsert() => {
            collections::upsert(org, call, object, field)
        }

        ("GET", ["query"]) => query::query(org, call, false),
        ("GET", ["queryAll"]) => query::query(org, call, true),
        ("GET", ["query" | "queryAll", cursor]) => query::more(org, call, cursor),

        (_, ["jobs", "ingest", path @ ..]) if call.version.has_ingest() => jobs(org, call, path),

        (_, path) => Err(no_such_route(call, path)),
    }
}

/// Below `/jobs/ingest`.
fn jobs(org: &Arc<Org>, call: &Call<'_>, path: &[&str]) -> Result<Answer, Refusal> {
    match (call.method.as_str(), path) {
        ("POST", []) => ingest::create(org, call),
        ("GET", []) => Ok(ingest::list(org, call)),
        ("GET", [id]) => ingest::get(org, id),
        ("PATCH", [id]) => ingest::change(org, call, id),
        ("DELETE", [id]) => ingest::delete(org, id),
        ("PUT", [id, "batches"]) => ingest::upload(org, call, id),
        ("GET", [id, file]) => ingest::results(org, id, file),
        _ => Err(no_such_route(call, call.path)),
    }
}

/// 405 when the path is there for other methods, else 404.
fn no_such_route(call: &Call<'_>, path: &[&str]) -> Refusal {
    let allowed = match path {
        [] | ["limits" | "sobjects"] | ["query" | "queryAll", ..] => "GET",
        ["sobjects", _, "describe"] => "GET",
        ["sobjects", _] => "GET,POST",
        ["sobjects", _, _] => "GET,PATCH,DELETE",
        ["sobjects", _, _, _] => "GET,PATCH",
        ["composite", "sobjects"] => "POST,PATCH,DELETE",
        ["composite", "sobjects", _] => "POST",
        ["composite", "sobjects", _, _] if call.version.has_upsert() => "PATCH",
        ["jobs", "ingest"] if call.version.has_ingest() => "GET,POST",
        ["jobs", "ingest", _] if call.version.has_ingest() => "GET,PATCH,DELETE",
        ["jobs", "ingest", _, "batches"] if call.version.has_ingest() => "PUT",
        _ => return Refusal::not_found(),
    };
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD_NOT_ALLOWED",
        format!("HTTP Method '{}' not allowed. Allowed are {allowed}", call.method),
    )
}

impl<'a> Call<'a> {
    /// Such as `/services/data/v62.0`.
    fn url_base(&self) -> String {
        format!("/services/data/{}", self.version)
    }

    /// A parameter of the query string.
    fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    }

    /// A header, when it is there and is text.
    fn header(&self, name: &HeaderName) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Sforce-Duplicate-Rule-Header: allowSave=true`.
    fn lets_duplicates_pass(&self) -> bool {
        self.header(&DUPLICATE_RULE).is_some_and(|text| {
            let mut settings = text.split([';', ',']).filter_map(|setting| setting.split_once('='));
            settings.any(|(name, value)| {
                name.trim().eq_ignore_ascii_case("allowSave")
                    && value.trim().eq_ignore_ascii_case("true")
            })
        })
    }

    /// Whether a parameter says `true`.
    fn says(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The body as text.
    fn text(&self) -> Result<&str, Refusal> {
        std::str::from_utf8(self.body).map_err(|error| {
            Refusal::parser(format!("Invalid UTF-8 at byte {}", error.valid_up_to()))
        })
    }
}
