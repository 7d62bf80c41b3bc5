//! The ways to sign in, as they go over the wire.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Form, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use salesforce::{Client, Connection, Credentials, JwtKey};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::support::{connection, write};

type Fields = BTreeMap<String, String>;

/// A host that gives tokens `T1`, `T2`, … and takes only the last one, for one write.
struct TokenHost {
    url: String,
    forms: Forms,
    _serving: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Forms(Arc<Mutex<Vec<Fields>>>);

impl TokenHost {
    async fn start() -> Self {
        Self::start_naming(None).await
    }

    /// One that names this address as the one of the API, or its own.
    async fn start_naming(instance_url: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let forms = Forms::default();
        let instance_url = instance_url.unwrap_or_else(|| url.clone());
        let router = Router::new()
            .route("/services/oauth2/token", post(give_token))
            .fallback(take_rows)
            .with_state((instance_url, forms.clone()));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, forms, _serving: serving }
    }

    /// What was asked by a client with these credentials that wrote once.
    async fn asked_by(&self, credentials: Credentials) -> Vec<Fields> {
        let client = Client::new(Connection { credentials, ..connection(&self.url) }).unwrap();
        let _no_results = write(&client).await.unwrap_err();
        let _no_results = write(&client).await.unwrap_err();
        self.forms.0.lock().unwrap().clone()
    }
}

async fn give_token(
    State((url, forms)): State<(String, Forms)>,
    Form(form): Form<Fields>,
) -> Json<Value> {
    let mut forms = forms.0.lock().unwrap();
    forms.push(form);
    let number = forms.len();
    Json(json!({
        "access_token": format!("T{number}"), "instance_url": url,
        "refresh_token": format!("R{number}"), "token_type": "Bearer",
    }))
}

/// Answers the first token as one that has ended, and the others with nothing of use.
async fn take_rows(headers: HeaderMap) -> Response {
    if headers["authorization"] == "Bearer T1" {
        let ended = json!([{"message": "Session expired", "errorCode": "INVALID_SESSION_ID"}]);
        return (StatusCode::UNAUTHORIZED, Json(ended)).into_response();
    }
    Json(json!([])).into_response()
}

#[tokio::test]
async fn jwt_bearer_sends_a_statement_that_its_certificate_proves() {
    let host = TokenHost::start().await;
    let pair = rcgen::KeyPair::try_from(test_support::RSA_KEYS[0]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, pair.serialize_pem()).unwrap();

    let asked = host
        .asked_by(Credentials::JwtBearer {
            login_url: host.url.parse().unwrap(),
            client_id: "3MVG9".into(),
            username: "ada@acme.example".to_owned(),
            key: JwtKey::load(&file).unwrap(),
        })
        .await;

    assert_eq!(asked.len(), 2, "the second, since the first token ended");
    assert_eq!(asked[0].len(), 2, "{:?}", asked[0].keys());
    assert_eq!(asked[0]["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (signed, signature) = asked[0]["assertion"].rsplit_once('.').unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key_raw())
        .verify(signed.as_bytes(), &signature)
        .unwrap();
    let parts: Vec<Value> = signed.split('.').map(unpacked).collect();
    let end = &parts[1]["exp"];
    assert_eq!(
        parts,
        [
            json!({"typ": "JWT", "alg": "RS256"}),
            json!({"iss": "3MVG9", "sub": "ada@acme.example", "aud": host.url, "exp": end}),
        ]
    );
    let ahead = end.as_i64().unwrap() - Timestamp::now().as_second();
    assert!((60..=180).contains(&ahead), "{ahead} s");
}

fn unpacked(part: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_refresh_token_that_is_rotated_is_replaced_by_the_new_one() {
    let host = TokenHost::start().await;

    let asked = host
        .asked_by(Credentials::RefreshToken {
            login_url: host.url.parse().unwrap(),
            client_id: "3MVG9".into(),
            client_secret: None,
            refresh_token: "R0".into(),
        })
        .await;

    let sent: Vec<_> = asked.iter().map(|form| form["refresh_token"].as_str()).collect();
    assert_eq!(sent, ["R0", "R1"]);
    assert_eq!(asked[0]["grant_type"], "refresh_token");
    assert!(!asked[0].contains_key("client_secret"));
}

#[tokio::test]
async fn user_name_and_password_are_sent_as_a_form() {
    let host = TokenHost::start().await;

    let asked = host
        .asked_by(Credentials::Password {
            login_url: host.url.parse().unwrap(),
            client_id: "3MVG9".into(),
            client_secret: "secret".into(),
            username: "ada@acme.example".to_owned(),
            password: "a&b=cTOKEN".into(),
        })
        .await;

    let fields: Vec<_> =
        asked[0].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("client_id", "3MVG9"),
            ("client_secret", "secret"),
            ("grant_type", "password"),
            ("password", "a&b=cTOKEN"),
            ("username", "ada@acme.example"),
        ]
    );
}

#[tokio::test]
async fn a_token_goes_nowhere_but_to_salesforce_and_to_the_host_that_gave_it() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    for (named, problem) in [
        (format!("http://localhost:{port}"), "is not https; "),
        (format!("https://localhost:{port}"), "is neither Salesforce nor the host of the login; "),
        (format!("http://x:hunter2@127.0.0.1:{port}"), "has a user name in it; "),
    ] {
        let host = TokenHost::start_naming(Some(named.clone())).await;
        let credentials = Credentials::Password {
            login_url: host.url.parse().unwrap(),
            client_id: "3MVG9".into(),
            client_secret: "secret".into(),
            username: "ada@acme.example".to_owned(),
            password: "hunter2".into(),
        };
        let client = Client::new(Connection { credentials, ..connection(&host.url) }).unwrap();

        let refusal = write(&client).await.unwrap_err().to_string();

        assert!(refusal.contains(problem) && refusal.contains("SALESFORCE_LOGIN_URL"), "{refusal}");
        assert!(!refusal.contains("hunter2"), "{refusal}");
        let nobody = elsewhere.accept().unwrap_err();
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock, "{named} was called");
    }
}
