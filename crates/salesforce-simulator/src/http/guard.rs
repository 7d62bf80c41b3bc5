//! Protection from web pages: one that is open in a browser on this machine can make that browser
//! send requests here. It cannot choose the `Host` header, nor hide its `Origin`.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, header, uri::Authority};
use serde_json::json;

use super::Answer;
use crate::config::Config;

/// Names that stand for Salesforce's login hosts: only a client that means them asks for them.
const LOGIN_HOSTS: [&str; 2] = ["login.salesforce.com", "test.salesforce.com"];

/// The refusal, if the request is from elsewhere.
pub(super) fn check(config: &Config, headers: &HeaderMap) -> Result<(), Answer> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let name = host.parse::<Authority>().map(|host| host.host().to_ascii_lowercase());
    if host.contains('@') || !name.is_ok_and(|name| is_ours(config, &name)) {
        return Err(refused(
            "the Host header is not a name of this simulator; names besides localhost go into \
             SIMULATOR_ALLOWED_HOSTS",
        ));
    }
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or(""));
    let is_own = |origin: &str| {
        origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
    };
    if !origin.is_none_or(is_own) {
        return Err(refused("requests from pages of other sites are refused"));
    }
    Ok(())
}

fn is_ours(config: &Config, name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    // An address cannot be made to point here by somebody else's DNS.
    let is_fine_address =
        |address: IpAddr| !config.listen.ip().is_loopback() || address.is_loopback();
    name == "localhost"
        || name.ends_with(".localhost")
        || LOGIN_HOSTS.contains(&name)
        || address.is_ok_and(is_fine_address)
        || config.allowed_hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
}

fn refused(why: &str) -> Answer {
    Answer::json(StatusCode::FORBIDDEN, &json!({ "error": why }))
}
