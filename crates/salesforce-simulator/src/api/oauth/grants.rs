//! The ways to log in (salesforce-api.md 1.2), and the words of each refusal (1.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::request::{Login, LoginRefusal, base_url, host};
use crate::{org::Org, public_key};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const LOGIN: &str = "https://login.salesforce.com";
const TEST: &str = "https://test.salesforce.com";
/// How far ahead an assertion may end: three minutes, and a little for clocks that
/// do not agree.
const ASSERTION_LIFE_MAX: Duration = Duration::from_secs(195);

/// What a login gives besides an access token.
#[derive(Debug, Default)]
pub(super) struct Granted {
    /// In place of the one that was used.
    pub(super) refresh_token: Option<String>,
}

/// Whether the one who asks may come in.
pub(super) fn granted(org: &Org, login: &Login<'_>) -> Result<Granted, LoginRefusal> {
    match login.parameter("grant_type").as_deref() {
        Some("client_credentials") => client_credentials(org, login),
        Some("password") => password(org, login),
        Some("refresh_token") => refresh_token(org, login),
        Some(JWT_BEARER) => assertion(org, login),
        _ => Err(("unsupported_grant_type", "grant type not supported")),
    }
}

fn client_credentials(org: &Org, login: &Login<'_>) -> Result<Granted, LoginRefusal> {
    if stands_for(login).is_some() {
        return Err(("invalid_grant", "request not supported on this domain"));
    }
    check_app(org, login)?;
    Ok(Granted::default())
}

fn password(org: &Org, login: &Login<'_>) -> Result<Granted, LoginRefusal> {
    check_app(org, login)?;
    let given = |name| login.parameter(name).unwrap_or_default();
    if !is_user(org, &given("username"), &given("password")) {
        return Err(("invalid_grant", "authentication failure"));
    }
    Ok(Granted::default())
}

fn refresh_token(org: &Org, login: &Login<'_>) -> Result<Granted, LoginRefusal> {
    // The secret is needed only where the app asks for it.
    let (id, secret) = login.app();
    check_id(org, &id)?;
    if !secret.is_empty() {
        check_secret(org, &secret)?;
    }
    let token = login.parameter("refresh_token").unwrap_or_default();
    if !org.sessions.may_refresh(&token) {
        return Err(("invalid_grant", "expired access/refresh token"));
    }
    let refresh_token = org.config.rotate_refresh_token.then(|| org.sessions.rotate(&token));
    Ok(Granted { refresh_token })
}

/// What an assertion says.
#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
    #[serde(default)]
    aud: String,
    exp: Option<Moment>,
}

/// Seconds since 1970. simple-salesforce writes them as a text, and gets in.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Moment {
    Number(f64),
    Text(String),
}

fn assertion(org: &Org, login: &Login<'_>) -> Result<Granted, LoginRefusal> {
    const INVALID: LoginRefusal = ("invalid_grant", "invalid assertion");
    let text = login.parameter("assertion").unwrap_or_default();
    let claims: Claims = public_key::claims(&text).ok_or(INVALID)?;
    check_id(org, &claims.iss)?;
    let key = org.config.jwt_public_key.as_ref().ok_or(INVALID)?;
    if !key.signed(&text) {
        return Err(INVALID);
    }
    if !is_audience(org, login, &claims.aud) {
        return Err(("invalid_grant", "audience is invalid"));
    }
    if !claims.exp.is_some_and(|end| end.is_soon()) {
        return Err(("invalid_grant", "expired authorization code"));
    }
    if !claims.sub.eq_ignore_ascii_case(&org.config.user_name) {
        return Err(("invalid_grant", "user hasn't approved this consumer"));
    }
    Ok(Granted::default())
}

/// The login host that fits, or the org's own address.
fn is_audience(org: &Org, login: &Login<'_>, audience: &str) -> bool {
    match stands_for(login) {
        Some(login_host) => audience == login_host,
        None => [LOGIN, TEST].contains(&audience) || audience == base_url(org, login.headers),
    }
}

/// The host that this request's host is an alias of: `login.…` and `test.…` stand
/// for those of Salesforce, everything else for the org's My Domain.
fn stands_for(login: &Login<'_>) -> Option<&'static str> {
    let host = host(login.headers).unwrap_or_default().to_ascii_lowercase();
    if host.starts_with("login.") { Some(LOGIN) } else { host.starts_with("test.").then_some(TEST) }
}

fn check_app(org: &Org, login: &Login<'_>) -> Result<(), LoginRefusal> {
    let (id, secret) = login.app();
    check_id(org, &id)?;
    check_secret(org, &secret)
}

fn check_id(org: &Org, id: &str) -> Result<(), LoginRefusal> {
    let is_known = id == org.config.client_id;
    if is_known { Ok(()) } else { Err(("invalid_client_id", "client identifier invalid")) }
}

fn check_secret(org: &Org, secret: &str) -> Result<(), LoginRefusal> {
    let is_right = is_secret(&org.config.client_secret, secret);
    if is_right { Ok(()) } else { Err(("invalid_client", "invalid client credentials")) }
}

/// Whether this is the org's user, by name and password.
pub(in crate::api) fn is_user(org: &Org, name: &str, password: &str) -> bool {
    name.eq_ignore_ascii_case(&org.config.user_name) && is_secret(&org.config.password, password)
}

fn is_secret(secret: &SecretString, given: &str) -> bool {
    secret.expose_secret() == given
}

impl Moment {
    /// Whether it is yet to come, and not far ahead.
    fn is_soon(&self) -> bool {
        let end = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.parse().unwrap_or_default(),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        end > now && end <= now + ASSERTION_LIFE_MAX.as_secs_f64()
    }
}
