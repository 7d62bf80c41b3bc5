//! Who may ask what.

use std::{process::Stdio, time::Duration};

use reqwest::Method;
use tokio::time::timeout;

use crate::support::{Server, Services, send};

type Headers<'a> = &'a [(&'a str, &'a str)];

async fn status(server: &Server, method: Method, path: &str, headers: Headers<'_>) -> u16 {
    let request = server.request(method, path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = send(request).await;
    if answer.status >= 400 {
        assert!(!answer.error().is_empty());
    }
    answer.status
}

#[tokio::test]
async fn a_token_is_asked_of_every_call_of_the_api_and_of_nothing_else() {
    let mut services = Services::start().await;
    services.set("API_TOKEN", "s3cret");
    let server = services.serve().await;
    let document = server.request(Method::GET, "/api/openapi.json").bearer_auth("s3cret");
    let document = send(document).await.json();
    assert!(document["security"].is_array());

    for path in document["paths"].as_object().unwrap().keys() {
        let takes = |method: &Method| {
            document["paths"][path][method.as_str().to_ascii_lowercase()].is_object()
        };
        let method = [Method::POST, Method::PUT].into_iter().find(takes).unwrap_or(Method::GET);
        let path = path.replace("{run}", "no-such-run");
        let right = status(&server, method.clone(), &path, &[("authorization", "Bearer s3cret")]);
        let wrong = status(&server, method.clone(), &path, &[("authorization", "Bearer s3cre7")]);
        let none = status(&server, method.clone(), &path, &[]);
        let (right, wrong, none) = (right.await, wrong.await, none.await);

        assert_ne!(right, 401, "{path}");
        let refused = path.starts_with("/api/") || path == "/metrics";
        assert_eq!((wrong == 401, none == 401), (refused, refused), "{path}");
    }
    assert_eq!(status(&server, Method::GET, "/batch-sync", &[]).await, 200);
    let answer = server.get("/api/queue").await;
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert!(answer.error().contains("API_TOKEN"), "{answer:?}");
}

#[tokio::test]
async fn a_token_can_come_from_a_file_and_is_never_said() {
    let mut services = Services::start().await;
    let file = services.folder.path().join("token");
    std::fs::write(&file, "from-a-file\n").unwrap();
    services.set("API_TOKEN_FILE", file.to_str().unwrap());
    let server = services.serve().await;

    let answer = server.request(Method::GET, "/api/queue").bearer_auth("from-a-file");

    assert_eq!(send(answer).await.status, 200);
    server.terminate().await;
    let (_, said) = server.end().await;
    assert!(!said.contains("from-a-file"), "{said}");
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_refused_and_not_said() {
    let mut services = Services::start().await;
    for token in ["s3cret with blanks", "s3crét"] {
        services.set("API_TOKEN", token);

        let output = timeout(Duration::from_secs(30), services.command().output()).await;

        let output = output.expect("it does not serve").unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("API_TOKEN must be") && !said.contains("s3cr"), "{said}");
    }
}

#[tokio::test]
async fn other_hosts_and_origins_are_refused() {
    let mut services = Services::start().await;
    services.set("HTTP_ALLOWED_HOSTS", "sync.localhost");
    let server = services.serve().await;
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let local = format!("localhost:{port}");
    let page = format!("http://{local}");
    let cases: &[(Method, Headers<'_>, u16)] = &[
        (Method::GET, &[("host", &local)], 200),
        (Method::GET, &[("host", "sync.localhost")], 200),
        (Method::GET, &[("host", "evil.example.com")], 403),
        (Method::GET, &[("host", &local), ("origin", &page)], 200),
        (Method::GET, &[("host", &local), ("origin", "http://evil.example.com")], 403),
        (Method::POST, &[("host", &local), ("origin", &page)], 415),
        (Method::POST, &[("host", &local), ("origin", "http://evil.example.com")], 403),
        (Method::POST, &[("host", &local), ("origin", "null")], 403),
        (Method::POST, &[("host", "evil.example.com")], 403),
    ];

    for (method, headers, expected) in cases {
        let path = if *method == Method::GET { "/api/queue" } else { "/api/sync/start" };
        let found = status(&server, method.clone(), path, headers).await;
        assert_eq!(found, *expected, "{method} {headers:?}");
    }
}

#[tokio::test]
async fn without_a_token_only_the_loopback_is_listened_on() {
    let mut services = Services::start().await;
    services.set("HTTP_LISTEN", "0.0.0.0:0");

    let ended = services.command().stderr(Stdio::piped()).output().await.unwrap();

    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8(ended.stderr).unwrap();
    let expected = "error: HTTP_LISTEN=0.0.0.0:0 can be reached from other machines: set API_TOKEN, \
                    or listen on 127.0.0.1:0\n";
    assert_eq!(said, expected);
}

#[tokio::test]
async fn with_a_token_any_address_may_be_listened_on() {
    let mut services = Services::start().await;
    services.set("HTTP_LISTEN", "0.0.0.0:0");
    services.set("API_TOKEN", "s3cret-s3cret-s3");
    let mut server = services.serve().await;
    server.url = server.url.replace("0.0.0.0", "127.0.0.1");

    assert_eq!(status(&server, Method::GET, "/api/queue", &[]).await, 401);
    let token = [("authorization", "Bearer s3cret-s3cret-s3")];
    assert_eq!(status(&server, Method::GET, "/api/queue", &token).await, 200);
}

#[tokio::test]
async fn a_name_that_others_can_reach_wants_a_token_and_no_short_one() {
    // (address, names, token, part of the refusal)
    let cases = [
        ("127.0.0.1:0", "localhost,sync.example.com", None, "\"sync.example.com\" opens the API"),
        ("127.0.0.1:0", "10.0.0.7", None, "set API_TOKEN, or leave the name out"),
        ("127.0.0.1:0", "sync.example.com", Some("s3cret-s3cret-s"), "fewer than 16 characters"),
        ("0.0.0.0:0", "", Some("s3cret"), "fewer than 16 characters"),
    ];

    for (address, names, token, words) in cases {
        let mut services = Services::start().await;
        services.set("HTTP_LISTEN", address);
        services.set("HTTP_ALLOWED_HOSTS", names);
        if let Some(token) = token {
            services.set("API_TOKEN", token);
        }
        let ended = timeout(Duration::from_secs(30), services.command().output()).await;

        let ended = ended.expect("it does not serve").unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(words) && !said.contains("s3cret"), "{said}");
    }
}

#[tokio::test]
async fn the_start_says_whether_a_token_is_wanted() {
    for (token, words) in [
        ("s3cret", "; every call of the API wants the API_TOKEN\n"),
        ("", "; no token is wanted, and only this machine is answered\n"),
    ] {
        let mut services = Services::start().await;
        services.set("API_TOKEN", token);
        let server = services.serve().await;
        server.terminate().await;

        let (_, said) = server.end().await;

        assert!(said.contains(words), "{said}");
    }
}
