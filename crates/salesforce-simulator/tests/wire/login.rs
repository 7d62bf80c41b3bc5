//! Section 1: tokens.

use reqwest::{Method, StatusCode, header};
use salesforce_simulator::{Config, Faults, LoginError};
use secrecy::SecretString;
use serde_json::json;

use crate::client::{Org, Reply, login_refused, refused, reply};

const GOOD: [(&str, &str); 3] = [
    ("grant_type", "client_credentials"),
    ("client_id", "batch-sync"),
    ("client_secret", "local-only-secret"),
];

#[tokio::test]
async fn client_credentials_give_a_token_that_opens_the_data_api() {
    let mut org = Org::start().await;

    let login = org.log_in(&GOOD).await;

    assert_eq!(login.status, StatusCode::OK);
    let url = org.simulator.url();
    assert_eq!(login.json["instance_url"], url);
    assert_eq!(login.json["token_type"], "Bearer");
    assert_eq!(login.json["scope"], "api");
    assert!(login.json.get("expires_in").is_none());
    assert!(login.json["issued_at"].as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000_000);
    let id = login.json["id"].as_str().unwrap().to_owned();
    assert_eq!(id, format!("{url}/id/00DS1000000SimuMAC/005S1000000SimuIAC"));
    org.token = login.json["access_token"].as_str().unwrap().to_owned();
    assert!(org.token.starts_with("00DS1000000Simu!"));
    assert_eq!(org.get("/limits").await.status, StatusCode::OK);
    assert_eq!(org.simulator.state().logins, 1);
}

#[tokio::test]
async fn credentials_may_come_as_http_basic() {
    let org = Org::start().await;
    let request = || {
        org.request(Method::POST, "/services/oauth2/token")
            .form(&[("grant_type", "client_credentials")])
    };

    let right = reply(request().basic_auth("batch-sync", Some("local-only-secret"))).await;
    let wrong = reply(request().basic_auth("batch-sync", Some("x"))).await;

    assert_eq!(right.status, StatusCode::OK);
    assert_eq!(wrong, login_refused("invalid_client", "invalid client credentials"));
}

#[tokio::test]
async fn every_wrong_login_has_its_own_words() {
    let org = Org::start().await;
    let with = |place: usize, value: &'static str| {
        let mut form = GOOD;
        form[place].1 = value;
        form.to_vec()
    };
    let cases = [
        (with(1, "somebody"), "invalid_client_id", "client identifier invalid"),
        (with(2, "wrong"), "invalid_client", "invalid client credentials"),
        (with(0, "magic"), "unsupported_grant_type", "grant type not supported"),
        (vec![], "unsupported_grant_type", "grant type not supported"),
        (GOOD[..1].to_vec(), "invalid_client_id", "client identifier invalid"),
    ];

    for (form, error, description) in cases {
        assert_eq!(org.log_in(&form).await, login_refused(error, description), "{form:?}");
    }
    assert_eq!(org.simulator.state().logins, 0);
}

#[tokio::test]
async fn client_credentials_are_refused_on_a_login_host() {
    let org = Org::start().await;

    for host in ["login.localhost", "test.localhost:8081", "LOGIN.salesforce.com"] {
        let request = org
            .request(Method::POST, "/services/oauth2/token")
            .header(header::HOST, host)
            .form(&GOOD);

        let expected = login_refused("invalid_grant", "request not supported on this domain");
        assert_eq!(reply(request).await, expected, "{host}");
    }
}

#[tokio::test]
async fn a_login_can_be_told_to_fail() {
    let org = Org::start().await;
    for (error, words) in [
        (LoginError::NoRunAsUser, ("invalid_grant", "no client credentials user enabled")),
        (LoginError::AuthenticationFailure, ("invalid_grant", "authentication failure")),
        (LoginError::WrongDomain, ("invalid_grant", "request not supported on this domain")),
        (LoginError::NotApproved, ("invalid_grant", "user hasn't approved this consumer")),
        (LoginError::NotAdminApproved, ("invalid_grant", "user is not admin approved")),
        (LoginError::InvalidAudience, ("invalid_grant", "audience is invalid")),
        (LoginError::ExpiredAssertion, ("invalid_grant", "expired authorization code")),
        (LoginError::ExpiredRefreshToken, ("invalid_grant", "expired access/refresh token")),
        (LoginError::InvalidClient, ("invalid_client", "invalid client credentials")),
        (LoginError::UnsupportedGrantType, ("unsupported_grant_type", "grant type not supported")),
        (LoginError::InvalidClientId, ("invalid_client_id", "client identifier invalid")),
        (LoginError::InactiveUser, ("inactive_user", "user is inactive")),
        (LoginError::InactiveOrg, ("inactive_org", "organization is inactive")),
        (LoginError::RateLimitExceeded, ("rate_limit_exceeded", "login rate exceeded")),
    ] {
        org.simulator.set_faults(Faults { login_error: Some(error), ..Faults::default() });

        assert_eq!(org.log_in(&GOOD).await, login_refused(words.0, words.1));
    }
}

#[tokio::test]
async fn a_busy_token_endpoint_answers_503() {
    let faults = Faults { login_unavailable_permille: 1000, ..Faults::default() };
    let org = Org::with_faults(faults).await;

    let expected = refused(503, "SERVER_UNAVAILABLE", "Server too busy");
    assert_eq!(org.log_in(&GOOD).await, expected);
}

#[tokio::test]
async fn without_a_valid_token_every_data_call_is_refused() {
    let org = Org::start().await;
    let expired = refused(401, "INVALID_SESSION_ID", "Session expired or invalid");
    let path = "/services/data/v62.0/limits";

    assert_eq!(reply(org.request(Method::GET, path)).await, expired);
    let wrong = org.request(Method::GET, path).bearer_auth("00DS1000000Simu!wrong");
    assert_eq!(reply(wrong).await, expired);
    let basic = org.request(Method::GET, path).basic_auth("a", Some("b"));
    assert_eq!(reply(basic).await, refused(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"));
    assert_eq!(org.simulator.state().api_calls, 0);
}

#[tokio::test]
async fn a_ready_made_token_is_valid_without_a_login() {
    let token = "00DS1000000Simu!ready.made";
    let config = Config { access_token: Some(SecretString::from(token)), ..Config::default() };
    let mut org = Org::with(config).await;
    org.token = token.to_owned();

    assert_eq!(org.get("/limits").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_revoked_token_is_over() {
    let org = Org::start().await;
    let revoke = || {
        let form = [("token", org.token.as_str())];
        org.request(Method::POST, "/services/oauth2/revoke").form(&form)
    };

    assert_eq!(reply(revoke()).await, Reply { status: StatusCode::OK, json: json!(null) });
    assert_eq!(org.get("/limits").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply(revoke()).await, login_refused("invalid_token", "invalid token"));
}

#[tokio::test]
async fn user_and_identity_belong_to_the_token() {
    let org = Org::start().await;
    for path in ["/services/oauth2/userinfo", "/id/00DS1000000SimuMAC/005S1000000SimuIAC"] {
        let user = reply(org.request(Method::GET, path).bearer_auth(&org.token)).await;

        assert_eq!(user.status, StatusCode::OK);
        assert_eq!(user.json["user_id"], "005S1000000SimuIAC");
        assert_eq!(user.json["organization_id"], "00DS1000000SimuMAC");
        assert_eq!(user.json["preferred_username"], "integration@batch-sync.example");
        let nobody = reply(org.request(Method::GET, path)).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_token_ends_after_as_many_calls_and_a_new_one_goes_on() {
    let faults = Faults { token_calls_max: Some(2), ..Faults::default() };
    let mut org = Org::with_faults(faults).await;

    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(org.get("/limits").await.status.as_u16());
    }
    org.token = org.simulator.issue_token();
    statuses.push(org.get("/limits").await.status.as_u16());

    assert_eq!(statuses, [200, 200, 401, 200]);
}
