//! What Azure does to a run: nothing is lost, and nothing is taken for the end of the file.

use std::fmt::Write as _;

use blob_store::{BlobArgs, BlobStore};
use test_support::azurite_sas_connection_string;

use crate::{
    pipeline::{FILE, Pipeline, Report, block_on},
    processes::wait_until,
};

const ROWS: u64 = 4_000;

/// Some 32 MB, which are several times what the reader asks for ahead.
fn long_rows() -> String {
    let filler = "x".repeat(8_000);
    let mut file = "ExternalId,Name,Email,Company,Note\n".to_owned();
    for row in 1..=ROWS {
        writeln!(file, "LONG-{row},Name {row},row{row}@example.com,Company {row},{filler}")
            .unwrap();
    }
    file
}

fn opens(connection_string: &str) -> bool {
    let args = BlobArgs {
        azure_storage_connection_string: Some(connection_string.into()),
        azure_storage_account_url: None,
        azure_container: "high-volume-ingest".to_owned(),
        azure_allow_http: false,
    };
    block_on(BlobStore::connect(&args).unwrap().properties(FILE)).is_ok()
}

#[test]
fn a_sas_that_expires_between_two_ranges_is_an_error_and_the_run_goes_on_with_another() {
    let mut pipeline = Pipeline::start();
    pipeline.set("BATCH_ROWS", "50");
    pipeline.set("QUEUE_BYTES_HIGH", "1048576");
    pipeline.put(FILE, long_rows());
    let sas = azurite_sas_connection_string(
        &pipeline.azurite.address(),
        jiff::SignedDuration::from_secs(15),
    );
    pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &sas);
    let sync = pipeline.sync(&["--run-id", "expired", "--json"]);
    wait_until("reading pauses", || sync.stderr().contains("reading pauses"));
    wait_until("the sas has expired", || !opens(&sas));

    let _consumer = pipeline.consumer();
    let ended = sync.end();

    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("denied"), "{ended:?}");
    assert!(!ended.stderr.contains("sig="), "{ended:?}");
    let report = pipeline.report("expired");
    assert_eq!(report.text("status"), "interrupted", "{report:?}");
    assert!((1..ROWS).contains(&report.number("read")), "{report:?}");
    let lasting = pipeline.azurite.connection_string();
    pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &lasting);
    let ended = pipeline.sync(&["--run-id", "expired", "--json"]).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(ROWS);
    pipeline.assert_every_row_is_where_it_belongs("expired", FILE);
}
