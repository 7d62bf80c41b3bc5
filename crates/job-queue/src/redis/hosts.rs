//! URLs that name several hosts.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use crate::QueueError;

/// What such a URL says: `redis+KIND://[USER:PASSWORD@]HOST[:PORT][,…][/PATH]`, or `rediss+…` for TLS.
pub(crate) struct Hosts {
    scheme: &'static str,
    /// With an `@` behind it, or empty.
    user: SecretString,
    /// `HOST:PORT` each.
    pub(crate) hosts: Vec<String>,
    /// What follows the first `/`.
    pub(crate) path: String,
}

impl Hosts {
    /// Reads a URL of this kind, such as `+sentinel`; of the empty kind is the URL of one Redis. Gives
    /// nothing for one of another kind.
    ///
    /// # Errors
    ///
    /// When the scheme before the kind is not Redis'.
    pub(crate) fn of(url: &str, kind: &str, port: u16) -> Result<Option<Self>, QueueError> {
        let (scheme, rest) = match url.split_once(&format!("{kind}://")) {
            None => return Ok(None),
            Some(("redis", rest)) => ("redis", rest),
            Some(("rediss", rest)) => ("rediss", rest),
            Some(_other) => return Err(QueueError::InvalidUrl),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        // Of one Redis: the settings behind the address are not its own.
        let hosts = hosts.split_once('?').map_or(hosts, |(hosts, _settings)| hosts);
        let with_port = |host: &str| match host.rsplit(':').next().is_some_and(is_port) {
            true => host.to_owned(),
            false => format!("{host}:{port}"),
        };
        let hosts = hosts.split(',').map(with_port).collect();
        Ok(Some(Self { scheme, user: user.into(), hosts, path: path.to_owned() }))
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.scheme == "rediss"
    }

    /// Whether all of them are this machine.
    pub(crate) fn are_loopback(&self) -> bool {
        self.hosts.iter().all(|address| {
            let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _port)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host == "localhost"
                || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
        })
    }

    /// The URL of one Redis at `address`, as the same user.
    pub(crate) fn url(&self, address: &str, database: &str) -> SecretString {
        format!("{}://{}{address}/{database}", self.scheme, self.user.expose_secret()).into()
    }

    /// The same, with no user.
    pub(crate) fn url_without_user(&self, address: &str) -> String {
        format!("{}://{address}", self.scheme)
    }
}

/// Refuses a URL whose password ends the host for who reads it as a URL: what is before the `/` would be
/// taken for a host, and be shown in errors.
///
/// # Errors
///
/// When an `@` comes after a `/`, `?` or `#`.
pub(crate) fn check_password(url: &str) -> Result<(), QueueError> {
    let (_scheme, rest) = url.split_once("://").unwrap_or_default();
    let is_cut = rest.split_once(['/', '?', '#']).is_some_and(|(_, behind)| behind.contains('@'));
    if is_cut { Err(QueueError::InvalidUrl) } else { Ok(()) }
}

/// Host and port as a URL has them: an IPv6 address in brackets.
pub(crate) fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_what_loopback_addresses_name() {
        let cases = [
            ("redis://me@localhost:1/3", "", true),
            ("redis://127.0.0.2", "", true),
            ("redis://[::1]:7", "", true),
            ("redis+cluster://localhost:1,10.0.0.1:2", "+cluster", false),
            ("redis://localhost.example.com", "", false),
            ("redis://me@192.0.2.2:6379", "", false),
        ];
        for (url, kind, expected) in cases {
            let hosts = Hosts::of(url, kind, 6379).unwrap().unwrap();
            assert_eq!(hosts.are_loopback(), expected, "{url}");
        }
    }

    #[test]
    fn a_password_that_is_not_encoded_is_refused() {
        for url in ["redis://:12/3@host:1", "redis+cluster://me:pa?ss@host", "redis://word#x@host"]
        {
            assert!(check_password(url).is_err(), "{url}");
        }
        for url in ["redis://me:p%2Fss@host:1/3", "redis+sentinel://a,b/name/2", "unix:///socket"] {
            assert!(check_password(url).is_ok(), "{url}");
        }
    }
}
