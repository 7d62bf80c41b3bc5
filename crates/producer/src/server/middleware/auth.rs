//! Authenticates requests by the token, and protects from cross-site requests and DNS rebinding.
//!
//! A page on another site can make a browser send requests here. It cannot
//! choose the `Host` header (a name it controls may resolve to this machine, but
//! is not one of ours) nor hide its `Origin`.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header, uri::Authority};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::server::error::ApiError;

/// What a request must show.
#[derive(Clone, Debug)]
pub(crate) struct Auth {
    is_loopback: bool,
    /// Names by which this server is called, beside those of the loopback.
    allowed_hosts: Vec<String>,
    /// SHA-256 of the token: values of one length are compared, in one time.
    token: Option<[u8; 32]>,
}

impl Auth {
    pub(crate) fn new(
        listens_on: SocketAddr,
        allowed_hosts: &[String],
        token: Option<&SecretString>,
    ) -> Self {
        Self {
            is_loopback: listens_on.ip().is_loopback(),
            allowed_hosts: allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            token: token.map(|token| Sha256::digest(token.expose_secret().as_bytes()).into()),
        }
    }

    pub(crate) fn wants_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether the request may go on.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let path = uri.path();
        // Asked by machines that use the address of a pod, and nothing to steal there.
        if matches!(path, "/livez" | "/readyz") {
            return Ok(());
        }
        // So are figures, but they are not for everybody.
        if path == "/metrics" && self.wants_token() {
            return self.check_token(headers);
        }
        let host = self.check_host(uri, headers)?;
        check_origin(headers, host)?;
        let is_api = path
            .strip_prefix("/api")
            .is_some_and(|rest| matches!(rest.as_bytes().first(), None | Some(b'/')));
        if is_api { self.check_token(headers) } else { Ok(()) }
    }

    /// There is exactly one Host header, and an absolute request URI names the same host.
    fn check_host<'a>(&self, uri: &Uri, headers: &'a HeaderMap) -> Result<&'a str, ApiError> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or("");
        let is_alone = hosts.next().is_none()
            && uri.authority().is_none_or(|named| named.as_str().eq_ignore_ascii_case(host));
        let is_ours = host.parse::<Authority>().is_ok_and(|authority| {
            let name = authority.host();
            let has_fine_port = name.len() == host.len() || authority.port_u16().is_some();
            has_fine_port && self.is_ours(&name.to_ascii_lowercase())
        });
        if is_alone && is_ours && !host.contains('@') {
            return Ok(host);
        }
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "the Host header is not a name of this server; names it is to have besides localhost \
             go into HTTP_ALLOWED_HOSTS",
        ))
    }

    fn is_ours(&self, name: &str) -> bool {
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_fine_address = address.is_ok_and(|address| {
            // An address cannot be rebound by foreign DNS.
            !self.is_loopback || address.is_loopback()
        });
        name == "localhost" || is_fine_address || self.allowed_hosts.iter().any(|host| host == name)
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(token) = &self.token else { return Ok(()) };
        let shown = headers.get(header::AUTHORIZATION).and_then(bearer).unwrap_or_default();
        let shown: [u8; 32] = Sha256::digest(shown).into();
        if shown.ct_eq(token).into() {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "this server wants its API_TOKEN: send it as `Authorization: Bearer TOKEN`",
        ))
    }
}

/// Whether other machines can reach this one by the name.
pub(crate) fn is_public(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_local_name = name == "localhost" || name.ends_with(".localhost");
    !is_local_name && !address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// A browser says where a request comes from; other programs say nothing.
fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let from = origin.to_str().unwrap_or("");
    let from = from.strip_prefix("http://").or_else(|| from.strip_prefix("https://"));
    if from.is_some_and(|from| from.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::FORBIDDEN, "requests from pages of other sites are refused"))
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(listens_on: &str, token: Option<&str>) -> Auth {
        let token = token.map(|token| SecretString::from(token.to_owned()));
        let hosts = ["Sync.example.com".to_owned()];
        Auth::new(listens_on.parse().unwrap(), &hosts, token.as_ref())
    }

    fn status(guard: &Auth, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: header::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        guard
            .check(&uri.parse().unwrap(), &map)
            .map_or_else(|problem| problem.status.as_u16(), |()| 200)
    }

    #[test]
    fn only_names_of_this_server_are_answered() {
        let local = guard("127.0.0.1:3001", None);
        let open = guard("0.0.0.0:3001", Some("t"));
        let cases = [
            ("localhost:3001", 200, 200),
            ("LOCALHOST", 200, 200),
            ("127.0.0.1:9", 200, 200),
            ("[::1]:3001", 200, 200),
            ("sync.example.com", 200, 200),
            ("sync.EXAMPLE.com:443", 200, 200),
            ("10.0.0.7:3001", 403, 200),
            ("evil.example.com", 403, 403),
            ("localhost.evil.example.com", 403, 403),
            ("127.0.0.1.evil.example.com", 403, 403),
            ("evil@localhost", 403, 403),
            ("localhost:99999", 403, 403),
            ("localhost:x", 403, 403),
            ("", 403, 403),
        ];

        for (host, on_loopback, elsewhere) in cases {
            let host_header = [("host", host)];
            assert_eq!(status(&local, "/batch-sync", &host_header), on_loopback, "{host}");
            assert_eq!(status(&open, "/batch-sync", &host_header), elsewhere, "{host}");
        }
        assert_eq!(status(&local, "/", &[]), 403);
        assert_eq!(status(&local, "/livez", &[("host", "10.0.0.7")]), 200);
    }

    #[test]
    fn figures_are_for_names_of_this_server_or_for_the_token() {
        let pod = [("host", "pod.example.com")];
        let with_token = [("host", "pod.example.com"), ("authorization", "Bearer s3cret")];

        let open = guard("127.0.0.1:3001", None);
        assert_eq!(status(&open, "/metrics", &[("host", "localhost")]), 200);
        assert_eq!(status(&open, "/metrics", &pod), 403);
        let closed = guard("0.0.0.0:3001", Some("s3cret"));
        assert_eq!(status(&closed, "/metrics", &pod), 401);
        assert_eq!(status(&closed, "/metrics", &with_token), 200);
    }

    #[test]
    fn names_of_this_machine_alone_are_not_public() {
        for name in ["localhost", "sync.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"] {
            assert!(!is_public(name), "{name}");
        }
        for name in ["sync.example.com", "localhost.example.com", "10.0.0.7", "0.0.0.0", "sync"] {
            assert!(is_public(name), "{name}");
        }
    }

    #[test]
    fn a_request_has_one_host() {
        let guard = guard("127.0.0.1:3001", None);
        let evil = ("host", "evil.example.com");
        let ours = ("host", "localhost:3001");
        let cases = [
            ("/api/sync", &[ours][..], 200),
            ("/api/sync", &[ours, evil], 403),
            ("/api/sync", &[evil, ours], 403),
            ("/api/sync", &[ours, ours], 403),
            ("http://localhost:3001/api/sync", &[ours], 200),
            ("http://evil.example.com/api/sync", &[ours], 403),
            ("http://localhost:3001/api/sync", &[evil], 403),
        ];

        for (uri, headers, expected) in cases {
            assert_eq!(status(&guard, uri, headers), expected, "{uri} {headers:?}");
        }
    }

    #[test]
    fn a_page_of_another_site_changes_and_reads_nothing() {
        let guard = guard("127.0.0.1:3001", None);
        let cases = [
            ("http://localhost:3001", 200),
            ("https://localhost:3001", 200),
            ("http://localhost:3002", 403),
            ("http://evil.example.com", 403),
            ("null", 403),
            ("", 403),
        ];

        for (origin, expected) in cases {
            let headers = [("host", "localhost:3001"), ("origin", origin)];
            assert_eq!(status(&guard, "/api/sync/start", &headers), expected, "{origin}");
        }
    }

    #[test]
    fn everything_below_api_wants_the_token_when_there_is_one() {
        let guard = guard("127.0.0.1:3001", Some("s3cret"));
        let cases = [
            ("/api/sync", Some("Bearer s3cret"), 200),
            ("/api/sync", Some("bearer  s3cret"), 200),
            ("/api/sync", Some("Bearer s3cret2"), 401),
            ("/api/sync", Some("Bearer s3cre"), 401),
            ("/api/sync", Some("Bearer"), 401),
            ("/api/sync", Some("Basic s3cret"), 401),
            ("/api/sync", Some("s3cret"), 401),
            ("/api/sync", None, 401),
            ("/api", None, 401),
            ("/api/nowhere", None, 401),
            ("/apis", None, 200),
            ("/batch-sync", None, 200),
            ("/metrics", None, 401),
            ("/metrics", Some("Bearer s3cret"), 200),
            ("/livez", None, 200),
            ("/readyz", None, 200),
        ];

        for (path, authorization, expected) in cases {
            let mut headers = vec![("host", "localhost")];
            headers.extend(authorization.map(|value| ("authorization", value)));
            assert_eq!(status(&guard, path, &headers), expected, "{authorization:?}");
        }
    }
}
