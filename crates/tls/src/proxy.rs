//! The forward proxy that requests go through, and what it has to do with one that failed.
//!
//! The clients of HTTP find it for themselves, in variables that many programs know. They do not say
//! so when a request fails: who reads "connection refused" looks at Salesforce, and not at the proxy.

use std::{error::Error, sync::LazyLock};

use http::{Uri, uri::Authority};
use hyper_util::client::proxy::matcher::Matcher;

/// Those that name a proxy; of two that are spelled alike, the first one that is set counts.
const OF_HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const OF_HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const OF_ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];

/// What a client of HTTP says of a proxy that answered and opened no tunnel.
const NO_PASSWORD: &str = "proxy authorization required";
const NO_TUNNEL: &str = "tunnel error: ";
/// The same, of one that it did not reach.
const NO_CONNECTION: &str = "failed to create underlying connection";

/// A proxy, without the password in its setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its URL.
    address: String,
    /// Which setting names it.
    setting: &'static str,
    /// Whether it only passes on what it cannot read; otherwise it may answer itself.
    is_tunnel: bool,
    speaks_http: bool,
}

impl Proxy {
    /// The one that a client of this process goes through to a URL; none, when it goes there directly.
    #[must_use]
    pub fn to(url: &str) -> Option<Self> {
        static OF_PROCESS: LazyLock<Matcher> = LazyLock::new(Matcher::from_system);
        Self::found(url, &OF_PROCESS, variable)
    }

    fn found(
        url: &str,
        matcher: &Matcher,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let proxy = matcher.intercept(&url)?;
        let is_tunnel = url.scheme_str() == Some("https");
        let [own, all] = [if is_tunnel { OF_HTTPS } else { OF_HTTP }, OF_ALL];
        let said = |names: [&'static str; 2]| first_set(names, &variable);
        let own = said(own).filter(|(_, value)| is_proxy(value));
        let (setting, _) = own.or_else(|| said(all))?;
        let scheme = proxy.uri().scheme_str().unwrap_or("http");
        let address = address(proxy.uri().authority()?);
        Some(Self {
            address: format!("{scheme}://{address}"),
            setting,
            is_tunnel,
            speaks_http: scheme.starts_with("http"),
        })
    }

    /// What is wrong with the setting that names it; nothing, when it can be spoken to.
    fn problem(&self) -> Option<String> {
        let Self { address, .. } = self;
        (!self.speaks_http).then(|| {
            format!(
                "names {address}, and SOCKS is not supported; name a proxy for HTTP, as http://HOST:PORT, or \
                 name the host in NO_PROXY to go there directly"
            )
        })
    }

    /// What a request says that failed without an answer, with the proxy's part in that. `words` are
    /// those of the error, and `had_no_connection` whether that is why it failed.
    #[must_use]
    pub fn explain(
        &self,
        error: &(dyn Error + 'static),
        words: &str,
        had_no_connection: bool,
    ) -> String {
        let Self { address, setting, .. } = self;
        let said = |what: &str| causes(error).any(|cause| cause.to_string().contains(what));
        if said(NO_PASSWORD) {
            return self.wants_password();
        }
        let is_away = said(NO_CONNECTION) || (had_no_connection && !self.is_tunnel);
        match (is_away, said(NO_TUNNEL)) {
            (true, _) => format!(
                "no connection to the proxy {address}: {words}; check {setting}, and that the proxy \
                 runs, or name the host in NO_PROXY to go there directly"
            ),
            (false, true) => format!(
                "the proxy {address} opened no connection ({words}): it does not allow the host and port, \
                 does not reach them, or does not take the user and password in {setting}; its log says \
                 which. To go there directly, name the host in NO_PROXY"
            ),
            (false, false) => format!("{words} (through the proxy {address} of {setting})"),
        }
    }

    /// What an answer to a request may be that is not from whom it was sent to; nothing, when it cannot
    /// be the proxy's.
    #[must_use]
    pub fn may_have_answered(&self, status: u16) -> Option<String> {
        let Self { address, setting, .. } = self;
        match status {
            _ if self.is_tunnel => None,
            407 => Some(self.wants_password()),
            _ => Some(format!("it may be the answer of the proxy {address} of {setting}")),
        }
    }

    fn wants_password(&self) -> String {
        let Self { address, setting, .. } = self;
        let (scheme, host) = address.split_once("://").unwrap_or(("http", address));
        format!(
            "the proxy {address} wants a user and a password, or does not know those that it was given; \
             write them into {setting} as {scheme}://USER:PASSWORD@{host}, percent-encoded"
        )
    }
}

/// The setting that sends requests for this URL to a proxy that cannot be spoken to, and what is wrong with it. Other
/// programs may well use that proxy: only who would be sent through it has to know.
#[must_use]
pub fn unusable_proxy_to(url: &str) -> Option<(&'static str, String)> {
    let proxy = Proxy::to(url)?;
    Some((proxy.setting, proxy.problem()?))
}

/// What is wrong with a setting that names a proxy. Clients would not use it, and say nothing.
#[must_use]
pub fn unusable_proxy() -> Option<String> {
    unusable(variable)
}

fn unusable(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = [OF_HTTPS, OF_HTTP, OF_ALL].into_iter().filter_map(|it| first_set(it, &variable));
    let (setting, _) = set.into_iter().find(|(_, value)| !value.is_empty() && !is_proxy(value))?;
    Some(format!(
        "{setting} is no address of a proxy; write it as http://HOST:PORT or \
         http://USER:PASSWORD@HOST:PORT, where user and password are percent-encoded (`@` is %40)"
    ))
}

/// As clients find one of two spellings.
fn first_set(
    names: [&'static str; 2],
    variable: impl Fn(&str) -> Option<String>,
) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, variable(name)?)))
}

/// Whether clients take it for the address that its author meant. With `@` or `/` in the password, they
/// take a part of it for the host.
fn is_proxy(value: &str) -> bool {
    let matcher = Matcher::builder().all(value.to_owned()).build();
    let found = matcher.intercept(&Uri::from_static("https://example.com"));
    let Some(proxy) = found else { return false };
    let is_host = proxy.uri().authority().is_some_and(|found| *found.as_str() == address(found));
    let behind_scheme = value.split_once("://").map_or(value, |(_, rest)| rest);
    let path = behind_scheme.find(['/', '?', '#']).map_or("", |at| &behind_scheme[at..]);
    // One word, such as `on`, would be the name of a host.
    let is_word = !value.contains(['.', ':', '/']);
    is_host && !is_word && !path.contains('@')
}

/// Host and port.
fn address(authority: &Authority) -> String {
    let host = authority.host();
    authority.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[expect(clippy::disallowed_methods, reason = "as the clients of HTTP read them")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: [(&str, &str); 4] = [
        ("https_proxy", "http://ada:s%40cret@proxy.example.com:3128/"),
        ("ALL_PROXY", "other.example.com:8080"),
        ("HTTP_PROXY", ""),
        ("NO_PROXY", "inside.example.com, 10.0.0.0/8"),
    ];

    fn said(name: &str) -> Option<String> {
        let (_, value) = VARIABLES.into_iter().find(|(known, _)| *known == name)?;
        Some(value.to_owned())
    }

    fn proxy_to(url: &str) -> Option<Proxy> {
        let value = |names| first_set(names, said).map(|(_, value)| value).unwrap_or_default();
        let matcher = Matcher::builder()
            .https(value(OF_HTTPS))
            .http(value(OF_HTTP))
            .all(value(OF_ALL))
            .no(said("NO_PROXY").unwrap())
            .build();
        Proxy::found(url, &matcher, said)
    }

    #[test]
    fn the_setting_that_counts_is_named_and_no_password() {
        let https = proxy_to("https://acme.my.salesforce.com/services").unwrap();
        let http = proxy_to("http://acme.my.salesforce.com/services").unwrap();

        assert_eq!(https.setting, "https_proxy");
        assert_eq!(https.address, "http://proxy.example.com:3128");
        assert_eq!(http.setting, "ALL_PROXY");
        assert_eq!(http.address, "http://other.example.com:8080");
        for direct in ["https://x.inside.example.com", "http://10.1.2.3:80/", "no url"] {
            assert_eq!(proxy_to(direct), None, "{direct}");
        }
    }

    #[test]
    fn a_setting_that_no_client_would_use_is_refused_without_its_value() {
        for (value, is_wrong) in [
            ("http://proxy:3128", false),
            ("proxy:3128", false),
            ("proxy.example.com", false),
            ("foo", true),
            ("socks5h://proxy:1080", false),
            ("http://a:b%40c@proxy:3128", false),
            ("", false),
            ("http://a:SECRET@x@proxy:3128", true),
            ("http://a:SECRET 1@proxy:3128", true),
            ("http://a:SECRET/1@proxy:3128", true),
            ("http://a:123/SECRET@proxy:3128", true),
            ("http://a:123#SECRET@proxy:3128", true),
            ("http://[::1]:3128", false),
            ("http://proxy:3128/", false),
            ("ftp://proxy:21", true),
            ("\"http://proxy:3128\"", true),
        ] {
            let problem = unusable(|name| (name == "HTTPS_PROXY").then(|| value.to_owned()));

            assert_eq!(problem.is_some(), is_wrong, "{value}");
            let problem = problem.unwrap_or_default();
            assert!(!problem.contains("SECRET") && problem.contains("HTTPS_PROXY") == is_wrong);
        }
    }

    #[test]
    fn socks_is_refused_by_who_would_be_sent_through_it() {
        let to = |url: &str, proxy: &str| {
            let matcher = Matcher::builder().all(proxy.to_owned()).no("inside.example.com").build();
            let variable = |name: &str| (name == "ALL_PROXY").then(|| proxy.to_owned());
            Proxy::found(url, &matcher, variable).and_then(|proxy| proxy.problem())
        };

        for socks in ["socks5://ada:SECRET@x:1", "socks5h://x:1", "socks4://x:1"] {
            let problem = to("https://acme.my.salesforce.com", socks).unwrap();
            assert!(problem.contains("x:1, and SOCKS is not supported"), "{problem}");
            assert!(!problem.contains("SECRET"), "{problem}");
            assert_eq!(to("https://inside.example.com", socks), None);
        }
        assert_eq!(to("https://acme.my.salesforce.com", "http://x:1"), None);
    }

    #[test]
    fn only_a_proxy_that_reads_along_can_answer_itself() {
        let [https, http] = ["https", "http"].map(|scheme| proxy_to(&format!("{scheme}://a.b")));

        assert_eq!(https.unwrap().may_have_answered(407), None);
        let asked = http.as_ref().unwrap().may_have_answered(407).unwrap();
        assert!(asked.contains("ALL_PROXY as http://USER:PASSWORD@other.example.com:8080"));
        assert!(http.unwrap().may_have_answered(403).unwrap().contains("ALL_PROXY"));
    }
}
