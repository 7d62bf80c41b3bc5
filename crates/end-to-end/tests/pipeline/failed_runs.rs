//! A run that breaks off keeps what was done of it, and goes on there: no row is stored twice, also
//! with `insert`, where a second time is a second record.

use blob_store::{BlobArgs, BlobStore};
use serde_json::json;
use test_support::{azurite_sas_connection_string, wait_at_most};

use crate::{
    kinds::{PARCEL_SCHEMA, PARCELS},
    pipeline::{Pipeline, block_on},
    processes::{Program, wait_until},
    records::sheet,
    server::{SERVE, Server},
};

/// Some 48 MB in all, which are several times what the reader asks for ahead.
const ROWS: u64 = 6_000;
const WIDER_BY: usize = 8_000;
const FILE: &str = "parcels.csv";

/// A run that broke off.
struct BrokenOff {
    pipeline: Pipeline,
    run: String,
    /// Of its report.
    status: String,
    reason: String,
    server: Server,
    consumer: Program,
}

/// Starts a run under `producer serve` whose SAS expires while reading waits for room, and lets
/// consumers make room. Comes back when the run has stopped, while something is under way.
fn run_whose_sas_expires(settings: &[(&str, &str)], faults: &[&str]) -> BrokenOff {
    let mut flags = vec![PARCEL_SCHEMA];
    flags.extend(faults);
    let mut pipeline = Pipeline::with_salesforce(&flags);
    for (name, value) in settings {
        pipeline.set(name, value);
    }
    pipeline.put(FILE, sheet("P", ROWS, WIDER_BY));
    let address = pipeline.azurite.address();
    let sas = azurite_sas_connection_string(&address, jiff::SignedDuration::from_secs(8));
    pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &sas);
    let server = Server::of(PARCELS.program(&pipeline, "producer", &SERVE));
    let run = server.start_run(FILE);
    wait_until("reading waits for room", || server.status(&run) == "waiting");
    wait_until("the sas has expired", || !opens(&sas));
    let consumer = PARCELS.consumer(&pipeline);
    wait_until("the run has stopped", || {
        matches!(server.status(&run).as_str(), "failed" | "interrupted")
    });
    let report = server.report(&run);
    let text = |field: &str| report[field].as_str().unwrap_or_default().to_owned();
    let (status, reason) = (text("status"), text("reason"));
    BrokenOff { pipeline, run, status, reason, server, consumer }
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

impl BrokenOff {
    /// Somebody renews the SAS, starts the server with it, and resumes the run.
    fn resume_with_another_sas(&mut self) {
        let lasting = self.pipeline.azurite.connection_string();
        self.pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &lasting);
        self.server = Server::of(PARCELS.program(&self.pipeline, "producer", &SERVE));
        self.server.tell(&self.run, "resume");
    }

    /// The run ends, and each row is one record.
    fn assert_each_row_is_stored_once(&self) {
        wait_at_most(150, "the run is completed", || self.server.status(&self.run) == "completed");
        self.pipeline.assert_holds(&PARCELS, &[FILE]);
        let report = self.server.report(&self.run);
        let figures = ["read", "created", "rejected", "unfinished"].map(|name| &report[name]);
        assert_eq!(figures, [&json!(ROWS), &json!(ROWS), &json!(0), &json!(0)], "{report}");
    }
}

/// A third of the rows is locked for three tries: most batches are done but for some rows.
fn run_with_batches_that_are_partly_done() -> BrokenOff {
    let settings = [("BATCH_ROWS", "50"), ("QUEUE_BYTES_HIGH", "4194304")];
    run_whose_sas_expires(&settings, &["--row-lock-permille=300", "--row-lock-times=3"])
}

#[test]
fn a_run_that_may_not_read_on_is_interrupted_and_says_why() {
    let run = run_with_batches_that_are_partly_done();

    assert_eq!(run.status, "interrupted", "{}", run.reason);
    assert!(run.reason.contains("denied"), "{}", run.reason);
    assert!(!run.reason.contains("sig="), "{}", run.reason);
}

#[test]
fn a_run_that_goes_on_with_another_sas_inserts_no_row_twice() {
    let mut run = run_with_batches_that_are_partly_done();
    let stored = run.pipeline.records(PARCELS.object).len() as u64;
    assert!((1..ROWS).contains(&stored), "{stored} rows are stored when it breaks off");

    run.resume_with_another_sas();

    run.assert_each_row_is_stored_once();
}

#[test]
fn a_run_that_goes_on_while_salesforce_works_its_jobs_off_inserts_no_row_twice() {
    // More than a consumer holds at once: when the first jobs have ended, and made room, others begin.
    let settings =
        [("SALESFORCE_API", "bulk"), ("BATCH_ROWS", "100"), ("QUEUE_BYTES_HIGH", "16777216")];
    let mut run = run_whose_sas_expires(&settings, &["--job-delay-ms=20000"]);
    let jobs = run.pipeline.salesforce_state()["jobs"].clone();
    let of = |state: &str| jobs[state].as_u64().unwrap_or(0);
    let under_way = of("UploadComplete") + of("InProgress");
    assert!(under_way > 0, "no job is under way when it breaks off: {jobs}");

    // The consumer is replaced by another one, which finds the batches with their jobs.
    let before = std::mem::replace(&mut run.consumer, PARCELS.consumer(&run.pipeline));
    before.signal("TERM");
    before.end();
    // Before they are worked off.
    run.resume_with_another_sas();
    run.pipeline.set_faults(&json!({"jobDelayMs": 100}));

    run.assert_each_row_is_stored_once();
}
