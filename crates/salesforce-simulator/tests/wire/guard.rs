//! Web pages of others, in a browser on the same machine.

use reqwest::{Method, StatusCode, header};
use salesforce_simulator::Config;

use crate::client::{Org, reply};

async fn status(org: &Org, method: Method, path: &str, host: &str, origin: Option<&str>) -> u16 {
    let request = org.request(method, path).header(header::HOST, host);
    let request = match origin {
        Some(origin) => request.header(header::ORIGIN, origin),
        None => request,
    };
    reply(request).await.status.as_u16()
}

#[tokio::test]
async fn a_page_of_another_site_neither_reads_nor_changes_anything() {
    let allowed_hosts = vec!["Simulator".to_owned()];
    let org = Org::with(Config { allowed_hosts, ..Config::default() }).await;
    let own = org.simulator.address().to_string();
    let page = format!("http://{own}");
    let cases = [
        (Method::GET, own.as_str(), None, 200),
        (Method::GET, "localhost", None, 200),
        (Method::GET, "login.localhost:8081", None, 200),
        (Method::GET, "[::1]:8081", None, 200),
        (Method::GET, "simulator:8081", None, 200),
        (Method::GET, "evil.example.com", None, 403),
        (Method::GET, "localhost.evil.example.com", None, 403),
        (Method::GET, "evil@localhost", None, 403),
        (Method::GET, "10.0.0.7", None, 403),
        (Method::GET, &own, Some("http://evil.example.com"), 403),
        (Method::POST, &own, None, 200),
        (Method::POST, &own, Some(&page), 200),
        (Method::POST, &own, Some("http://evil.example.com"), 403),
        (Method::POST, &own, Some("null"), 403),
        (Method::POST, "evil.example.com", None, 403),
    ];

    for (method, host, origin, expected) in cases {
        let path = if method == Method::GET { "/__sim/state" } else { "/__sim/tokens/expire" };
        let found = status(&org, method.clone(), path, host, origin).await;
        assert_eq!(found, expected, "{method} {host} {origin:?}");
    }
    // Every path, and before any of it is done.
    let login = org
        .request(Method::POST, "/services/oauth2/token")
        .header(header::ORIGIN, "http://evil.example.com");
    assert_eq!(reply(login).await.status, StatusCode::FORBIDDEN);
    assert_eq!(org.simulator.state().requests, 0);
}

#[tokio::test]
async fn a_simulator_that_others_reach_is_called_by_its_addresses() {
    let listen = "0.0.0.0:0".parse().unwrap();
    let org = Org::with(Config { listen, ..Config::default() }).await;
    let cases = [("10.0.0.7:8081", 200), ("127.0.0.1", 200), ("evil.example.com", 403)];

    for (host, expected) in cases {
        let found = status(&org, Method::GET, "/__sim/state", host, None).await;
        assert_eq!(found, expected, "{host}");
    }
}
