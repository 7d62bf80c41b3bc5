use std::time::Duration;

use clap::Parser;
use futures::future::join_all;
use salesforce::{Client, Connection, Credentials, JwtKey, LoginError, Refusal};
use salesforce_simulator::{
    Config, Fault, Faults, LoginError as Refused, PlannedFault, Simulator, SimulatorArgs,
};
use test_support::RSA_KEYS;

use super::support::{
    client, client_with_token, connection, refusal, simulator, simulator_that, write,
};

fn logins_asked_for(simulator: &Simulator) -> usize {
    let requests = simulator.requests();
    requests.iter().filter(|request| request.path.ends_with("/oauth2/token")).count()
}

#[tokio::test]
async fn sixteen_calls_at_once_share_one_login() {
    let simulator = simulator().await;
    let client = client(&simulator.url());

    let answers = join_all((0..16).map(|_| write(&client))).await;

    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(logins_asked_for(&simulator), 1);
}

#[tokio::test]
async fn sixteen_calls_at_once_share_one_refusal() {
    let simulator = simulator().await;
    let mut connection = connection(&simulator.url());
    connection.credentials = Credentials::ClientCredentials {
        login_url: simulator.url().parse().unwrap(),
        client_id: Config::CLIENT_ID.into(),
        client_secret: "wrong-s3cret".into(),
    };
    let client = salesforce::Client::new(connection).unwrap();

    let answers = join_all((0..16).map(|_| write(&client))).await;

    assert!(
        answers
            .iter()
            .all(|answer| { matches!(answer, Err(Refusal::Login(error)) if !error.is_passing()) })
    );
    assert_eq!(logins_asked_for(&simulator), 1);
    let words = refusal(&client).await;
    assert!(words.contains("invalid_client") && words.contains("SALESFORCE_CLIENT_SECRET"));
    assert!(!words.contains("s3cret"), "{words}");
}

#[tokio::test]
async fn a_token_that_ends_in_mid_run_is_renewed_once_for_all() {
    let simulator = simulator().await;
    let client = client(&simulator.url());
    write(&client).await.unwrap();
    simulator.plan(PlannedFault::once(Fault::SessionExpired).on("/composite/"));

    let answers = join_all((0..16).map(|_| write(&client))).await;

    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(logins_asked_for(&simulator), 2);
}

#[tokio::test]
async fn a_second_refusal_with_the_new_token_is_final() {
    let fault = PlannedFault::once(Fault::SessionExpired).times(1_000);
    let simulator = simulator_that(fault).await;
    let client = client(&simulator.url());

    let answers = join_all((0..16).map(|_| write(&client))).await;

    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(Refusal::Login(LoginError::RefusedAgain)))),
        "{answers:?}"
    );
    assert_eq!(logins_asked_for(&simulator), 2);
}

#[tokio::test]
async fn a_token_that_met_only_an_outage_or_a_limit_is_renewed_when_it_ends() {
    for (status, code) in [(503, "SERVER_UNAVAILABLE"), (403, "REQUEST_LIMIT_EXCEEDED")] {
        let simulator = simulator().await;
        let ended = || PlannedFault::once(Fault::SessionExpired);
        for fault in [ended(), PlannedFault::refusing(status, code, ""), ended()] {
            simulator.plan(fault.on("/composite/"));
        }
        let client = client(&simulator.url());

        let refused = write(&client).await.unwrap_err();
        let results = write(&client).await;

        assert!(matches!(refused, Refusal::Answered(_)), "{refused}");
        assert!(results.is_ok(), "{code}: {results:?}");
        assert_eq!(logins_asked_for(&simulator), 3);
    }
}

#[tokio::test]
async fn a_ready_made_token_works_until_it_ends() {
    let simulator = simulator().await;
    let client = client_with_token(&simulator.url(), &simulator.issue_token());
    write(&client).await.unwrap();
    simulator.plan(PlannedFault::once(Fault::SessionExpired).on("/composite/"));

    let ended = write(&client).await.unwrap_err();

    assert!(matches!(ended, Refusal::Login(LoginError::TokenEnded)), "{ended}");
    assert!(ended.to_string().contains("set a new SALESFORCE_ACCESS_TOKEN"), "{ended}");
    assert_eq!(logins_asked_for(&simulator), 0);
}

#[tokio::test]
async fn every_refusal_of_the_token_endpoint_says_what_to_do() {
    for (error, advice) in [
        (Refused::NoRunAsUser, "name a run-as user"),
        (Refused::InvalidClientId, "check SALESFORCE_CLIENT_ID"),
        (Refused::InactiveUser, "activate the run-as user"),
        (Refused::InactiveOrg, "the org is not active"),
    ] {
        let simulator = simulator().await;
        simulator.set_faults(Faults { login_error: Some(error), ..Faults::default() });

        let words = refusal(&client(&simulator.url())).await;

        assert!(words.contains(advice), "{error:?}: {words}");
    }
}

#[tokio::test]
async fn a_token_endpoint_that_is_busy_or_away_is_worth_waiting_for() {
    let simulator = simulator().await;
    let rate = Some(Refused::RateLimitExceeded);
    simulator.set_faults(Faults { login_error: rate, ..Faults::default() });
    let busy = client(&simulator.url());
    let away = client("http://127.0.0.1:1");

    for client in [busy, away] {
        let refusal = write(&client).await.unwrap_err();
        assert!(matches!(&refusal, Refusal::Login(error) if error.is_passing()), "{refusal}");
    }
}

#[tokio::test]
async fn a_host_that_is_no_token_endpoint_is_named() {
    let (url, _served) = super::support::server_that_answers(Vec::new()).await;
    let silent = Connection { timeout: Duration::from_millis(200), ..connection(&url) };
    let simulator = simulator().await;
    let mut elsewhere = connection(&simulator.url());
    elsewhere.credentials = Credentials::ClientCredentials {
        login_url: simulator.url().replace("127.0.0.1", "localhost").parse().unwrap(),
        client_id: "key".into(),
        client_secret: "secret".into(),
    };

    let unknown_app = refusal(&salesforce::Client::new(elsewhere).unwrap()).await;
    let closed = refusal(&salesforce::Client::new(silent).unwrap()).await;

    assert!(unknown_app.contains("check SALESFORCE_CLIENT_ID"), "{unknown_app}");
    let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    let begins = format!("no connection to the token endpoint at {address}: ");
    let cause = closed.strip_prefix(&begins).unwrap_or_else(|| panic!("{closed}"));
    assert!(!cause.contains("no connection"), "{closed}");
}

/// A simulator as the program starts it.
async fn simulator_with(arguments: &[&str]) -> Simulator {
    let usual = ["salesforce-simulator", "--listen=127.0.0.1:0"];
    let arguments = SimulatorArgs::try_parse_from(usual.iter().chain(arguments)).unwrap();
    Simulator::start(arguments.into_config().unwrap()).await.unwrap()
}

/// Writes once with these credentials, loses the session, and writes again.
async fn write_twice(simulator: &Simulator, credentials: Credentials) -> Client {
    let connection = Connection { credentials, ..connection(&simulator.url()) };
    let client = Client::new(connection).unwrap();
    write(&client).await.unwrap();
    simulator.plan(PlannedFault::once(Fault::SessionExpired).on("/composite/"));
    write(&client).await.unwrap();
    assert_eq!(logins_asked_for(simulator), 2);
    client
}

#[tokio::test]
async fn jwt_bearer_opens_the_api_and_only_with_the_right_key() {
    let [right, wrong] = RSA_KEYS.map(|key| rcgen::KeyPair::try_from(key).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let public = file("public.pem", right.public_key_pem());
    let public = format!("--jwt-public-key-file={}", public.display());
    let simulator = simulator_with(&[&public, "--user-name=ada@acme.example"]).await;
    let credentials = |key: &rcgen::KeyPair| Credentials::JwtBearer {
        login_url: simulator.url().parse().unwrap(),
        client_id: Config::CLIENT_ID.into(),
        username: "ada@acme.example".to_owned(),
        key: JwtKey::load(&file("key.pem", key.serialize_pem())).unwrap(),
    };

    write_twice(&simulator, credentials(&right)).await;
    let connection =
        Connection { credentials: credentials(&wrong), ..connection(&simulator.url()) };
    let refused = refusal(&Client::new(connection).unwrap()).await;

    assert!(refused.contains("invalid_grant"), "{refused}");
    assert!(refused.contains("SALESFORCE_JWT_KEY_FILE"), "{refused}");
}

#[tokio::test]
async fn a_refresh_token_opens_the_api_also_when_it_is_rotated() {
    let simulator = simulator_with(&["--refresh-token=R0", "--rotate-refresh-token"]).await;

    write_twice(
        &simulator,
        Credentials::RefreshToken {
            login_url: simulator.url().parse().unwrap(),
            client_id: Config::CLIENT_ID.into(),
            client_secret: Some(Config::CLIENT_SECRET.into()),
            refresh_token: "R0".into(),
        },
    )
    .await;
}

#[tokio::test]
async fn user_name_and_password_open_the_api() {
    let simulator = simulator_with(&["--user-name=ada@acme.example", "--password=pwTOKEN"]).await;

    write_twice(
        &simulator,
        Credentials::Password {
            login_url: simulator.url().parse().unwrap(),
            client_id: Config::CLIENT_ID.into(),
            client_secret: Config::CLIENT_SECRET.into(),
            username: "ada@acme.example".to_owned(),
            password: "pwTOKEN".into(),
        },
    )
    .await;
}
