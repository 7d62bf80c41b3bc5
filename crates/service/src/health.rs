//! Asks a program that serves `/readyz` and `/livez` how it is, for images without a shell and curl.
//!
//! `/readyz` by default: whoever looks at the health of a container (`depends_on` of compose, `docker ps`,
//! a person) asks whether it can work, and Docker restarts nothing for it. What restarts an unhealthy
//! container should ask `/livez`: a restart does not bring Redis back.

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    str::FromStr,
    time::Duration,
};

use axum::body::{Body, to_bytes};
use clap::Args;
use hyper::{Request, StatusCode, Uri, client::conn::http1, header, http::uri::Authority};
use hyper_util::rt::TokioIo;
use ingest_core::shown;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    exit::{USAGE, failed},
    harmless::{SENTENCE_MAX, stdout},
};

/// A program that waits for Redis says so after two seconds, and later on a machine that is busy; who runs this
/// for a container gives it five.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Of an answer, which is a sentence.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What to ask about the health of a program.
#[derive(Clone, Debug, Args)]
pub struct HealthArgs {
    /// Where to ask; with a path, exactly that. Default: where a program with the same settings
    /// listens.
    // Read by `ask`: what clap says of a value that it cannot read has the value in it, and this one may
    // have a password.
    #[arg(value_name = "URL")]
    url: Option<String>,

    /// Ask whether the program runs (/livez), instead of whether it can work (/readyz): for what
    /// restarts a program that is not healthy.
    #[arg(long)]
    live: bool,
}

/// A URL without TLS: health is asked for on the machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HealthUrl {
    authority: Authority,
    /// Empty, when the URL has none.
    path: String,
}

/// Why a program does not count as healthy.
#[derive(Debug, thiserror::Error)]
enum HealthError {
    /// The program is not running, or listens at another address: give `health` that address.
    #[error("nobody answers at {url}")]
    Unreachable { url: String, source: io::Error },
    /// Another program has the port.
    #[error("{url} does not answer as HTTP does")]
    NoHttp { url: String, source: hyper::Error },
    /// The program hangs, or waits for Redis; its log says for what.
    #[error("no answer from {url} within {} s", TIMEOUT.as_secs())]
    TooLate { url: String },
    /// The program runs and says that it is not ready, and why.
    #[error("{url} answers {}: {says}", status.as_u16())]
    Unhealthy { url: String, status: StatusCode, says: String },
}

impl HealthArgs {
    /// Asks, and prints `ready`, `live`, or `healthy` for a path of its own. `listen` is where a program
    /// with these settings listens, and `setting` the variable that says it.
    ///
    /// # Errors
    ///
    /// When no answer comes in time, or it is not 200. That the URL is none is an exit code.
    pub async fn ask(&self, listen: Option<SocketAddr>, setting: &str) -> anyhow::Result<ExitCode> {
        let url: HealthUrl = match (&self.url, listen) {
            (Some(text), _) => match text.parse() {
                Ok(url) => url,
                Err(problem) => return Ok(failed(&anyhow::anyhow!("URL: {problem}"), USAGE)),
            },
            (None, Some(address)) if address.port() != 0 => HealthUrl::of(address),
            (None, Some(_)) => {
                let problem = format!("{setting} has port 0, which says not where; give the URL");
                return Ok(failed(&anyhow::anyhow!(problem), USAGE));
            }
            (None, None) => {
                let problem =
                    format!("{setting} is not set, so nothing answers; set it, or give the URL");
                return Ok(failed(&anyhow::anyhow!(problem), USAGE));
            }
        };
        let (path, word) = match (url.path.as_str(), self.live) {
            ("", true) => ("/livez", "live"),
            ("", false) => ("/readyz", "ready"),
            (own, _) => (own, "healthy"),
        };
        let asked = timeout(TIMEOUT, ask(&url.authority, path)).await;
        asked
            .unwrap_or_else(|_| Err(HealthError::TooLate { url: written(&url.authority, path) }))?;
        writeln!(stdout(), "{word}")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl HealthUrl {
    /// Where a program that listens on this address is reached from its own machine.
    fn of(listen: SocketAddr) -> Self {
        let ip = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let authority = SocketAddr::new(ip, listen.port()).to_string();
        let authority = authority.parse().expect("an address is an authority");
        Self { authority, path: String::new() }
    }
}

impl FromStr for HealthUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let problem = "write http://HOST:PORT; https is not spoken here";
        let uri: Uri = text.parse().map_err(|_| problem)?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
        let authority = authority.ok_or(problem)?.clone();
        if authority.as_str().contains('@') {
            return Err(
                "it has a user or a password, which nobody asks for; write http://HOST:PORT",
            );
        }
        // The parser takes any number, and a URL with none that is a port would be asked at port 80.
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        if !port.is_empty() && authority.port_u16().is_none_or(|port| port == 0) {
            return Err("its port is none; ports are from 1 to 65535");
        }
        if uri.query().is_some() {
            return Err(
                "it has a query, which nobody reads; write http://HOST:PORT or a path behind it",
            );
        }
        let path = Some(uri.path()).filter(|path| *path != "/").unwrap_or_default().to_owned();
        Ok(Self { authority, path })
    }
}

async fn ask(authority: &Authority, path: &str) -> Result<(), HealthError> {
    let url = || written(authority, path);
    let no_http = |source| HealthError::NoHttp { url: url(), source };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80)))
        .await
        .map_err(|source| HealthError::Unreachable { url: url(), source })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(no_http)?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = Request::get(path)
        .header(header::HOST, authority.as_str())
        .header(header::CONNECTION, "close")
        .body(Body::empty())
        .expect("a path and an authority were parsed");
    let response = sender.send_request(request).await.map_err(no_http)?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let body = to_bytes(Body::new(response.into_body()), ANSWER_BYTES_MAX).await;
    Err(HealthError::Unhealthy { url: url(), status, says: said(&body.unwrap_or_default()) })
}

/// What a program of ours says of itself, or else what came.
fn said(body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let error = json.as_ref().and_then(|json| json["error"].as_str());
    let text = error.map_or_else(|| String::from_utf8_lossy(body), Into::into);
    shown(text.trim(), SENTENCE_MAX)
}

fn written(authority: &Authority, path: &str) -> String {
    format!("http://{authority}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_on_the_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:3001", "127.0.0.1:3001"),
            ("[::]:3001", "[::1]:3001"),
            ("127.0.0.1:9090", "127.0.0.1:9090"),
            ("10.1.2.3:80", "10.1.2.3:80"),
        ] {
            assert_eq!(HealthUrl::of(listen.parse().unwrap()).authority.as_str(), asked);
        }
    }

    #[test]
    fn a_url_is_one_of_http_and_may_have_a_path() {
        for (text, authority, path) in [
            ("http://127.0.0.1:9090", "127.0.0.1:9090", ""),
            ("http://server:3001/", "server:3001", ""),
            ("http://[::1]/livez", "[::1]", "/livez"),
            ("http://[::1]:65535/a/b", "[::1]:65535", "/a/b"),
        ] {
            let url: HealthUrl = text.parse().unwrap();
            assert_eq!((url.authority.as_str(), url.path.as_str()), (authority, path), "{text}");
        }
        for (text, problem) in [
            ("", "write http://HOST:PORT"),
            ("server", "write http://HOST:PORT"),
            ("server:3001", "write http://HOST:PORT"),
            ("https://server", "https is not spoken here"),
            ("/x", "write http://HOST:PORT"),
            ("http://me:hunter2@server", "a user or a password"),
            ("http://server:99999", "from 1 to 65535"),
            ("http://[::1]:99999/livez", "from 1 to 65535"),
            ("http://server:0", "from 1 to 65535"),
            ("http://server:", "from 1 to 65535"),
            ("http://server:3001?live", "a query"),
            ("http://server:3001/livez?x=1", "a query"),
        ] {
            let said = text.parse::<HealthUrl>().unwrap_err();
            assert!(said.contains(problem), "{text}: {said}");
        }
    }

    #[tokio::test]
    async fn a_url_that_is_none_is_a_matter_for_a_person() {
        let args = HealthArgs { url: Some("http://me:hunter2@server".to_owned()), live: false };

        let code = args.ask(None, "METRICS_LISTEN").await.unwrap();

        assert_eq!(code, ExitCode::from(USAGE));
    }
}
