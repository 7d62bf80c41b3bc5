//! The control API, `/__sim/…`: what the simulator holds and what it is told to
//! do wrong. No token, no faults, not counted.

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    http::{Answer, read_body},
    org::Org,
    schema::FieldChange,
    traffic::Usage,
};

const CHANGE_BYTES_MAX: usize = 1024 * 1024;

/// Answers a request to the control API; `path` is what follows `/__sim`.
pub(crate) async fn control(org: &Org, method: &Method, path: &[&str], body: Body) -> Answer {
    match (method.as_str(), path) {
        ("GET", ["healthz"]) => Answer::ok(&json!({"status": "ok"})),
        ("GET", ["state"]) => Answer::ok(&org.state()),
        ("GET", ["requests"]) => Answer::ok(&org.traffic.log()),
        ("GET", ["faults"]) => Answer::ok(&org.faults.faults()),
        ("POST", ["faults"]) => change_faults(org, body).await,
        ("GET", ["limits"]) => Answer::ok(&limits(org)),
        ("POST", ["limits"]) => change_limits(org, body).await,
        ("POST", ["fields"]) => change_field(org, body).await,
        ("POST", ["lose"]) => lose(org, body).await,
        ("POST", ["tokens", "expire"]) => {
            org.sessions.close_all();
            Answer::ok(&json!({}))
        }
        ("POST", ["reset"]) => {
            org.reset();
            Answer::ok(&org.state())
        }
        ("GET", ["rows", object]) => rows(org, object).await,
        ("GET", ["digest", object]) => digest(org, object).await,
        _ => not_found(
            "the control API has healthz, state, requests, faults, limits, fields, lose, \
             tokens/expire, reset, rows/{Object} and digest/{Object}",
        ),
    }
}

/// Calls of the day: how many there may be, and how many there were.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LimitsChange {
    daily_limit: Option<u64>,
    api_calls: Option<u64>,
}

fn limits(org: &Org) -> Value {
    let Usage { used, max } = org.traffic.usage();
    json!({"dailyLimit": max, "apiCalls": used})
}

async fn change_limits(org: &Org, body: Body) -> Answer {
    let body = match read_body(&HeaderMap::new(), body, CHANGE_BYTES_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into(),
    };
    match serde_json::from_slice::<LimitsChange>(&body) {
        Ok(LimitsChange { daily_limit, api_calls }) => {
            let Usage { used, max } = org.traffic.usage();
            let used = api_calls.unwrap_or(used);
            org.traffic.set_usage(Usage { used, max: daily_limit.unwrap_or(max) });
            Answer::ok(&limits(org))
        }
        Err(error) => Answer::json(StatusCode::BAD_REQUEST, &json!({"error": error.to_string()})),
    }
}

async fn change_field(org: &Org, body: Body) -> Answer {
    let body = match read_body(&HeaderMap::new(), body, CHANGE_BYTES_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into(),
    };
    match serde_json::from_slice::<FieldChange>(&body) {
        Ok(change) if org.change_field(&change) => Answer::ok(&json!({})),
        Ok(_) => not_found("no such field"),
        Err(error) => Answer::json(StatusCode::BAD_REQUEST, &json!({"error": error.to_string()})),
    }
}

/// Rows to lose.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Loss {
    object: String,
    rows: usize,
}

async fn lose(org: &Org, body: Body) -> Answer {
    let body = match read_body(&HeaderMap::new(), body, CHANGE_BYTES_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into(),
    };
    match serde_json::from_slice::<Loss>(&body) {
        Ok(Loss { object, rows }) => match org.schema().find(&object) {
            Some((number, _)) => Answer::ok(&json!({"lost": org.store.lose(number, rows)})),
            None => not_found("no such object"),
        },
        Err(error) => Answer::json(StatusCode::BAD_REQUEST, &json!({"error": error.to_string()})),
    }
}

async fn change_faults(org: &Org, body: Body) -> Answer {
    let body = match read_body(&HeaderMap::new(), body, CHANGE_BYTES_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into(),
    };
    let changed = serde_json::from_slice::<Value>(&body)
        .map_err(crate::faults::InvalidFaults::from)
        .and_then(|change| org.faults.faults().changed_by(&change));
    match changed {
        Ok(faults) => {
            org.faults.set(faults.clone());
            Answer::ok(&faults)
        }
        Err(error) => Answer::json(StatusCode::BAD_REQUEST, &json!({"error": error.to_string()})),
    }
}

async fn rows(org: &Org, object: &str) -> Answer {
    let Some((number, _)) = org.schema().find(object) else {
        return not_found("no such object");
    };
    Answer::lines(org.listing(number).await.into_pieces())
}

async fn digest(org: &Org, object: &str) -> Answer {
    match org.schema().find(object) {
        Some((number, _)) => Answer::ok(&org.digest(number).await),
        None => not_found("no such object"),
    }
}

fn not_found(message: &str) -> Answer {
    Answer::json(StatusCode::NOT_FOUND, &json!({"error": message}))
}
