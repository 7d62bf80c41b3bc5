//! Tokens: given out, taken back, checked (salesforce-api.md 1).

mod grants;
mod request;

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{StatusCode, header};
use serde_json::json;

pub(super) use grants::is_user;
pub(super) use request::base_url;
pub(crate) use request::{Login, bearer};

use self::request::{LoginRefusal, parameter};
use super::call::Call;
use crate::{faults::Fault, http::Answer, org::Org, problem::Refusal, sessions::USER_ID};

/// Answers everything below `/services/oauth2` and `/id`.
pub(crate) fn login(org: &Org, login: &Login<'_>, path: &[&str]) -> Answer {
    match (login.method.as_str(), path) {
        ("POST", ["services", "oauth2", "token"]) => token(org, login),
        ("POST" | "GET", ["services", "oauth2", "revoke"]) => revoke(org, login),
        ("GET" | "POST", ["services", "oauth2", "userinfo"]) => {
            user(org, login).unwrap_or_else(Answer::from)
        }
        ("GET", ["id", id, USER_ID]) if *id == org.config.org_id => {
            user(org, login).unwrap_or_else(Answer::from)
        }
        (_, ["services", "oauth2", "token"]) => refused(("invalid_request", "must use HTTP POST")),
        _ => Refusal::not_found().into(),
    }
}

fn token(org: &Org, login: &Login<'_>) -> Answer {
    if let Err(answer) = may_log_in(org) {
        return answer;
    }
    let granted = match grants::granted(org, login) {
        Ok(granted) => granted,
        Err(refusal) => return refused(refusal),
    };
    let base = base_url(org, login.headers);
    let mut answer = json!({
        "access_token": org.open_session(),
        "instance_url": base,
        "id": format!("{base}/id/{}/{USER_ID}", org.config.org_id),
        "token_type": "Bearer",
        "issued_at": now_ms().to_string(),
        "signature": "c2ltdWxhdGVk",
        "scope": "api",
    });
    if let Some(token) = granted.refresh_token {
        answer["refresh_token"] = json!(token);
    }
    Answer::ok(&answer).with_header(header::CACHE_CONTROL, "no-cache, no-store")
}

/// Whether anybody may log in at the moment.
pub(super) fn may_log_in(org: &Org) -> Result<(), Answer> {
    if org.faults.login_is_unavailable() {
        org.faults.count(Fault::Login);
        let busy = "Server too busy";
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "SERVER_UNAVAILABLE", busy);
        return Err(refusal.into());
    }
    match org.faults.faults().login_error {
        Some(error) => {
            org.faults.count(Fault::Login);
            Err(refused(error.words()))
        }
        None => Ok(()),
    }
}

fn revoke(org: &Org, login: &Login<'_>) -> Answer {
    match parameter(login.body, "token") {
        Some(token) if org.sessions.revoke(&token) => Answer::empty(StatusCode::OK),
        Some(_) => refused(("invalid_token", "invalid token")),
        None => refused(("unsupported_token_type", "this token type is not supported")),
    }
}

fn user(org: &Org, login: &Login<'_>) -> Result<Answer, Refusal> {
    let token = bearer(login.headers)?;
    if !org.sessions.admits(token, &org.faults.faults()) {
        return Err(Refusal::session_expired());
    }
    let base = base_url(org, login.headers);
    let (name, org_id) = (&org.config.user_name, &org.config.org_id);
    Ok(Answer::ok(&json!({
        "sub": format!("{base}/id/{org_id}/{USER_ID}"),
        "id": format!("{base}/id/{org_id}/{USER_ID}"),
        "user_id": USER_ID,
        "organization_id": org_id,
        "preferred_username": name,
        "username": name,
        "name": "Integration User",
        "email": name,
        "active": true,
        "user_type": "STANDARD",
        "urls": {"rest": format!("{base}/services/data/v{{version}}/")},
    })))
}

/// `GET /sobjects/User/{id}`: the one user, who is no row of an object.
pub(super) fn user_record(org: &Org, call: &Call<'_>) -> Answer {
    let name = &org.config.user_name;
    let url = format!("{}/sobjects/User/{USER_ID}", call.url_base());
    Answer::ok(&json!({
        "attributes": {"type": "User", "url": url},
        "Id": USER_ID,
        "Username": name,
        "Name": "Integration User",
        "Email": name,
        "IsActive": true,
    }))
}

fn refused((error, description): LoginRefusal) -> Answer {
    let body = json!({"error": error, "error_description": description});
    Answer::json(StatusCode::BAD_REQUEST, &body)
}

/// Milliseconds since 1970.
fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}
