//! Signing in through Entra ID: an Azurite that takes tokens (over TLS, with a
//! certificate of our own) and an endpoint that hands them out as App Service does.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

use std::{
    process::{Command, Output},
    time::{SystemTime, UNIX_EPOCH},
};

use test_support::{AZURITE_ACCOUNT, Azurite, Certificates};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_identity_opens_the_account() {
    let certificates = Certificates::of(&["127.0.0.1"]);
    let azurite = azurite_with_tokens(&certificates);
    let identity = hand_out_tokens("https://storage.azure.com").await;

    let ran = generate(&azurite, &certificates, &identity).await;

    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(said.contains("signed in to Entra ID through managed identity"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_good_for_something_else_is_denied() {
    let certificates = Certificates::of(&["127.0.0.1"]);
    let azurite = azurite_with_tokens(&certificates);
    let identity = hand_out_tokens("https://vault.azure.net").await;

    let ran = generate(&azurite, &certificates, &identity).await;

    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains("denied access") && said.contains("Data Contributor"), "{said}");
    assert!(!said.contains("eyJ"), "no part of a token is shown: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_knows_us_is_an_error_that_says_what_to_do() {
    let certificates = Certificates::of(&["127.0.0.1"]);
    let azurite = azurite_with_tokens(&certificates);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let identity = format!("http://{}/msi", listener.local_addr().unwrap());
    tokio::spawn(answer_all(listener, "HTTP/1.1 400 x\r\n", String::new()));

    let ran = generate(&azurite, &certificates, &identity).await;

    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains("could not sign in") && said.contains("az login"), "{said}");
}

fn azurite_with_tokens(certificates: &Certificates) -> Azurite {
    let certificate = certificates.file("server.pem");
    let key = certificates.file("server.key");
    Azurite::start(&[
        "--oauth",
        "basic",
        "--cert",
        certificate.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
    ])
}

async fn hand_out_tokens(audience: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = serde_json::json!({
        "aud": audience,
        "iss": "https://sts.windows.net/tenant/",
        "iat": now, "nbf": now, "exp": now + 3600,
    });
    let [head, claims] =
        [serde_json::json!({"alg": "none"}), claims].map(|it| base64url(&it.to_string()));
    let answer = serde_json::json!({
        "access_token": format!("{head}.{claims}.c2lnbmF0dXJl"),
        "expires_on": (now + 3600).to_string(),
        "token_type": "Bearer",
        "resource": audience,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(answer_all(listener, "HTTP/1.1 200 x\r\n", answer.to_string()));
    format!("http://{address}/msi")
}

async fn answer_all(listener: TcpListener, status: &'static str, body: String) {
    while let Ok((mut connection, _)) = listener.accept().await {
        let asked = request(&mut connection).await;
        assert!(asked.contains("x-identity-header: header-of-the-platform"), "{asked}");
        let length = body.len();
        let head =
            format!("{status}content-type: application/json\r\ncontent-length: {length}\r\n");
        let answer = format!("{head}connection: close\r\n\r\n{body}");
        connection.write_all(answer.as_bytes()).await.unwrap();
    }
}

async fn request(connection: &mut TcpStream) -> String {
    let mut buffer = [0; 8192];
    let read = connection.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

fn base64url(text: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letters_of = |three: &[u8]| {
        let bits = three.iter().fold(0, |bits, &byte| bits << 8 | u32::from(byte));
        let bits = bits << (8 * (3 - three.len()));
        (0..=three.len()).map(move |n| char::from(LETTERS[(bits >> (18 - 6 * n)) as usize & 63]))
    };
    text.as_bytes().chunks(3).flat_map(letters_of).collect()
}

async fn generate(azurite: &Azurite, certificates: &Certificates, identity: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_generate-upload"));
    command
        .args(["--rows", "100"])
        .current_dir(certificates.file(""))
        // No identity of the machine that the test runs on, no `az`.
        .env_clear()
        .env(
            "AZURE_STORAGE_ACCOUNT_URL",
            format!("https://{}/{AZURITE_ACCOUNT}", azurite.address()),
        )
        .env("SSL_CERT_FILE", certificates.file("ca.pem"))
        .env("IDENTITY_ENDPOINT", identity)
        .env("IDENTITY_HEADER", "header-of-the-platform");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}
