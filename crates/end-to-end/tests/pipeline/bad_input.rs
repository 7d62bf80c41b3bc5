//! Bad input gets a clear error and the right exit code.

use crate::{
    kinds::{GENERATED, Kind},
    pipeline::{FILE, Pipeline, no_load},
    processes::{Ended, wait_until},
};

/// Rows of a file that has no e-mail addresses.
const WITHOUT_EMAIL: Kind = Kind {
    name: "without-email",
    mapping: "ExternalId=External_Id__c\nName=LastName\nCompany=Company\n",
    ..GENERATED
};

fn assert_says(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} in {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "", "an error is no data");
}

fn sync(pipeline: &Pipeline, file: &str) -> Ended {
    pipeline.program("producer", &["sync", "--file", file]).end()
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_what_is_wrong() {
    let pipeline = Pipeline::start();
    pipeline.put("empty.csv", "");
    pipeline.put("no-header.csv", "1,ames@example.com,Acme\n2,bo@example.com,Acme\n");
    pipeline.put("book.csv", &b"PK\x03\x04\x14\0\x06\0"[..]);

    assert_says(
        &sync(&pipeline, "nothing.csv"),
        1,
        &["no blob `nothing.csv`", "high-volume-ingest"],
    );
    assert_says(&sync(&pipeline, "empty.csv"), 1, &["empty.csv", "is empty"]);
    let no_header = sync(&pipeline, "no-header.csv");
    assert_says(&no_header, 1, &["no-header.csv", "looks like a row"]);
    assert!(!no_header.stderr.contains("ames@"), "never a row's value: {}", no_header.stderr);
    assert_says(&sync(&pipeline, "book.csv"), 1, &["book.csv", "a zip archive", "unpack it"]);
    let runs = pipeline.program("producer", &["runs", "--json"]).end();
    assert_eq!(runs.stdout.trim(), "[]", "what cannot be read is no run");
}

#[test]
fn a_header_without_rows_is_a_run_without_rows() {
    let pipeline = Pipeline::start();
    pipeline.put("header.csv", "ExternalId,Name,Email,Company\n");

    let ended = sync(&pipeline, "header.csv");

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("Total Rows Processed: 0"), "{}", ended.stderr);
}

#[test]
fn settings_that_are_missing_or_wrong_are_named_and_never_repeated() {
    let mut pipeline = Pipeline::start();
    let connection_string = pipeline.azurite.connection_string();

    pipeline.set("AZURE_STORAGE_CONNECTION_STRING", "");
    assert_says(&sync(&pipeline, FILE), 2, &["AZURE_STORAGE_CONNECTION_STRING"]);
    pipeline.set("AZURE_STORAGE_CONNECTION_STRING", "AccountKey=hunter2;Nonsense");
    let malformed = sync(&pipeline, FILE);
    assert_says(&malformed, 2, &["AZURE_STORAGE_CONNECTION_STRING"]);
    assert!(!malformed.stderr.contains("hunter2"), "{}", malformed.stderr);
    let wrong_key = connection_string.replace("Eby8", "AAAA");
    pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &wrong_key);
    assert_says(&sync(&pipeline, FILE), 2, &["denied access", "account key"]);
    pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &connection_string);

    pipeline.set("QUEUE_DEPTH_LOW", "9999");
    assert_says(&sync(&pipeline, FILE), 2, &["QUEUE_DEPTH_LOW (9999) must be below"]);
    pipeline.set("QUEUE_DEPTH_LOW", "");
    pipeline.set("REDIS_URL", "redis://me:hunter2@127.0.0.1:1");
    let away = sync(&pipeline, FILE);
    assert_says(&away, 1, &["redis does not answer at 127.0.0.1:1", "REDIS_URL"]);
    assert!(!away.stderr.contains("hunter2"), "{}", away.stderr);
}

#[test]
fn a_consumer_that_cannot_work_says_why_before_it_takes_a_batch() {
    let mut pipeline = Pipeline::start();
    let check = |pipeline: &Pipeline| pipeline.consumer().end();

    pipeline.set("SALESFORCE_CLIENT_SECRET", "wrong-secret");
    let denied = check(&pipeline);
    assert_says(&denied, 2, &["SALESFORCE_CLIENT_SECRET"]);
    assert!(!denied.stderr.contains("wrong-secret"), "{}", denied.stderr);
    pipeline.set("SALESFORCE_CLIENT_SECRET", "local-only-secret");

    pipeline.set("SALESFORCE_OBJECT", "Leed");
    assert_says(&check(&pipeline), 2, &["Leed"]);
    pipeline.set("SALESFORCE_OBJECT", "Lead");

    pipeline.set("SALESFORCE_EXTERNAL_ID", "Nothing__c");
    assert_says(&check(&pipeline), 2, &["no column fills `Nothing__c`"]);
    let mapping = pipeline.local_file("nothing.sdl", "ExternalId=Nothing__c\n");
    pipeline.set("MAPPING_FILE", &mapping);
    assert_says(&check(&pipeline), 2, &["Nothing__c"]);
    pipeline.set("SALESFORCE_EXTERNAL_ID", "External_Id__c");

    pipeline.set("MAPPING_FILE", "/nowhere/lead.sdl");
    assert_says(&check(&pipeline), 2, &["/nowhere/lead.sdl"]);
}

#[test]
fn a_file_without_a_mapped_column_fails_the_run_and_names_the_column() {
    let pipeline = Pipeline::start();
    pipeline.put("other.csv", "ExternalId,Name,Company\nE1,Ames,Acme\n");
    let mut consumer = pipeline.consumer();

    let ended = pipeline.program("producer", &["sync", "--file", "other.csv"]).end();

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("Email"), "{}", ended.stderr);
    assert!(consumer.is_running(), "other runs may be well: {}", consumer.stderr());
}

#[test]
fn a_failed_run_goes_on_when_its_cause_is_mended() {
    let mut pipeline = Pipeline::start();
    pipeline.put("other.csv", "ExternalId,Name,Company\nE1,Ames,Acme\n");
    // Nobody says what becomes of the file but the consumers.
    let sync = |pipeline: &Pipeline| {
        let arguments = ["sync", "--file", "other.csv", "--run-id", "mended"];
        pipeline.program_with("producer", &no_load(), &arguments)
    };
    let consumer = pipeline.consumer();
    assert_eq!(sync(&pipeline).end().code, Some(1));
    assert_eq!(pipeline.report("mended").text("status"), "failed");
    consumer.kill();

    pipeline.set_mapping(WITHOUT_EMAIL.mapping);
    let consumer = pipeline.consumer();
    let ended = sync(&pipeline).end();

    assert_eq!(ended.code, Some(0), "{ended:?} {}", consumer.stderr());
    pipeline.assert_holds(&WITHOUT_EMAIL, &["other.csv"]);
}

#[test]
fn a_file_that_is_replaced_in_mid_run_fails_the_run() {
    let mut pipeline = Pipeline::start();
    pipeline.set("QUEUE_DEPTH_HIGH", "10");
    // Large enough that most of it is not read ahead when it is replaced.
    pipeline.generate(400_000, &[]);
    let sync = pipeline.sync(&["--run-id", "replaced"]);
    wait_until("reading pauses", || sync.stderr().contains("reading pauses"));

    pipeline.generate(1_000, &["--force"]);
    let _consumer = pipeline.consumer();

    let ended = sync.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("was changed or deleted while it was being read"),
        "{}",
        ended.stderr
    );
    assert_eq!(pipeline.report("replaced").text("status"), "failed");
    let again = pipeline.sync(&["--run-id", "replaced"]).end();
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("was replaced"), "{}", again.stderr);
}

#[test]
fn the_id_of_a_complete_run_does_not_hide_a_new_version_of_its_file() {
    let pipeline = Pipeline::start();
    pipeline.generate(100, &[]);
    let _consumer = pipeline.consumer();
    assert_eq!(pipeline.sync(&["--run-id", "nightly"]).end().code, Some(0));
    pipeline.assert_every_row_is_where_it_belongs("nightly", FILE);

    pipeline.generate(200, &["--force"]);
    let second_night = pipeline.sync(&["--run-id", "nightly"]).end();

    assert_says(&second_night, 1, &["was replaced", "as a new run, under another id"]);
    assert_eq!(pipeline.report("nightly").text("status"), "completed");
}

#[test]
fn a_run_that_is_all_queued_is_delivered_though_its_file_was_replaced() {
    let pipeline = Pipeline::start();
    pipeline.generate(100, &[]);
    assert_eq!(pipeline.sync(&["--run-id", "queued", "--no-wait"]).end().code, Some(0));
    pipeline.put("before.csv", pipeline.get(FILE));

    pipeline.generate(200, &["--force"]);
    let sync = pipeline.sync(&["--run-id", "queued"]);
    // Of a run that has ended it would say that the file is another one.
    wait_until("the run is followed", || sync.stderr().contains("no consumer is running"));
    let _consumer = pipeline.consumer();
    let ended = sync.end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    pipeline.assert_holds(&GENERATED, &["before.csv"]);
}

#[test]
fn a_file_that_is_under_way_is_not_loaded_twice() {
    let pipeline = Pipeline::start();
    pipeline.generate(1_000, &[]);
    let first = pipeline.sync(&["--run-id", "first", "--no-wait"]).end();
    assert_eq!(first.code, Some(0), "{first:?}");

    let second = pipeline.sync(&["--run-id", "second"]).end();

    assert_says(&second, 1, &["is being loaded by run first", "producer resume first"]);
}

#[test]
fn a_redis_that_evicts_is_warned_about_with_the_cure() {
    let pipeline = Pipeline::start();
    pipeline.put("header.csv", "ExternalId,Name,Email,Company\n");
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let () = redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory-policy", "allkeys-lru"])
        .query(&mut client.get_connection().unwrap())
        .unwrap();

    let ended = sync(&pipeline, "header.csv");

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("set `maxmemory-policy noeviction`"), "{}", ended.stderr);
}

#[test]
fn a_generated_file_is_not_overwritten_by_accident() {
    let pipeline = Pipeline::start();
    pipeline.generate(100, &[]);

    let again = pipeline.program("generate-upload", &["--rows", "100", "--file", FILE]).end();

    assert_says(&again, 1, &["already exists", "--force"]);
}
