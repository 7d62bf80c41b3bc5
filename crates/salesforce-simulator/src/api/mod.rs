//! What can be asked: every path on one screen.

mod call;
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
mod version;

use std::sync::Arc;

use axum::http::StatusCode;

pub(crate) use call::Call;
pub(crate) use control::control;
pub(crate) use oauth::{Login, bearer, login};
pub(crate) use soap::soap;
pub(crate) use version::{Version, versions};

use crate::{http::Answer, org::Org, problem::Refusal, sessions::USER_ID};

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
