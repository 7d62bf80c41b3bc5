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

/// The URL as all others read it: with the schemes of Redis where it has those of Valkey.
///
/// # Errors
///
/// When it names a socket, or ends with `#…`; and when an `@` comes after a `/`, `?` or `#`: the password
/// ends the host there for who reads it as a URL, what is before would be taken for a host, and be shown in
/// errors.
pub(crate) fn checked(url: &SecretString) -> Result<SecretString, QueueError> {
    let Some((scheme, rest)) = url.expose_secret().split_once("://") else {
        return Err(QueueError::InvalidUrl);
    };
    let is_cut = rest.split_once(['/', '?', '#']).is_some_and(|(_, behind)| behind.contains('@'));
    if is_cut {
        return Err(QueueError::InvalidUrl);
    }
    let (family, kind) =
        scheme.split_once('+').map_or((scheme, ""), |(family, kind)| (family, kind));
    let family = match family {
        "redis" | "valkey" if kind != "unix" => "redis",
        "rediss" | "valkeys" => "rediss",
        "unix" | "redis" | "valkey" => return Err(QueueError::UnixSocket),
        _other => return Err(QueueError::InvalidUrl),
    };
    if rest.contains('#') {
        return Err(QueueError::Fragment);
    }
    let kind = if kind.is_empty() { String::new() } else { format!("+{kind}") };
    Ok(format!("{family}{kind}://{rest}").into())
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

    fn read(url: &str) -> Result<String, QueueError> {
        checked(&url.into()).map(|url| url.expose_secret().to_owned())
    }

    #[test]
    fn a_password_that_is_not_encoded_is_refused() {
        for url in ["redis://:12/3@host:1", "redis+cluster://me:pa?ss@host", "redis://word#x@host"]
        {
            assert!(matches!(read(url), Err(QueueError::InvalidUrl)), "{url}");
        }
        for url in ["redis://me:p%2Fss@host:1/3", "redis+sentinel://a,b/name/2"] {
            assert_eq!(read(url).unwrap(), url);
        }
    }

    #[test]
    fn what_users_of_valkey_write_is_the_same() {
        for (written, read_as) in [
            ("valkey://me:p@host/3", "redis://me:p@host/3"),
            ("valkeys://host", "rediss://host"),
            ("valkey+sentinel://a,b/name", "redis+sentinel://a,b/name"),
            ("valkeys+cluster://a,b", "rediss+cluster://a,b"),
        ] {
            assert_eq!(read(written).unwrap(), read_as);
        }
    }

    #[test]
    fn what_would_be_misread_is_refused_with_its_cause() {
        for url in ["unix:///socket", "redis+unix:///socket", "valkey+unix:///socket"] {
            assert!(matches!(read(url), Err(QueueError::UnixSocket)), "{url}");
        }
        for url in ["rediss://host/#insecure", "redis+sentinel://a/name#insecure"] {
            assert!(matches!(read(url), Err(QueueError::Fragment)), "{url}");
        }
        for url in ["http://host", "host:6379"] {
            assert!(matches!(read(url), Err(QueueError::InvalidUrl)), "{url}");
        }
    }
}
