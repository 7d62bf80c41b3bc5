//! What every request shares: one pool of connections, bounded answers, causes in words.

use std::{error::Error, time::Duration};

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::{
    RequestBuilder, Response,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use tls::Proxy;
use url::Url;

use crate::{
    body::Packer,
    error::Refusal,
    request::{Connection, Content},
};

/// Largest body that is read, unpacked. A describe of an object with 800 fields has about 2 MiB.
pub(crate) const BODY_BYTES_MAX: usize = 8 << 20;

/// How long a connection may be idle before it is opened anew. Salesforce closes idle connections
/// on its side; a request on a connection that is just being closed has an unknown outcome.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Makes the client. Without any certificate authority on the system it can only be used for plain
/// http, as on a bare machine with a local Salesforce; for anything else that is an error.
pub(crate) fn client(connection: &Connection) -> Result<reqwest::Client, NoClient> {
    if let Some((setting, problem)) = tls::unusable_proxy_to(connection.credentials.url().as_str())
    {
        return Err(NoClient::Proxy { setting, problem });
    }
    tls::provide();
    let plain_http = connection.credentials.url().scheme() == "http";
    let built = match settings(connection).build() {
        Err(_) if plain_http => settings(connection).tls_certs_only([]).build(),
        built => built,
    };
    built.map_err(|source| NoClient::NoTrust { source: source.into() })
}

/// Why there is nothing to ask Salesforce with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoClient {
    /// The machine or image has no list of certificate authorities, so no server's certificate could be
    /// checked.
    #[error(
        "could not prepare for https; install the package ca-certificates, or name a file of \
         certificate authorities with SSL_CERT_FILE"
    )]
    NoTrust {
        /// What the TLS library said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The variable names a SOCKS proxy for Salesforce; the message says what to set instead.
    #[error("{setting} {problem}")]
    Proxy {
        /// The variable's name.
        setting: &'static str,
        /// What is wrong with it, and what to do.
        problem: String,
    },
}

fn settings(connection: &Connection) -> reqwest::ClientBuilder {
    let mut headers = HeaderMap::new();
    let client = HeaderValue::try_from(format!("client={}", connection.client_name));
    headers.insert(
        HeaderName::from_static("sforce-call-options"),
        client.unwrap_or(HeaderValue::from_static("client=batch-sync")),
    );
    reqwest::Client::builder()
        .user_agent(concat!("batch-sync/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .connect_timeout(connection.connect_timeout)
        .timeout(connection.timeout)
        .pool_idle_timeout(IDLE_MAX)
        .tcp_keepalive(IDLE_MAX)
        // A redirect would carry the token to another host, or turn a write into a read.
        .redirect(redirect::Policy::none())
}

/// Adds a body, compressed when that is wanted and worth it. Gives its bytes, too.
pub(crate) fn with_content(
    request: RequestBuilder,
    content: &Content,
    packer: &Packer,
) -> (RequestBuilder, usize) {
    let (content_type, body) = match content {
        Content::Json(body) => ("application/json", packer.pack(body.clone())),
        Content::Csv(body) => ("text/csv", body.clone()),
    };
    let (request, bytes) = (request.header(CONTENT_TYPE, content_type), body.bytes.len());
    let request = match body.is_packed {
        true => request.header(CONTENT_ENCODING, "gzip").body(body.bytes),
        false => request.body(body.bytes),
    };
    (request, bytes)
}

/// Reads a body up to the limit.
pub(crate) async fn body(mut response: Response) -> Result<Vec<u8>, Refusal> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unknown)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            let cause = format!("the answer is longer than {} MiB", BODY_BYTES_MAX >> 20);
            return Err(Refusal::OutcomeUnknown { cause });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    read_retry_after(value, Timestamp::now())
}

/// A server may ask for a longer wait, but a typing error on its side should not stop us for days.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(60 * 60);

/// Reads a `Retry-After` header: seconds, or an HTTP date. No wait at all is no wish: how long a
/// server that is in trouble is left alone is then for us to say.
fn read_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let asked_for = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = DateTimeParser::new().parse_timestamp(value).ok()?;
            Duration::try_from(date.duration_since(now)).ok()?
        }
    };
    Some(asked_for.min(LONGEST_ASKED_FOR)).filter(|wish| !wish.is_zero())
}

/// Classifies an error of the network: only without any connection is it certain that nothing was
/// sent.
pub(crate) fn refusal(error: reqwest::Error) -> Refusal {
    if error.is_connect() { Refusal::NotSent { cause: cause(error) } } else { unknown(error) }
}

pub(crate) fn unknown(error: reqwest::Error) -> Refusal {
    Refusal::OutcomeUnknown { cause: cause(error) }
}

/// The innermost cause says what happened; the layers above it repeat each other. Where the request
/// went through a proxy, that is said, since the proxy may be why.
fn cause(error: reqwest::Error) -> String {
    let (timed_out, had_no_connection) = (error.is_timeout(), error.is_connect());
    let proxy = error.url().and_then(|url| Proxy::to(url.as_str()));
    let error = error.without_url();
    let mut innermost: &dyn Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let words = match (timed_out, tls::with_advice(innermost.to_string())) {
        (true, words) if !words.contains("timed out") => format!("timed out: {words}"),
        (_, words) => words,
    };
    match proxy {
        Some(proxy) => proxy.explain(&error, &words, had_no_connection),
        None => words,
    }
}

/// What an answer without a code of Salesforce may be instead.
pub(crate) fn of_a_proxy(status: u16, url: &Url) -> Option<String> {
    Proxy::to(url.as_str())?.may_have_answered(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let read = |value| read_retry_after(value, now);

        assert_eq!(read("7"), Some(7 * SECOND));
        assert_eq!(read(" 0 "), None);
        assert_eq!(read("Mon, 23 Nov 2026 10:00:30 GMT"), Some(30 * SECOND));
        assert_eq!(read("Mon, 23 Nov 2026 09:00:00 GMT"), None);
        assert_eq!(read("99999999"), Some(LONGEST_ASKED_FOR));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }
}
