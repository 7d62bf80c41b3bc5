//! Which hosts a secret may be sent to.

use url::{Host, Url};

/// The domains below which Salesforce gives each org its My Domain, in all of its clouds: the
/// public one, those of the government, and the one in China.
/// <https://help.salesforce.com/s/articleView?id=sf.domain_name_url_formats.htm>
const OF_SALESFORCE: [&str; 6] = [
    ".salesforce.com",
    ".salesforce.mil",
    ".cloudforce.com",
    ".cloudforce.mil",
    ".sfcrmproducts.cn",
    ".sfcrmapps.cn",
];

/// Whether what is sent there does not leave this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

/// Whether an address has a user name or a password in it.
pub(crate) fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Where the API is, as the answer to a login at `login_url` names it: a host of Salesforce over
/// https, or the host of the login, no less safe than that was. Says what is wrong with another,
/// since the token would be sent there.
pub(crate) fn named_by_login(named: &str, login_url: &Url) -> Result<Url, String> {
    let url = Url::parse(named).ok().filter(Url::has_host);
    let url = url.ok_or("its instance_url is no web address")?;
    let origin = || -> String { url.origin().ascii_serialization().chars().take(100).collect() };
    if has_user(&url) {
        return Err("its instance_url has a user name in it".to_owned());
    }
    let is_own = url.host() == login_url.host();
    if url.scheme() != "https"
        && !(is_own && url.scheme() == "http" && login_url.scheme() == "http")
    {
        return Err(format!("its instance_url {} is not https", origin()));
    }
    let host = url.host_str().unwrap_or_default();
    let is_salesforce = OF_SALESFORCE.iter().any(|domain| host.ends_with(domain));
    if is_own || (is_salesforce && url.port().is_none()) {
        Ok(url)
    } else {
        Err(format!(
            "its instance_url {} is neither Salesforce nor the host of the login",
            origin()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(named: &str, login: &str) -> Result<String, String> {
        named_by_login(named, &login.parse().unwrap()).map(String::from)
    }

    #[test]
    fn hosts_of_salesforce_are_taken_whatever_the_login_was() {
        for host in [
            "acme.my.salesforce.com",
            "ACME.my.salesforce.com",
            "acme--uat.sandbox.my.salesforce.com",
            "acme-dev-ed.develop.my.salesforce.com",
            "power-dream-1191.scratch.my.salesforce.com",
            "acme-dev-ed.trailblaze.my.salesforce.com",
            "na85.salesforce.com",
            "acme.my.salesforce.mil",
            "acme.my.sfcrmproducts.cn",
            "acme.my.sfcrmapps.cn",
        ] {
            let url = format!("https://{host}/");
            let taken = Ok(url.to_ascii_lowercase());
            assert_eq!(named(&url, "https://login.salesforce.com"), taken);
            assert_eq!(named(&url, "https://login.acme.example"), taken);
        }
    }

    #[test]
    fn the_host_of_the_login_is_taken_and_no_less_safe_than_that() {
        let own = "https://login.acme.example:8443/";
        assert_eq!(named(own, "https://login.acme.example"), Ok(own.to_owned()));
        let here = "http://127.0.0.1:8081/";
        assert_eq!(named(here, "http://127.0.0.1:8082"), Ok(here.to_owned()));
        let simulator = "http://simulator:8081/";
        assert_eq!(named(simulator, "http://simulator:8081"), Ok(simulator.to_owned()));
    }

    #[test]
    fn any_other_address_is_refused_and_named_without_what_is_secret_in_it() {
        const LOGIN: &str = "https://acme.my.salesforce.com";
        for (url, login, problem) in [
            ("http://acme.my.salesforce.com", LOGIN, "http://acme.my.salesforce.com is not https"),
            ("http://acme.my.salesforce.com", "http://simulator:8081", "is not https"),
            ("http://127.0.0.1:8081", "https://127.0.0.1:8081", "is not https"),
            ("http://127.0.0.1:8081", LOGIN, "is not https"),
            ("http://127.0.0.2:8081", "http://127.0.0.1:8081", "is not https"),
            ("https://localhost:8081", "http://127.0.0.1:8081", "is neither Salesforce nor"),
            ("ftp://simulator:8081", "http://simulator:8081", "is not https"),
            ("https://evil.example", LOGIN, "https://evil.example is neither Salesforce nor"),
            ("https://evil.example", "http://simulator:8081", "is neither Salesforce nor"),
            ("https://evilsalesforce.com", LOGIN, "is neither"),
            ("https://salesforce.com.evil.example", LOGIN, "is neither"),
            ("https://acme.my.salesforce.com.", LOGIN, "is neither"),
            ("https://x.my.salesforce.com:8443", LOGIN, "is neither"),
            ("https://evil.example/.salesforce.com", LOGIN, "is neither"),
            ("https://evil.example#.salesforce.com", LOGIN, "is neither"),
            ("https://127.0.0.1", LOGIN, "is neither"),
            ("https://hunter2@acme.my.salesforce.com", LOGIN, "has a user name in it"),
            ("https://:hunter2@acme.my.salesforce.com", LOGIN, "has a user name in it"),
            ("https://acme.my.salesforce.com@evil.example", LOGIN, "has a user name in it"),
            ("acme.my.salesforce.com", LOGIN, "is no web address"),
            ("data:,x", LOGIN, "is no web address"),
            ("", LOGIN, "is no web address"),
        ] {
            let refusal = named(url, login).unwrap_err();
            assert!(refusal.contains(problem), "{url} after {login}: {refusal}");
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
        let long = format!("https://{}.example", "a".repeat(10_000));
        assert!(named(&long, LOGIN).unwrap_err().len() < 250);
    }

    #[test]
    fn this_machine_is_what_loopback_addresses_name() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://127.0.0.1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://0.0.0.0", false),
            ("http://10.0.0.1", false),
            ("http://localhost.evil.example", false),
            ("http://simulator", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
