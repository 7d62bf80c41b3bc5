//! Tokens: given out, taken back, checked (salesforce-api.md 1).

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::Bytes;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::{
    faults::Fault,
    http::Answer,
    org::Org,
    problem::Refusal,
    sessions::{ORG_ID, USER_ID, USER_NAME},
};

/// A request to one of the OAuth paths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

/// `error` and `error_description` of a refused login.
type LoginRefusal = (&'static str, &'static str);

/// Answers everything below `/services/oauth2` and `/id`.
pub(crate) fn login(org: &Org, login: &Login<'_>, path: &[&str]) -> Answer {
    match (login.method.as_str(), path) {
        ("POST", ["services", "oauth2", "token"]) => token(org, login),
        ("POST" | "GET", ["services", "oauth2", "revoke"]) => revoke(org, login),
        ("GET" | "POST", ["services", "oauth2", "userinfo"]) => {
            user(org, login).unwrap_or_else(Answer::from)
        }
        ("GET", ["id", ORG_ID, USER_ID]) => user(org, login).unwrap_or_else(Answer::from),
        (_, ["services", "oauth2", "token"]) => refused(("invalid_request", "must use HTTP POST")),
        _ => Refusal::not_found().into(),
    }
}

/// The token of a request; accepted by data calls when a session has it.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let header = headers.get(header::AUTHORIZATION).ok_or_else(Refusal::session_expired)?;
    let (scheme, token) = header
        .to_str()
        .ok()
        .and_then(|header| header.split_once(' '))
        .ok_or_else(Refusal::no_bearer)?;
    let known = scheme.eq_ignore_ascii_case("Bearer") || scheme.eq_ignore_ascii_case("OAuth");
    if known { Ok(token.trim()) } else { Err(Refusal::no_bearer()) }
}

fn token(org: &Org, login: &Login<'_>) -> Answer {
    if org.faults.login_is_unavailable() {
        org.faults.count(Fault::Login);
        let refusal =
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "SERVER_UNAVAILABLE", "Server too busy");
        return refusal.into();
    }
    if let Err(refusal) = may_log_in(org, login) {
        return refused(refusal);
    }
    org.traffic.count_login();
    let base = base_url(org, login.headers);
    Answer::ok(&json!({
        "access_token": org.sessions.open(),
        "instance_url": base,
        "id": format!("{base}/id/{ORG_ID}/{USER_ID}"),
        "token_type": "Bearer",
        "issued_at": now_ms().to_string(),
        "signature": "c2ltdWxhdGVk",
        "scope": "api",
    }))
    .with_header(header::CACHE_CONTROL, "no-cache, no-store")
}

fn may_log_in(org: &Org, login: &Login<'_>) -> Result<(), LoginRefusal> {
    if let Some(error) = org.faults.faults().login_error {
        org.faults.count(Fault::Login);
        return Err(error.words());
    }
    match parameter(login.body, "grant_type").as_deref() {
        Some("client_credentials") => {}
        _ => return Err(("unsupported_grant_type", "grant type not supported")),
    }
    if is_login_host(login.headers) {
        return Err(("invalid_grant", "request not supported on this domain"));
    }
    let (id, secret) = basic_credentials(login.headers).unwrap_or_else(|| {
        let given = |name| parameter(login.body, name).unwrap_or_default();
        (given("client_id"), given("client_secret"))
    });
    if id != org.config.client_id {
        return Err(("invalid_client_id", "client identifier invalid"));
    }
    if secret != org.config.client_secret.expose_secret() {
        return Err(("invalid_client", "invalid client credentials"));
    }
    Ok(())
}

fn revoke(org: &Org, login: &Login<'_>) -> Answer {
    match parameter(login.body, "token") {
        Some(token) if org.sessions.close(&token) => Answer::empty(StatusCode::OK),
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
    Ok(Answer::ok(&json!({
        "sub": format!("{base}/id/{ORG_ID}/{USER_ID}"),
        "id": format!("{base}/id/{ORG_ID}/{USER_ID}"),
        "user_id": USER_ID,
        "organization_id": ORG_ID,
        "preferred_username": USER_NAME,
        "username": USER_NAME,
        "name": "Integration User",
        "email": USER_NAME,
        "active": true,
        "user_type": "STANDARD",
        "urls": {"rest": format!("{base}/services/data/v{{version}}/")},
    })))
}

fn refused((error, description): LoginRefusal) -> Answer {
    let body = json!({"error": error, "error_description": description});
    Answer::json(StatusCode::BAD_REQUEST, &body)
}

/// A parameter of a form.
fn parameter(form: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(form)
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Stands for `login.salesforce.com` and `test.salesforce.com`.
fn is_login_host(headers: &HeaderMap) -> bool {
    let host = host(headers).unwrap_or_default().to_ascii_lowercase();
    host.starts_with("login.") || host.starts_with("test.")
}

fn base_url(org: &Org, headers: &HeaderMap) -> String {
    let asked = || format!("http://{}", host(headers).unwrap_or("127.0.0.1"));
    org.config.instance_url.clone().unwrap_or_else(asked)
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Milliseconds since 1970.
fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// Name and password of HTTP Basic.
fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, packed) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let text = String::from_utf8(base64_decoded(packed.trim())?).ok()?;
    let (name, password) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("Basic").then(|| (name.to_owned(), password.to_owned()))
}

fn base64_decoded(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = DIGITS.iter().position(|known| *known == digit)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        for (packed, text) in [("", ""), ("YQ==", "a"), ("YWI=", "ab"), ("YWJjOi8/", "abc:/?")] {
            assert_eq!(base64_decoded(packed).unwrap(), text.as_bytes());
        }
        assert_eq!(base64_decoded("a b"), None);
    }

    #[test]
    fn only_login_hosts_are_login_hosts() {
        for (host, expected) in [
            ("login.localhost:8081", true),
            ("TEST.salesforce.com", true),
            ("127.0.0.1:8081", false),
            ("acme.my.salesforce.com", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(is_login_host(&headers), expected, "{host}");
        }
    }
}
