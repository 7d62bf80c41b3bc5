//! A request to log in, or of somebody who has.

use axum::http::{HeaderMap, Method, header};
use base64::Engine;
use bytes::Bytes;

use crate::{org::Org, problem::Refusal};

/// A request to one of the OAuth paths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

/// `error` and `error_description` of a refused login.
pub(super) type LoginRefusal = (&'static str, &'static str);

impl Login<'_> {
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        parameter(self.body, name)
    }

    /// Key and secret of the app, from HTTP Basic or from the form.
    pub(super) fn app(&self) -> (String, String) {
        basic_credentials(self.headers).unwrap_or_else(|| {
            let given = |name| self.parameter(name).unwrap_or_default();
            (given("client_id"), given("client_secret"))
        })
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

/// A parameter of a form.
pub(super) fn parameter(form: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(form)
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Where the org is.
pub(in crate::api) fn base_url(org: &Org, headers: &HeaderMap) -> String {
    let asked = || format!("http://{}", host(headers).unwrap_or("127.0.0.1"));
    org.config.instance_url.clone().unwrap_or_else(asked)
}

pub(super) fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Name and password of HTTP Basic.
fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, packed) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let text =
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(packed.trim()).ok()?)
            .ok()?;
    let (name, password) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("Basic").then(|| (name.to_owned(), password.to_owned()))
}
