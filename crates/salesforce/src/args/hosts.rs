//! Salesforce has hosts for people and hosts for programs; which is which is said here.

use url::Url;

use super::invalid::InvalidConnection;
use crate::auth::host::{has_user, is_loopback};

/// Hosts that serve pages and no API; the org's My Domain is what stands before them.
const FOR_BROWSERS: [&str; 5] = [
    ".lightning.force.com",
    ".my.salesforce-setup.com",
    ".salesforce-setup.com",
    ".visual.force.com",
    ".vf.force.com",
];

/// Hosts that know users of all orgs.
const FOR_ALL_ORGS: [&str; 2] = ["login.salesforce.com", "test.salesforce.com"];

/// Reads an address; one without a scheme is a common slip.
pub(super) fn web_address(text: &str) -> Result<Url, String> {
    Url::parse(text)
        .ok()
        .filter(Url::has_host)
        .ok_or_else(|| "not a web address; write https://DOMAIN.my.salesforce.com".to_owned())
}

/// The address, if an API can be there and a secret may be sent to it. Over http it may only with
/// `allow_http`, or on this machine.
pub(super) fn api_host(
    setting: &'static str,
    url: Url,
    allow_http: bool,
) -> Result<Url, InvalidConnection> {
    let ("http" | "https", Some(host)) = (url.scheme(), url.host_str()) else {
        return Err(InvalidConnection::NotHttp { setting });
    };
    if has_user(&url) {
        return Err(InvalidConnection::HasUser { setting });
    }
    if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return Err(InvalidConnection::InClear { setting, host: host.to_owned() });
    }
    match FOR_BROWSERS.iter().find_map(|suffix| host.strip_suffix(suffix)) {
        None => Ok(url),
        Some(domain) => Err(InvalidConnection::HostForBrowsers {
            setting,
            host: host.to_owned(),
            instead: format!("https://{domain}.my.salesforce.com"),
        }),
    }
}

/// The address, if client credentials are taken there.
pub(super) fn my_domain_for(setting: &'static str, url: Url) -> Result<Url, InvalidConnection> {
    match url.host_str() {
        Some(host) if FOR_ALL_ORGS.contains(&host) => {
            Err(InvalidConnection::NotAMyDomain { setting, host: host.to_owned() })
        }
        _ => Ok(url),
    }
}
