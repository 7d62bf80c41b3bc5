//! What is taken, and what is refused with which words.

use clap::Parser;

use super::*;

fn parsed(arguments: &[&str]) -> SalesforceArgs {
    Cli::parse_from(["consumer"].iter().chain(arguments)).salesforce
}

fn problem(arguments: &[&str]) -> String {
    parsed(arguments).meant().unwrap_err().to_string()
}

const LOGIN: [&str; 6] = [
    "--salesforce-login-url=https://acme.my.salesforce.com",
    "--salesforce-client-id=key",
    "--salesforce-client-secret=hunter2",
    "--salesforce-object=Lead",
    "--salesforce-external-id=Key__c",
    "--salesforce-api-version=v64",
];

#[test]
fn client_credentials_are_taken() {
    let config = parsed(&LOGIN).meant().unwrap();

    assert_eq!(config.connection.api_version, "64.0");
    assert_eq!(
        format!("{:?}", config.connection.credentials),
        "ClientCredentials(https://acme.my.salesforce.com)"
    );
}

#[test]
fn a_ready_made_token_wins() {
    let arguments = [
        &LOGIN[..],
        &["--salesforce-access-token=00D!x", "--salesforce-instance-url=https://a.example"],
    ]
    .concat();

    let config = parsed(&arguments).meant().unwrap();

    assert_eq!(format!("{:?}", config.connection.credentials), "Token(https://a.example)");
}

/// What these arguments sign in with, beside the object.
fn signs_in(arguments: &[&str]) -> Result<String, String> {
    let object = ["--salesforce-object=Lead", "--salesforce-external-id=Key__c"];
    match parsed(&[arguments, &object].concat()).meant() {
        Ok(config) => Ok(format!("{:?}", config.connection.credentials)),
        Err(problem) => Err(problem.to_string()),
    }
}

const LOGIN_URL: &str = "--salesforce-login-url=https://login.salesforce.com";
const CLIENT_ID: &str = "--salesforce-client-id=key";
const CLIENT_SECRET: &str = "--salesforce-client-secret=hunter2";
const USERNAME: &str = "--salesforce-username=ada@acme.example";
const PASSWORD: &str = "--salesforce-password=hunter2TOKEN";
const REFRESH_TOKEN: &str = "--salesforce-refresh-token=5Aep";

#[test]
fn each_way_to_sign_in_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let key = rcgen::KeyPair::try_from(test_support::RSA_KEYS[0]).unwrap();
    std::fs::write(&file, key.serialize_pem()).unwrap();
    let key_file = format!("--salesforce-jwt-key-file={}", file.display());

    for (arguments, expected) in [
        (vec![LOGIN_URL, CLIENT_ID, USERNAME, &key_file], "JwtBearer"),
        (vec![LOGIN_URL, CLIENT_ID, CLIENT_SECRET, USERNAME, &key_file], "JwtBearer"),
        (vec![LOGIN_URL, CLIENT_ID, REFRESH_TOKEN], "RefreshToken"),
        (vec![LOGIN_URL, CLIENT_ID, CLIENT_SECRET, USERNAME, PASSWORD], "Password"),
    ] {
        let expected = format!("{expected}(https://login.salesforce.com)");
        assert_eq!(signs_in(&arguments), Ok(expected), "{arguments:?}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (arguments, expected) in [
        (&LOGIN[..0], "no way to log in"),
        (&LOGIN[..2], "SALESFORCE_CLIENT_SECRET is not set"),
        (&LOGIN[1..3], "SALESFORCE_LOGIN_URL is not set"),
        (&LOGIN[..4], "SALESFORCE_EXTERNAL_ID is not set"),
        (&["--salesforce-access-token=x"], "SALESFORCE_INSTANCE_URL is not set"),
        (&[LOGIN_URL, REFRESH_TOKEN], "SALESFORCE_CLIENT_ID is not set"),
        (&[LOGIN_URL, CLIENT_ID, CLIENT_SECRET, PASSWORD], "SALESFORCE_USERNAME is not set"),
        (
            &["--salesforce-jwt-key-file=/nowhere/key.pem"],
            "SALESFORCE_JWT_KEY_FILE: /nowhere/key.pem: it cannot be read (entity not found)",
        ),
    ] {
        let problem = problem(arguments);
        assert!(problem.starts_with(expected), "{arguments:?} gave {problem:?}");
    }
}

#[test]
fn a_consumer_needs_no_load_and_without_an_object_there_is_none() {
    let none = parsed(&LOGIN[..3]).meant().unwrap();
    assert_eq!(none.load, None);
    let check = |more: &[&str]| {
        Cli::parse_from([&["consumer", "check"], &LOGIN[..3], more].concat()).meant()
    };
    assert!(matches!(check(&[]).unwrap(), Task::Check { load: None, .. }));
    let problem = check(&["--header", "a,b"]).unwrap_err().to_string();
    assert!(problem.contains("name its object in SALESFORCE_OBJECT"), "{problem}");

    for half in ["--salesforce-external-id=Key__c", "--mapping-dates=day-first"] {
        let config = parsed(&[&LOGIN[..3], &[half]].concat()).meant().unwrap();
        assert_eq!(config.load, None, "{half}");
    }
}

#[test]
fn a_host_for_browsers_is_refused_and_the_right_one_named() {
    for (host, instead) in [
        ("acme.lightning.force.com", "https://acme.my.salesforce.com"),
        ("acme--uat.sandbox.lightning.force.com", "https://acme--uat.sandbox.my.salesforce.com"),
        ("acme.my.salesforce-setup.com", "https://acme.my.salesforce.com"),
    ] {
        let instance = format!("--salesforce-instance-url=https://{host}");
        let login = format!("--salesforce-login-url=https://{host}/lightning/page");
        let expected = format!("{host} is for browsers; set it to {instead}");

        let token = signs_in(&["--salesforce-access-token=x", &instance]).unwrap_err();
        let client = signs_in(&[&login, CLIENT_ID, CLIENT_SECRET]).unwrap_err();

        assert_eq!(token, format!("SALESFORCE_INSTANCE_URL: {expected}"));
        assert_eq!(client, format!("SALESFORCE_LOGIN_URL: {expected}"));
    }
}

#[test]
fn a_secret_goes_over_http_only_to_this_machine_or_when_that_is_allowed() {
    let in_clear = |setting: &str, host: &str| {
        format!(
            "{setting}: secrets would travel readable to {host}; write https://, or set \
             SALESFORCE_ALLOW_HTTP=true where nobody can listen"
        )
    };
    for host in ["acme.my.salesforce.com", "simulator", "10.0.0.1", "localhost.example", "0.0.0.0"]
    {
        let login = format!("--salesforce-login-url=http://{host}:8081");
        let instance = format!("--salesforce-instance-url=http://{host}:8081");
        let token = "--salesforce-access-token=00D!x";

        let refused = signs_in(&[&login, CLIENT_ID, CLIENT_SECRET]);
        assert_eq!(refused, Err(in_clear("SALESFORCE_LOGIN_URL", host)));
        let refused = signs_in(&[&instance, token]);
        assert_eq!(refused, Err(in_clear("SALESFORCE_INSTANCE_URL", host)));

        let allowed = signs_in(&[&instance, token, "--salesforce-allow-http"]);
        assert_eq!(allowed, Ok(format!("Token(http://{host}:8081)")));
    }
    for here in ["127.0.0.1", "localhost", "[::1]"] {
        let login = format!("--salesforce-login-url=http://{here}:8081");
        assert!(signs_in(&[&login, CLIENT_ID, CLIENT_SECRET]).is_ok(), "{here}");
    }
}

#[test]
fn an_address_with_a_user_in_it_is_refused_and_not_repeated() {
    for user in ["hunter2", "ada:hunter2", ":hunter2"] {
        let login = format!("--salesforce-login-url=https://{user}@acme.my.salesforce.com");
        let refused = signs_in(&[&login, CLIENT_ID, CLIENT_SECRET]).unwrap_err();
        assert_eq!(
            refused,
            "SALESFORCE_LOGIN_URL has a user name in it; user and secret have settings of their own"
        );
    }
}

#[test]
fn client_credentials_are_sent_to_a_my_domain_only() {
    let refused = signs_in(&[LOGIN_URL, CLIENT_ID, CLIENT_SECRET]).unwrap_err();

    assert!(refused.starts_with(
        "SALESFORCE_LOGIN_URL: login.salesforce.com takes no client credentials; set it to the \
         org's My Domain"
    ));
}

#[test]
fn values_that_cannot_be_meant_are_usage_errors() {
    for argument in [
        "--concurrency=0",
        "--salesforce-batch=201",
        "--salesforce-api-version=30.0",
        "--salesforce-api-version=latest",
        "--salesforce-object=Lead/../x",
        "--salesforce-login-url=acme.my.salesforce.com",
    ] {
        assert!(Cli::try_parse_from(["consumer", argument]).is_err(), "{argument}");
    }
}

#[test]
fn check_takes_the_settings_of_salesforce_and_its_own_flag() {
    let arguments =
        ["consumer", "check", "--json", "--salesforce-object=Lead", "--mapping-file=x.sdl"];

    let Some(Command::Check { json, salesforce, header }) = Cli::parse_from(arguments).command
    else {
        panic!("check was asked for");
    };

    assert!(json && header.header.is_none());
    assert_eq!(salesforce.load.object.as_deref(), Some("Lead"));
}

#[test]
fn debug_shows_no_secret() {
    let arguments = [&LOGIN[..], &["--salesforce-access-token=s3cret", PASSWORD]].concat();

    let shown = format!("{:?}", Cli::parse_from(["consumer"].iter().chain(&arguments)));

    assert!(!shown.contains("hunter2") && !shown.contains("s3cret"), "{shown}");
}

/// The field by which rows find their record, or what is wrong.
fn key(arguments: &[&str]) -> Result<Option<String>, String> {
    let config = parsed(&[&LOGIN[..4], arguments].concat()).meant();
    config
        .map(|config| config.load.and_then(|load| load.key))
        .map_err(|problem| problem.to_string())
}

#[test]
fn the_operation_says_how_rows_may_find_their_record() {
    let operation = |name| format!("--salesforce-operation={name}");
    let external_id = "--salesforce-external-id=Key__c";
    let some = |field: &str| Ok(Some(field.to_owned()));

    assert_eq!(key(&[external_id]), some("Key__c"));
    assert_eq!(key(&[&operation("insert"), external_id]), Ok(None));
    assert_eq!(key(&[&operation("update")]), some("Id"));
    assert_eq!(key(&[&operation("update"), "--salesforce-external-id=id"]), some("Id"));
    assert_eq!(key(&[&operation("update"), external_id]), some("Key__c"));
    assert_eq!(key(&[&operation("delete")]), some("Id"));
    assert_eq!(key(&[&operation("delete"), external_id]), some("Key__c"));
    let old = "--salesforce-api-version=46.0";
    assert_eq!(key(&[&operation("update"), external_id, old]), some("Key__c"));
}

#[test]
fn headers_of_calls_are_what_they_may_be() {
    for (argument, fits) in [
        ("--salesforce-assignment-rule=TRUE", true),
        ("--salesforce-assignment-rule=false", true),
        ("--salesforce-assignment-rule=01Qxx0000004C92EAE", true),
        ("--salesforce-assignment-rule=mine", false),
        ("--salesforce-client-name=Acme nightly/2", true),
        ("--salesforce-client-name=a,b", false),
        ("--salesforce-allow-duplicates", true),
        ("--salesforce-gzip=false", true),
        ("--mapping-time-zone=Europe/Berlin", true),
        ("--mapping-time-zone=Berlin", false),
        ("--mapping-dates=day-first", true),
        ("--mapping-nulls=write", true),
    ] {
        let parsed = Cli::try_parse_from(["consumer", argument]);
        assert_eq!(parsed.is_ok(), fits, "{argument}");
    }
}
