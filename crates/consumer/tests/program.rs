//! The program as people start it: its words, its exit codes, what its log never shows.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use salesforce_simulator::{Config, PlannedFault, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A folder for the program to run in, a Salesforce, and settings that fit.
struct Setting {
    folder: TempDir,
    salesforce: Simulator,
    variables: Vec<(&'static str, String)>,
}

impl Setting {
    async fn new() -> Self {
        let salesforce = Simulator::start(Config::default()).await.unwrap();
        let variables = vec![
            ("SALESFORCE_LOGIN_URL", salesforce.url()),
            ("SALESFORCE_CLIENT_ID", Config::CLIENT_ID.to_owned()),
            ("SALESFORCE_CLIENT_SECRET", Config::CLIENT_SECRET.to_owned()),
            ("SALESFORCE_OBJECT", "lead".to_owned()),
            ("SALESFORCE_EXTERNAL_ID", "external_id__c".to_owned()),
        ];
        Self { folder: tempfile::tempdir().unwrap(), salesforce, variables }
    }

    fn set(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    fn map(&mut self, text: &str) -> &mut Self {
        let file = self.folder.path().join("lead.sdl");
        std::fs::write(&file, text).unwrap();
        self.set("MAPPING_FILE", "lead.sdl")
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = command(self.folder.path(), arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Checks the exit code and that stderr says this; nothing may be on stdout.
fn assert_says(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in {stderr}");
    }
    assert_eq!(stdout(output), "");
}

const LEAD: &str = "ExternalId=External_Id__c\nName=LastName\nCompany=Company\nBorn=Birth_Date__c\n\
                    \"Web\"=LeadSource\n";

#[tokio::test]
async fn check_prints_the_mapping_as_a_table() {
    let mut setting = Setting::new().await;

    let checked = setting.map(LEAD).run(&["check"]).await;

    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let expected = format!(
        "upsert Lead by External_Id__c at {}, API 62.0\n\
         api calls left today: 4999998 of 5000000\n\n\
         column      field           type      rule\n\
         ExternalId  External_Id__c  string    key: text of up to 64 characters\n\
         Name        LastName        string    text of up to 80 characters\n\
         Company     Company         string    text of up to 255 characters\n\
         Born        Birth_Date__c   date      a date: 2026-11-23, 2026/11/23, 23.11.2026 or \
         11/23/2026; without a time of day\n\
         \"Web\"       LeadSource      picklist  text of up to 255 characters\n",
        setting.salesforce.url()
    );
    assert_eq!(stdout(&checked), expected);
}

#[tokio::test]
async fn check_prints_json_for_programs() {
    let mut setting = Setting::new().await;
    let arguments = ["check", "--json", "--salesforce-api-version=64.0"];

    let checked = setting.map("Key=External_Id__c\nName=LastName").run(&arguments).await;

    let json: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(
        json,
        json!({
            "instanceUrl": setting.salesforce.url(), "apiVersion": "64.0", "object": "Lead",
            "operation": "upsert", "externalId": "External_Id__c",
            "mapping": [
                {"column": "Key", "field": "External_Id__c", "type": "string",
                 "rule": "key: text of up to 64 characters"},
                {"column": "Name", "field": "LastName", "type": "string",
                 "rule": "text of up to 80 characters"},
            ],
            "leftOut": [],
            "dailyApiRequests": {"max": 5_000_000, "remaining": 4_999_998},
            "warnings": [
                "no column fills Company; rows that would create a record are rejected without it"
            ],
        })
    );
}

#[tokio::test]
async fn check_says_why_the_limits_could_not_be_read() {
    let mut setting = Setting::new().await;
    setting.map(LEAD);
    for (status, code, says, not) in [
        (403, "INSUFFICIENT_ACCESS", "permission View Setup and Configuration", "read now"),
        (403, "REQUEST_LIMIT_EXCEEDED", "read now (HTTP 403 REQUEST_LIMIT_EXCEEDED", "permission"),
        (
            503,
            "SERVER_UNAVAILABLE",
            "limits could not be read now (HTTP 503 SERVER_UNAVAILABLE",
            "permission",
        ),
    ] {
        setting.salesforce.plan(PlannedFault::refusing(status, code, "").on("/limits"));

        let checked = setting.run(&["check", "--json"]).await;

        assert_eq!(checked.status.code(), Some(0), "{checked:?}");
        let json: Value = serde_json::from_slice(&checked.stdout).unwrap();
        let said = json["warnings"].to_string();
        assert!(said.contains(says) && !said.contains(not), "{status} {code}: {said}");
    }
}

#[tokio::test]
async fn check_says_when_columns_are_matched_by_name() {
    let checked = Setting::new().await.run(&["check"]).await;

    let table = stdout(&checked);
    assert!(table.contains("no mapping file: columns fill the fields of their name"), "{table}");
    assert!(table.contains("\nEmail "), "{table}");
    assert!(!table.contains("\nName "), "it cannot be filled: {table}");
}

#[tokio::test]
async fn check_compares_the_columns_of_a_file() {
    let mut setting = Setting::new().await;
    let check = ["check", "--header", "External_Id__c;Company;Shoe Size"];

    let unknown = setting.run(&check).await;
    let left_out = setting.set("MAPPING_LEAVE_OUT", "Shoe Size").run(&check).await;

    assert_says(&unknown, 2, &["error: column `Shoe Size`: Lead has no field", "MAPPING_FILE"]);
    let table = stdout(&left_out);
    assert!(table.ends_with("\n\nnot sent: Shoe Size\n"), "{table}");
}

#[tokio::test]
async fn what_does_not_fit_the_org_is_named() {
    let mut setting = Setting::new().await;

    let leed = setting.set("SALESFORCE_OBJECT", "Leed").run(&["check"]).await;
    assert_says(&leed, 2, &["error: salesforce has no object Leed", "SALESFORCE_OBJECT"]);
    setting.set("SALESFORCE_OBJECT", "Lead");

    let nothing = setting.set("SALESFORCE_EXTERNAL_ID", "Nothing__c").run(&["check"]).await;
    assert_says(&nothing, 2, &["Lead has no field Nothing__c", "field-level security"]);
    let phone = setting.set("SALESFORCE_EXTERNAL_ID", "Phone").run(&["check"]).await;
    assert_says(&phone, 2, &["field Phone of Lead is no external id", "idLookup"]);
    let email = setting.set("SALESFORCE_EXTERNAL_ID", "Email").run(&["check"]).await;
    assert_eq!(email.status.code(), Some(0), "{email:?}");
    setting.set("SALESFORCE_EXTERNAL_ID", "External_Id__c");

    let mapping = setting.map("a=External_Id__c\nb=Emial\nc=Name").run(&["check"]).await;
    let words = [
        "error: mapping file lead.sdl: line 2, column `b`: Lead has no field `Emial`",
        "field-level security",
        "; line 3, column `c`: field `Name` of Lead is read-only",
    ];
    assert_says(&mapping, 2, &words);
    let line = setting.map("a=External_Id__c\nnonsense").run(&["check"]).await;
    assert_says(&line, 2, &["error: mapping file lead.sdl, line 2: there is no `=`"]);
    let nowhere = setting.set("MAPPING_FILE", "nowhere.sdl").run(&["check"]).await;
    assert_says(&nowhere, 2, &["could not read the mapping file nowhere.sdl", "No such file"]);
}

#[tokio::test]
async fn an_upsert_by_id_is_refused_with_what_to_do_instead() {
    let mut setting = Setting::new().await;
    setting.set("SALESFORCE_EXTERNAL_ID", "id");

    for api in ["collections", "auto", "bulk"] {
        let refused = setting.set("SALESFORCE_API", api).run(&["check"]).await;
        let words = ["an upsert of Lead needs an external id, and Id is none", "as update"];
        assert_says(&refused, 2, &words);
    }
}

#[tokio::test]
async fn an_external_id_that_is_not_unique_is_warned_of() {
    let mut setting = Setting::new().await;
    setting.set("SALESFORCE_OBJECT", "Account");

    let mut warnings = async |key: &str| {
        let check = setting.set("SALESFORCE_EXTERNAL_ID", key).run(&["check", "--json"]).await;
        let checked: Value = serde_json::from_str(&stdout(&check)).unwrap();
        checked["warnings"].to_string()
    };
    let (shared, unique) = (warnings("Region_Key__c").await, warnings("ErpKey__c").await);

    for words in ["Region_Key__c of Account is not unique", "View All Data", "MULTIPLE_CHOICES"] {
        assert!(shared.contains(words), "{words:?} is not in {shared}");
    }
    assert!(!unique.contains("unique"), "{unique}");
}

#[tokio::test]
async fn wrong_settings_end_with_code_2_and_say_what_to_set() {
    let mut setting = Setting::new().await;

    let header = setting.set("SALESFORCE_OBJECT", "").run(&["check", "--header", "a,b"]).await;
    let no_load =
        "there is no load to compare the header with; name its object in SALESFORCE_OBJECT";
    assert_says(&header, 2, &[no_load, "producer check --file F"]);
    let sign_in = setting.run(&["check"]).await;
    assert_eq!(sign_in.status.code(), Some(0), "{sign_in:?}");
    assert!(stdout(&sign_in).contains("api calls left today"), "{sign_in:?}");
    let json = setting.run(&["check", "--json"]).await;
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(json["instanceUrl"].is_string() && json["object"].is_null(), "{json}");
    let secret = setting.set("SALESFORCE_CLIENT_SECRET", "").run(&["check"]).await;
    assert_says(&secret, 2, &["SALESFORCE_CLIENT_SECRET is not set"]);
    let rows = setting.set("SALESFORCE_BATCH", "201").run(&[]).await;
    assert_says(&rows, 2, &["201", "SALESFORCE_BATCH"]);
}

#[tokio::test]
async fn a_start_without_redis_or_with_a_wrong_secret_fails_at_once_and_keeps_the_secret() {
    let mut setting = Setting::new().await;

    let redis = setting.set("REDIS_URL", "redis://me:hunter2@127.0.0.1:1").run(&[]).await;
    assert_says(&redis, 1, &["error: redis does not answer at 127.0.0.1:1"]);
    let login = setting.set("SALESFORCE_CLIENT_SECRET", "hunter2").run(&["check"]).await;
    assert_says(&login, 2, &["error: salesforce gave no token: invalid_client", "CLIENT_SECRET"]);

    for output in [redis, login] {
        assert!(!format!("{output:?}").contains("hunter2"), "{output:?}");
    }
}

#[tokio::test]
async fn a_start_without_salesforce_says_so_after_some_seconds() {
    let mut setting = Setting::new().await;

    let away = setting.set("SALESFORCE_LOGIN_URL", "http://127.0.0.1:1").run(&["check"]).await;

    assert_says(&away, 1, &["error: salesforce does not answer (", "SALESFORCE_LOGIN_URL"]);
}

#[tokio::test]
async fn a_machine_without_certificate_authorities_can_use_a_local_salesforce_only() {
    let mut setting = Setting::new().await;
    setting.set("SSL_CERT_FILE", "/dev/null").set("SSL_CERT_DIR", "/nowhere");

    let local = setting.run(&["check"]).await;
    let https = setting.set("SALESFORCE_LOGIN_URL", "https://127.0.0.1:1").run(&["check"]).await;

    assert_eq!(local.status.code(), Some(0), "{local:?}");
    assert_says(&https, 2, &["error: could not prepare for https; install the package ca-cert"]);
}

#[tokio::test]
async fn a_proxy_and_authorities_that_cannot_be_used_are_for_a_person() {
    for (name, value, problem) in [
        ("ALL_PROXY", "socks5://ada:hunter2@x:1", "ALL_PROXY names socks5://x:1, and SOCKS is not"),
        ("all_proxy", "socks5h://127.0.0.1:1", "all_proxy names socks5h://127.0.0.1:1, and SOCKS"),
        ("ALL_PROXY", "foo", "ALL_PROXY is no address of a proxy"),
        (
            "SSL_CERT_FILE",
            "/dev/null/none",
            "SSL_CERT_FILE: the certificates to trust could not be read",
        ),
    ] {
        let ended = Setting::new().await.set(name, value).run(&["check"]).await;

        assert_says(&ended, 2, &[problem]);
        assert!(!String::from_utf8_lossy(&ended.stderr).contains("hunter2"), "{ended:?}");
    }
    let mut setting = Setting::new().await;
    setting.set("ALL_PROXY", "socks5://x:1").set("NO_PROXY", "127.0.0.1");

    let directly = setting.run(&["check"]).await;

    assert_eq!(directly.status.code(), Some(0), "it is not used: {directly:?}");
}

#[tokio::test]
async fn help_shows_no_secret_and_every_unit() {
    let help = Setting::new().await.run(&["--help"]).await;

    let help = stdout(&help);
    assert!(!help.contains(Config::CLIENT_SECRET), "{help}");
    for words in ["Takes batches from the queue", "<DURATION>", "CONSUMER_CONCURRENCY", "check"] {
        assert!(help.contains(words), "{words:?} is not in {help}");
    }
}

#[tokio::test]
async fn no_log_line_shows_a_secret_or_a_token() {
    let mut setting = Setting::new().await;
    setting.set("RUST_LOG", "trace");

    let login = setting.run(&["check"]).await;
    let token = setting.salesforce.issue_token();
    setting.set("SALESFORCE_ACCESS_TOKEN", &token);
    let instance = setting.salesforce.url();
    setting.set("SALESFORCE_INSTANCE_URL", &instance);
    let ready_made = setting.run(&["check"]).await;

    for output in [login, ready_made] {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(log.contains("pooling idle connection"), "the libraries log too: {log}");
        assert!(!log.contains(Config::CLIENT_SECRET) && !log.contains(&token), "{log}");
        assert!(!log.contains("Bearer"), "{log}");
    }
}

#[tokio::test]
async fn whatever_ends_the_program_is_said_in_json_when_logs_are_json() {
    let mut setting = Setting::new().await;
    setting.set("LOG_FORMAT", "json");

    let usage = setting.run(&["--no-such-flag"]).await;
    let rows = setting.set("SALESFORCE_BATCH", "201").run(&[]).await;
    setting.set("SALESFORCE_BATCH", "");
    let redis = setting.set("REDIS_URL", "redis://127.0.0.1:1").run(&[]).await;
    let object = setting.set("SALESFORCE_OBJECT", "Leed").run(&["check"]).await;
    let help = setting.run(&["--help"]).await;
    let format = setting.set("LOG_FORMAT", "xml").run(&["check"]).await;

    for (output, code, words) in [
        (usage, 2, "unexpected argument '--no-such-flag' found"),
        (rows, 2, "201"),
        (redis, 1, "redis does not answer at 127.0.0.1:1"),
        (object, 2, "salesforce has no object Leed"),
    ] {
        let said = String::from_utf8(output.stderr).unwrap();
        let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert_eq!((output.status.code(), &last["level"]), (Some(code), &"ERROR".into()), "{said}");
        let message = last["message"].as_str().unwrap();
        assert!(message.contains(words) && !message.contains("error:"), "{said}");
        assert!(!message.contains("Usage"), "{said}");
    }
    assert!(stdout(&help).starts_with("Takes batches from the queue"), "{help:?}");
    assert_says(&format, 2, &["LOG_FORMAT is text or json"]);
}

#[test]
fn completions_know_commands_and_flags_without_any_setting() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = command(folder.path(), &["completions", shell]).output().unwrap();

        assert_eq!(script.status.code(), Some(0), "{script:?}");
        for word in ["check", "concurrency"] {
            assert!(stdout(&script).contains(word), "{shell} does not know {word}");
        }
    }
}

/// A Salesforce that has gigabytes to say. Tells how much of it was taken before somebody had
/// enough.
async fn endless_server() -> (String, tokio::task::JoinHandle<usize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let _request = connection.read(&mut [0; 8_192]).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
        connection.write_all(head).await.unwrap();
        let (piece, mut taken) = ([b' '; 1 << 16], 0);
        while taken < 4 << 30 && connection.write_all(&piece).await.is_ok() {
            taken += piece.len();
        }
        taken
    });
    (url, served)
}

#[tokio::test]
async fn an_answer_of_gigabytes_is_cut_off_in_little_memory() {
    let (url, served) = endless_server().await;
    let mut setting = Setting::new().await;
    setting.set("SALESFORCE_ACCESS_TOKEN", "00D!x").set("SALESFORCE_INSTANCE_URL", &url);
    let mut command = command(setting.folder.path(), &["check"]);
    command.envs(setting.variables.iter().map(|(name, value)| (name, value)));
    let mut consumer = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();

    let mut peak_kib = 0;
    while !served.is_finished() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", consumer.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak_kib = kib.unwrap_or(0).max(peak_kib);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let taken = served.await.unwrap();
    consumer.kill().unwrap();
    consumer.wait().unwrap();

    assert!((8 << 20..64 << 20).contains(&taken), "{taken} bytes were taken");
    assert!((8 << 10..64 << 10).contains(&peak_kib), "it held {peak_kib} KiB");
}

#[tokio::test]
async fn a_secret_that_would_travel_readable_is_wrong_usage_until_it_is_allowed() {
    let mut setting = Setting::new().await;
    let port = setting.salesforce.url().rsplit_once(':').unwrap().1.to_owned();
    // This machine, by an address that does not say so.
    setting.set("SALESFORCE_LOGIN_URL", &format!("http://0.0.0.0:{port}"));

    for arguments in [&["check"][..], &[]] {
        let refused = setting.run(arguments).await;
        assert_says(
            &refused,
            2,
            &["SALESFORCE_LOGIN_URL: secrets would travel readable to 0.0.0.0"],
        );
    }

    setting.set("SALESFORCE_ALLOW_HTTP", "true").set("SALESFORCE_CLIENT_SECRET", "hunter2");
    let tried = setting.run(&["check"]).await;
    assert_says(&tried, 2, &["since SALESFORCE_ALLOW_HTTP is set", "error: "]);
    let said = String::from_utf8(tried.stderr).unwrap();
    let (before, _) = said.split_once("error: ").unwrap();
    assert!(before.contains("secrets and rows travel readable"), "it is said before: {said}");
}

#[tokio::test]
async fn settings_of_a_file_are_as_they_stand_there_and_a_blank_secret_is_wrong_usage() {
    let mut setting = Setting::new().await;
    setting.variables.retain(|(name, _)| *name != "SALESFORCE_CLIENT_SECRET");
    let file = setting.folder.path().join(".env");
    let write = |text: &str| std::fs::write(&file, text).unwrap();

    write("SALESFORCE_CLIENT_SECRET=$ecret\n");
    let tried = setting.run(&["check"]).await;
    let says = [
        "salesforce gave no token: invalid_client",
        "warning: .env holds SALESFORCE_CLIENT_SECRET",
    ];
    assert_says(&tried, 2, &says);

    write(&format!("SALESFORCE_CLIENT_SECRET='{}'\n", Config::CLIENT_SECRET));
    let checked = setting.run(&["check"]).await;
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");

    write("SALESFORCE_CLIENT_SECRET=hunter2 hunter2\n");
    let refused = setting.run(&["check"]).await;
    assert_says(&refused, 2, &[".env: line 1: put a value with blanks"]);

    setting.set("SALESFORCE_CLIENT_SECRET_FILE", "empty");
    write("");
    std::fs::write(setting.folder.path().join("empty"), "\n").unwrap();
    let refused = setting.run(&["check"]).await;
    assert_says(&refused, 2, &["SALESFORCE_CLIENT_SECRET_FILE: empty is empty"]);
}
