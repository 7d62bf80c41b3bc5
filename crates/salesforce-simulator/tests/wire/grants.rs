//! Section 1.2: the other ways to get a token.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Method, StatusCode, header};
use ring::{
    rand::SystemRandom,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use salesforce_simulator::{Config, PublicKey};
use secrecy::SecretString;
use serde_json::{Value, json};
use test_support::RSA_KEYS;

use crate::client::{Org, login_refused, reply};

const USER: &str = "integration@batch-sync.example";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Logs in and looks at something with the token.
async fn gets_in(org: &mut Org, form: &[(&str, &str)]) -> Value {
    let answer = org.log_in(form).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
    org.token = answer.json["access_token"].as_str().unwrap().to_owned();
    assert_eq!(org.get("/limits").await.status, StatusCode::OK);
    answer.json
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn packed(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        for at in 0..=chunk.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = packed(der).replace('-', "+").replace('_', "/");
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

fn assertion(key: &RsaKeyPair, algorithm: &str, claims: &Value) -> String {
    let head = json!({"alg": algorithm, "typ": "JWT"}).to_string();
    let signed = format!("{}.{}", packed(head.as_bytes()), packed(claims.to_string().as_bytes()));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", packed(&signature))
}

fn claims() -> Value {
    json!({"iss": "batch-sync", "sub": USER, "aud": "https://login.salesforce.com",
        "exp": seconds() + 120})
}

async fn org_of(key: &RsaKeyPair) -> Org {
    let pem = pem("RSA PUBLIC KEY", key.public_key().as_ref());
    let jwt_public_key = Some(PublicKey::from_pem(&pem).unwrap());
    Org::with(Config { jwt_public_key, ..Config::default() }).await
}

#[tokio::test]
async fn a_signed_assertion_gives_a_token() {
    let key = RsaKeyPair::from_pkcs8(RSA_KEYS[0]).unwrap();
    let mut org = org_of(&key).await;
    let mut claims = claims();
    for end in [json!(seconds() + 170), json!((seconds() + 170).to_string())] {
        claims["exp"] = end;
        for audience in
            ["https://login.salesforce.com", "https://test.salesforce.com", &org.simulator.url()]
        {
            claims["aud"] = json!(audience);
            let assertion = assertion(&key, "RS256", &claims);

            let form = [("grant_type", JWT_BEARER), ("assertion", assertion.as_str())];
            gets_in(&mut org, &form).await;
        }
    }
    assert_eq!(org.simulator.state().logins, 6);
}

#[tokio::test]
async fn the_key_comes_from_a_certificate_or_alone() {
    let certified = rcgen::KeyPair::try_from(RSA_KEYS[0]).unwrap();
    let key = RsaKeyPair::from_pkcs8(RSA_KEYS[0]).unwrap();
    let certificate = rcgen::CertificateParams::new(["loader".to_owned()])
        .unwrap()
        .self_signed(&certified)
        .unwrap();

    for pem in [certificate.pem(), certified.public_key_pem()] {
        let jwt_public_key = Some(PublicKey::from_pem(&pem).unwrap());
        let mut org = Org::with(Config { jwt_public_key, ..Config::default() }).await;
        let assertion = assertion(&key, "RS256", &claims());

        gets_in(&mut org, &[("grant_type", JWT_BEARER), ("assertion", &assertion)]).await;
    }
}

#[tokio::test]
async fn an_assertion_that_is_not_right_is_refused_with_the_reason() {
    let key = RsaKeyPair::from_pkcs8(RSA_KEYS[0]).unwrap();
    let stranger = RsaKeyPair::from_pkcs8(RSA_KEYS[1]).unwrap();
    let org = org_of(&key).await;
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        assertion(&key, "RS256", &claims)
    };
    let mut altered = assertion(&key, "RS256", &claims());
    let start = altered.find('.').unwrap() + 1;
    let mut other = claims();
    other["sub"] = json!("INTEGRATION@batch-sync.example");
    let end = altered.rfind('.').unwrap();
    altered.replace_range(start..end, &packed(other.to_string().as_bytes()));
    let expired = ("invalid_grant", "expired authorization code");
    let invalid = ("invalid_grant", "invalid assertion");
    let audience = ("invalid_grant", "audience is invalid");
    for (assertion, (error, description)) in [
        (with("iss", json!("somebody")), ("invalid_client_id", "client identifier invalid")),
        (with("sub", json!("x@y.z")), ("invalid_grant", "user hasn't approved this consumer")),
        (with("aud", json!("https://example.com")), audience),
        (with("aud", json!(null)), invalid),
        (with("exp", json!(seconds() - 1)), expired),
        (with("exp", json!(seconds() + 600)), expired),
        (with("exp", json!((seconds() + 60) * 1000)), expired),
        (with("exp", json!("soon")), expired),
        (with("exp", json!(null)), expired),
        (assertion(&stranger, "RS256", &claims()), invalid),
        (assertion(&key, "none", &claims()), invalid),
        (altered, invalid),
        (String::new(), invalid),
        ("a.b.c".to_owned(), invalid),
    ] {
        let answer = org.log_in(&[("grant_type", JWT_BEARER), ("assertion", &assertion)]).await;

        assert_eq!(answer, login_refused(error, description), "{assertion}");
    }
    assert_eq!(org.simulator.state().logins, 0);
}

#[tokio::test]
async fn on_a_login_host_the_audience_is_that_host() {
    let key = RsaKeyPair::from_pkcs8(RSA_KEYS[0]).unwrap();
    let org = org_of(&key).await;
    for (host, audience, gets_in) in [
        ("login.localhost", "https://login.salesforce.com", true),
        ("test.localhost", "https://test.salesforce.com", true),
        ("login.localhost", "https://test.salesforce.com", false),
        ("test.localhost", "https://login.salesforce.com", false),
    ] {
        let mut claims = claims();
        claims["aud"] = json!(audience);
        let assertion = assertion(&key, "RS256", &claims);
        let request = org
            .request(Method::POST, "/services/oauth2/token")
            .header(header::HOST, host)
            .form(&[("grant_type", JWT_BEARER), ("assertion", assertion.as_str())]);

        assert_eq!(reply(request).await.status == StatusCode::OK, gets_in, "{host} {audience}");
    }
}

#[tokio::test]
async fn without_a_key_no_assertion_is_taken() {
    let key = RsaKeyPair::from_pkcs8(RSA_KEYS[0]).unwrap();
    let org = Org::start().await;
    let assertion = assertion(&key, "RS256", &claims());

    let answer = org.log_in(&[("grant_type", JWT_BEARER), ("assertion", &assertion)]).await;

    assert_eq!(answer, login_refused("invalid_grant", "invalid assertion"));
}

#[tokio::test]
async fn name_and_password_give_a_token() {
    let mut org = Org::start().await;
    let good = [
        ("grant_type", "password"),
        ("client_id", "batch-sync"),
        ("client_secret", "local-only-secret"),
        ("username", USER),
        ("password", "local-only-password"),
    ];
    gets_in(&mut org, &good).await;

    for (place, value, error, description) in [
        (1, "somebody", "invalid_client_id", "client identifier invalid"),
        (2, "wrong", "invalid_client", "invalid client credentials"),
        (3, "x@y.z", "invalid_grant", "authentication failure"),
        (4, "wrong", "invalid_grant", "authentication failure"),
    ] {
        let mut form = good;
        form[place].1 = value;

        assert_eq!(org.log_in(&form).await, login_refused(error, description), "{form:?}");
    }
}

fn refresh(token: &str) -> [(&str, &str); 3] {
    [("grant_type", "refresh_token"), ("client_id", "batch-sync"), ("refresh_token", token)]
}

#[tokio::test]
async fn a_refresh_token_gives_tokens_until_it_is_revoked() {
    let refresh_token = Some(SecretString::from("5Aep.ready.made"));
    let mut org = Org::with(Config { refresh_token, ..Config::default() }).await;
    let expired = login_refused("invalid_grant", "expired access/refresh token");

    for _ in 0..2 {
        let answer = gets_in(&mut org, &refresh("5Aep.ready.made")).await;
        assert!(answer.get("refresh_token").is_none());
    }
    assert_eq!(org.log_in(&refresh("5Aep.other")).await, expired);
    let mut with_secret = refresh("5Aep.ready.made").to_vec();
    with_secret.push(("client_secret", "wrong"));
    let wrong = login_refused("invalid_client", "invalid client credentials");
    assert_eq!(org.log_in(&with_secret).await, wrong);
    let form = [("token", "5Aep.ready.made")];
    let revoked = org.request(Method::POST, "/services/oauth2/revoke").form(&form);
    assert_eq!(reply(revoked).await.status, StatusCode::OK);

    assert_eq!(org.log_in(&refresh("5Aep.ready.made")).await, expired);
}

#[tokio::test]
async fn a_rotated_refresh_token_is_good_once() {
    let refresh_token = Some(SecretString::from("first"));
    let config = Config { refresh_token, rotate_refresh_token: true, ..Config::default() };
    let mut org = Org::with(config).await;

    let answer = gets_in(&mut org, &refresh("first")).await;
    let second = answer["refresh_token"].as_str().unwrap();

    let expired = login_refused("invalid_grant", "expired access/refresh token");
    assert_eq!(org.log_in(&refresh("first")).await, expired);
    gets_in(&mut org, &refresh(second)).await;
}

#[tokio::test]
async fn logins_take_from_the_days_budget_only_when_told() {
    for (logins_count, expected) in [(false, 0), (true, 1)] {
        let org = Org::with(Config { logins_count, ..Config::default() }).await;

        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "batch-sync"),
            ("client_secret", "local-only-secret"),
        ];
        assert_eq!(org.log_in(&form).await.status, StatusCode::OK);

        assert_eq!(org.simulator.state().api_calls, expected);
    }
}
