//! The client of a request: the peer of the connection, or the client that a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use service::Networks;

use crate::cli::http_args::HttpArgs;

/// How much of X-Forwarded-For is logged.
const FORWARDED_CHARS_MAX: usize = 100;

/// Which proxies there are.
#[derive(Debug)]
pub(crate) struct Proxies {
    /// Trusted: their X-Forwarded-For counts.
    trusted: Networks,
    /// Those behind which there may be many.
    shared: Networks,
}

/// The client of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) peer: IpAddr,
    /// All that a trusted proxy says of whom it asks for.
    pub(crate) forwarded_for: Option<String>,
    /// By what its share is counted; `None` for one behind whom there may be many.
    pub(crate) counted: Option<IpAddr>,
}

impl Proxies {
    pub(crate) fn new(args: &HttpArgs) -> Self {
        Self { trusted: args.http_trusted_proxies.clone(), shared: args.proxies() }
    }

    /// Who sent this, over a connection of `peer`.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> Client {
        let peer = peer.ip().to_canonical();
        if !self.trusted.contains(peer) {
            let counted = (!self.shared.contains(peer)).then_some(peer);
            return Client { peer, forwarded_for: None, counted };
        }
        let lines = headers.get_all("x-forwarded-for").into_iter();
        let said: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        let said = said.join(",");
        // Entries before the last trusted proxy's own can be forged.
        let hops = said.rsplit(',').map(|hop| hop.trim().parse::<IpAddr>().ok());
        let mut others = hops.skip_while(|hop| hop.is_some_and(|hop| self.trusted.contains(hop)));
        let counted = others.next().flatten().map(|hop| hop.to_canonical());
        let forwarded_for = (!said.is_empty()).then(|| shortened(&said));
        Client { peer, forwarded_for, counted }
    }
}

/// The end, which is the last proxy's own.
fn shortened(said: &str) -> String {
    let left_out = said.chars().count().saturating_sub(FORWARDED_CHARS_MAX);
    said.chars().skip(left_out).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, said: &[&str]) -> Client {
        let trusted: Networks = trusted.parse().unwrap();
        let shared = if trusted.is_empty() { Networks::loopback() } else { trusted.clone() };
        let mut headers = HeaderMap::new();
        for line in said {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 9);
        Proxies { trusted, shared }.client(peer, &headers)
    }

    #[test]
    fn a_proxy_is_believed_when_it_is_trusted_and_only_in_its_own_word() {
        // (trusted, peer, what the peer says; shown, counted)
        let cases: [(&str, &str, &[&str], &str, &str); 8] = [
            ("", "10.0.0.1", &["9.9.9.9"], "", "10.0.0.1"),
            ("", "127.0.0.1", &["9.9.9.9"], "", ""),
            ("127.0.0.1", "127.0.0.1", &["9.9.9.9"], "9.9.9.9", "9.9.9.9"),
            ("127.0.0.1", "127.0.0.1", &[], "", ""),
            ("10.0.0.1", "127.0.0.1", &["9.9.9.9"], "", "127.0.0.1"),
            ("10.0.0.1", "10.0.0.1", &["8.8.8.8, 9.9.9.9"], "8.8.8.8, 9.9.9.9", "9.9.9.9"),
            ("10.0.0.0/8", "10.0.0.1", &["8.8.8.8", "10.0.0.2"], "8.8.8.8,10.0.0.2", "8.8.8.8"),
            ("10.0.0.1", "10.0.0.1", &["9.9.9.9, who knows"], "9.9.9.9, who knows", ""),
        ];

        for (trusted, peer, said, shown, counted) in cases {
            let client = client(trusted, peer, said);

            let found = client.forwarded_for.as_deref().unwrap_or_default();
            assert_eq!(found, shown, "{trusted} {peer} {said:?}");
            let counted = counted.parse::<IpAddr>().ok();
            assert_eq!(client.counted, counted, "{trusted} {peer} {said:?}");
        }
        let long = "x".repeat(1_000);
        let shown = client("10.0.0.1", "10.0.0.1", &[&long]).forwarded_for.unwrap();
        assert_eq!(shown.len(), FORWARDED_CHARS_MAX);
    }
}
