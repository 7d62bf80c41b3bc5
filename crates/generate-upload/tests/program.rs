//! The program as a user starts it, against a real Azurite.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

use std::{
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
};

use blob_store::{BlobArgs, BlobError, BlobProperties, BlobStore, Compression, ReadSettings};
use futures::TryStreamExt;
use generate_upload::{HEADER, Shape, row};
use test_support::Azurite;

const CONTAINER: &str = "made-by-the-program";

#[tokio::test]
async fn the_blob_holds_the_rows_that_were_asked_for() {
    let azurite = Azurite::start(&[]);
    let shape = Shape { bad_rows_permille: 30, awkward: true };

    let ran = generate(&azurite, "--rows 120000 --file a/b.csv --seed 5 --bad-rows 30 --awkward");

    let mut expected = String::from(HEADER);
    (0..120_000).for_each(|index| row(5, index, shape).write_csv(&mut expected));
    let (blob, content) = download(&azurite, "a/b.csv").await.unwrap();
    assert!(content == expected, "the content differs");
    assert_eq!(Compression::of(&blob), None);
    let said = String::from_utf8(ran.stdout).unwrap();
    let megabytes = format!("120,000 rows, {:.1} MB in ", expected.len() as f64 / 1e6);
    assert!(said.starts_with(&megabytes), "{said}");
    assert!(said.ends_with("MB/s): a/b.csv in container made-by-the-program\n"), "{said}");
    assert_eq!(String::from_utf8(ran.stderr).unwrap(), "");
}

#[tokio::test]
async fn a_blob_that_exists_is_replaced_only_when_told_to() {
    let azurite = Azurite::start(&[]);
    assert_eq!(generate(&azurite, "--rows 10").status.code(), Some(0));

    let refused = generate(&azurite, "--rows 20");
    let (_, kept) = download(&azurite, "big-data-import.csv").await.unwrap();
    let forced = generate(&azurite, "--rows 20 --force");
    let (_, replaced) = download(&azurite, "big-data-import.csv").await.unwrap();

    assert_eq!((refused.status.code(), forced.status.code()), (Some(1), Some(0)));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("already exists") && said.contains("--force"), "{said}");
    assert!(refused.stdout.is_empty());
    assert_eq!((kept.lines().count(), replaced.lines().count()), (11, 21));
}

#[test]
fn the_summary_can_be_read_by_a_program() {
    let azurite = Azurite::start(&[]);

    let ran = generate(&azurite, "--rows 0 --json");

    let summary: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(summary["rows"], 0);
    assert_eq!(summary["bytes"], HEADER.len());
    assert_eq!(summary["file"], "big-data-import.csv");
    assert_eq!(summary["container"], CONTAINER);
    assert!(summary["seconds"].is_f64() && summary["mbPerSecond"].is_f64(), "{summary}");
}

#[tokio::test]
async fn stopped_in_the_middle_it_leaves_nothing() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let azurite = Azurite::start(&[]);
        let mut child = program(&azurite)
            .args(["--rows", "4000000000"])
            .env("RUST_LOG", "debug")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut says = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        says.find(|line| line.contains("comp=block")).unwrap();

        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();

        let rest: Vec<_> = says.collect();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let said = "stopped; nothing of big-data-import.csv was stored";
        assert!(rest.iter().any(|line| line == said), "{rest:?}");
        let error = download(&azurite, "big-data-import.csv").await.unwrap_err();
        assert!(matches!(error, BlobError::NoSuchBlob { .. }), "{error:?}");
    }
}

#[test]
fn wrong_usage_and_settings_have_a_code_of_their_own() {
    let azurite = Azurite::start(&[]);
    for (arguments, problem) in [
        ("--bad-rows 1001", "1001 is not in"),
        ("--rows many", "invalid value 'many'"),
        ("--file a/../b.csv", "is not a blob name"),
        ("--azure-container UPPER", "AZURE_CONTAINER must be 3 to 63"),
        ("--azure-storage-connection-string AccountKey=SECRET", "AZURE_STORAGE_CONNECTION_STRING"),
        ("--azure-storage-account-url https://a.blob.core.windows.net", "both set"),
    ] {
        let ran = generate(&azurite, arguments);

        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains(problem), "{arguments}: {said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
}

#[test]
fn a_machine_without_certificate_authorities_can_do_plain_http() {
    let azurite = Azurite::start(&[]);
    let bare = |arguments: &str| {
        program(&azurite)
            .args(arguments.split(' '))
            .env("SSL_CERT_FILE", "/dev/null")
            .env("SSL_CERT_DIR", "/nowhere")
            .output()
            .unwrap()
    };

    let plain = bare("--rows 10");
    let https =
        bare("--rows 10 --azure-storage-connection-string AccountName=a;AccountKey=c2VjcmV0");

    assert_eq!((plain.status.code(), https.status.code()), (Some(0), Some(1)));
    let said = String::from_utf8(https.stderr).unwrap();
    assert!(said.contains("install the package ca-certificates"), "{said}");
}

fn generate(azurite: &Azurite, arguments: &str) -> Output {
    program(azurite).args(arguments.split(' ')).output().unwrap()
}

/// Far from any `.env`.
fn program(azurite: &Azurite) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_generate-upload"));
    command
        .current_dir(std::env::temp_dir())
        .env("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string())
        .env("AZURE_CONTAINER", CONTAINER)
        .env_remove("AZURE_STORAGE_ACCOUNT_URL")
        .env_remove("RUST_LOG");
    command
}

async fn download(azurite: &Azurite, name: &str) -> Result<(BlobProperties, String), BlobError> {
    let store = BlobStore::connect(&BlobArgs {
        azure_storage_connection_string: Some(azurite.connection_string().into()),
        azure_storage_account_url: None,
        azure_container: CONTAINER.to_owned(),
        azure_allow_http: false,
    })?;
    let blob = store.properties(name).await?;
    let chunks = store.read(name, &blob.etag, blob.bytes, 0, ReadSettings::default());
    let content: Vec<_> = chunks.try_collect().await?;
    Ok((blob, String::from_utf8(content.concat()).unwrap()))
}

#[test]
fn completions_know_the_flags_in_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_generate-upload"));
        let script = program.args(["completions", shell]).env_clear().output().unwrap();

        assert_eq!(script.status.code(), Some(0), "{script:?}");
        let script = String::from_utf8(script.stdout).unwrap();
        assert!(script.contains("bad-rows"), "{shell} does not know --bad-rows");
    }
}
