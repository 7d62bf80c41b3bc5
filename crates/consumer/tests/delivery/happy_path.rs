use std::{process::ExitCode, time::Duration};

use job_queue::{BatchBackend, RunState};
use salesforce_simulator::{Config, Faults, RowErrorRule};

use super::{
    failing_proxy::FailingProxy,
    support::{Scene, good_batches, load_of},
};

fn row_rule(key_prefix: &str, status_code: &str, times: Option<u32>) -> RowErrorRule {
    RowErrorRule {
        key_prefix: key_prefix.to_owned(),
        status_code: status_code.to_owned(),
        message: "busy".to_owned(),
        times,
    }
}

#[tokio::test]
async fn rows_arrive_once_and_are_counted() {
    let scene = Scene::new().await;
    scene.feed("first", &good_batches(10)).await;
    scene.feed("second", &good_batches(2)).await;

    let consumer = scene.consumer(&[]);
    let first = scene.delivered("first").await;
    let second = scene.delivered("second").await;
    let ended = consumer.stop().await;

    assert_eq!(first.tally.created + second.tally.created, 1_000);
    assert_eq!(first.tally.updated + second.tally.updated, 200);
    assert_eq!((first.tally.api_calls, second.tally.api_calls), (10, 2));
    assert_eq!((first.tally.retried, scene.writes().await), (0, 1_200));
    assert_eq!(ended.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_rejected_row_comes_back_as_it_was_with_all_its_errors() {
    let scene = Scene::new().await;
    let long = "x".repeat(81);
    let rows = [
        "E-1,Ames,Acme,a@example.com".to_owned(),
        "E-2,Ames,,nowhere".to_owned(),
        "E-3,\"Cole, \"\"C\"\"\",,c@example.com".to_owned(),
        ",Dell,Acme,d@example.com".to_owned(),
        format!("E-5,{long},Acme,"),
    ];
    scene.feed("rejects", &[rows.to_vec()]).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.ended("rejects").await;

    assert_eq!((ledger.tally.created, ledger.rejected), (1, 4));
    let rejects = scene.rejects("rejects").await;
    assert!(rejects[0].starts_with("E-2,Ames,,nowhere,2,"), "{}", rejects[0]);
    assert!(rejects[0].contains("REQUIRED_FIELD_MISSING: "), "{}", rejects[0]);
    assert!(rejects[0].contains("INVALID_EMAIL_ADDRESS: "), "{}", rejects[0]);
    assert!(
        rejects[1].starts_with("E-3,\"Cole, \"\"C\"\"\",,c@example.com,3,REQUIRED_FIELD_MISSING,"),
        "{}",
        rejects[1]
    );
    assert_eq!(
        rejects[2],
        ",Dell,Acme,d@example.com,4,EXTERNAL_ID_MISSING,\"column `External_Id__c`: the external id is empty\""
    );
    assert_eq!(
        rejects[3],
        format!(
            "E-5,{long},Acme,,5,INVALID_VALUE,\"column `LastName`: longer than 80 characters\""
        )
    );
}

#[tokio::test]
async fn a_mapping_file_is_followed() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mapping = folder.path().join("lead.sdl");
    std::fs::write(&mapping, "Id=External_Id__c\nName=LastName\nFirm=Company\nNote=\n").unwrap();
    scene.feed_under("Note,Firm,Name,Id", "mapped", &[vec!["n,Acme,Ames,E-1"]]).await;

    let _consumer = scene.consumer(&[&format!("--mapping-file={}", mapping.display())]);
    scene.delivered("mapped").await;

    assert_eq!(scene.values("LastName").await, [("E-1".to_owned(), "Ames".to_owned())]);
}

#[tokio::test]
async fn rows_with_the_same_external_id_are_stored_in_their_order() {
    let scene = Scene::new().await;
    let rows = ["E-1,First,Acme,", "E-2,Other,Acme,", "E-1,Second,Acme,", "E-1,Third,Acme,"];
    scene.feed("same", &[rows.to_vec()]).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.delivered("same").await;

    assert_eq!((ledger.tally.created, ledger.tally.updated, ledger.tally.api_calls), (2, 2, 3));
    let last_names = scene.values("LastName").await;
    assert_eq!(last_names[0], ("E-1".to_owned(), "Third".to_owned()));
}

#[tokio::test]
async fn a_locked_row_is_not_overtaken_by_a_later_one_with_its_external_id() {
    let faults = Faults {
        row_errors: vec![row_rule("E-1", "UNABLE_TO_LOCK_ROW", Some(1))],
        ..Faults::default()
    };
    let scene = Scene::with_faults(faults).await;
    let rows = ["E-1,First,Acme,", "E-2,Other,Acme,", "E-1,Second,Acme,"];
    scene.feed("locked", &[rows.to_vec()]).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.delivered("locked").await;

    assert_eq!(ledger.tally.retried, 1, "the one that came later was not sent before");
    let last_names = scene.values("LastName").await;
    assert_eq!(last_names[0], ("E-1".to_owned(), "Second".to_owned()));
}

/// The keys are one for Salesforce, and not for the rules: each of the two rows is locked once.
#[tokio::test]
async fn a_row_that_waited_for_another_one_has_its_own_retries() {
    let faults = Faults {
        row_errors: vec![
            row_rule("E-1", "UNABLE_TO_LOCK_ROW", Some(1)),
            row_rule("e-1", "UNABLE_TO_LOCK_ROW", Some(1)),
        ],
        ..Faults::default()
    };
    let scene = Scene::with_faults(faults).await;
    scene.feed("locked", &[vec!["E-1,First,Acme,", "E-2,Other,Acme,", "e-1,Second,Acme,"]]).await;

    let _consumer = scene.consumer(&["--row-retries=1"]);
    let ledger = scene.delivered("locked").await;

    assert_eq!((ledger.tally.created, ledger.tally.updated, ledger.tally.retried), (2, 1, 2));
    assert_eq!(scene.values("LastName").await[0].1, "Second");
}

#[tokio::test]
async fn a_row_that_stays_locked_is_rejected_after_its_retries() {
    let faults = Faults {
        row_errors: vec![row_rule("E-000007", "UNABLE_TO_LOCK_ROW", None)],
        ..Faults::default()
    };
    let scene = Scene::with_faults(faults).await;
    scene.feed("locked", &good_batches(1)).await;

    let _consumer = scene.consumer(&["--row-retries=2"]);
    let ledger = scene.ended("locked").await;

    assert_eq!((ledger.tally.created, ledger.rejected, ledger.tally.api_calls), (99, 1, 3));
    assert_eq!(ledger.rejected_by_code["UNABLE_TO_LOCK_ROW"], 1);
}

#[tokio::test]
async fn one_row_that_spoils_a_call_is_found_and_the_others_arrive() {
    let scene = Scene::new().await;
    let proxy =
        FailingProxy::before(&scene.salesforce.url(), "E-000041", 400, "JSON_PARSER_ERROR").await;
    scene.feed("spoiled", &good_batches(1)).await;

    let _consumer = scene.consumer(&proxy.arguments());
    let ledger = scene.ended("spoiled").await;

    assert_eq!((ledger.tally.created, ledger.rejected), (99, 1));
    assert_eq!(ledger.rejected_by_code["JSON_PARSER_ERROR"], 1);
    assert!(scene.rejects("spoiled").await[0].starts_with("E-000041,"));
    // The whole, and two halves on each of seven levels.
    assert!(ledger.tally.api_calls <= 15, "{}", ledger.tally.api_calls);
}

#[tokio::test]
async fn a_file_without_a_mapped_column_fails_its_run_and_no_other() {
    let scene = Scene::new().await;
    scene.feed_under("Key,LastName,Company", "mismatch", &vec![vec!["E-1,Ames,Acme"]; 20]).await;
    scene.feed("fits", &good_batches(1)).await;

    let _consumer = scene.consumer(&[]);
    scene.delivered("fits").await;
    let mismatch = scene.ended("mismatch").await;

    assert_eq!(mismatch.state, RunState::Failed);
    let reason = mismatch.reason.unwrap();
    assert!(reason.contains("column `Key`: Lead has no field `Key`"), "{reason}");
    assert_eq!((mismatch.tally.created, mismatch.rejected), (0, 0));
}

#[tokio::test]
async fn what_does_not_fit_is_found_once_and_named_in_few_words() {
    let scene = Scene::new().await;
    let columns = (0..1_500).map(|number| format!("Nothing{number}__c"));
    let header: Vec<String> = columns.collect();
    let row = vec!["x"; 1_500].join(",");
    scene.feed_under(&header.join(","), "mismatch", &vec![vec![row.as_str()]; 20]).await;

    let _consumer = scene.consumer(&["--concurrency=16"]);
    let reason = scene.ended("mismatch").await.reason.unwrap();

    assert!(reason.contains("column `Nothing5__c`: Lead has no field"), "{reason}");
    let (problems, advice) = reason.split_once("; and ").unwrap();
    assert!(problems.matches("column `").count() <= 20, "{reason}");
    assert!(
        advice.contains(" more; rename these columns, map them in the load (MAPPING_FILE)"),
        "{reason}"
    );
    assert_eq!(looks_at(&scene, "Lead"), 2, "at the start, and for the run");
}

/// How often the org was asked what an object is like.
pub(crate) fn looks_at(scene: &Scene, object: &str) -> usize {
    let path = format!("/sobjects/{object}/describe");
    let requests = scene.salesforce.requests();
    requests.iter().filter(|request| request.path.contains(&path)).count()
}

#[tokio::test]
async fn a_batch_that_kills_its_consumers_is_rejected() {
    let scene = Scene::with(Config::default(), Duration::from_secs(1)).await;
    scene.feed("poison", &good_batches(1)).await;
    // Dropped without a word, as by a process that was killed.
    let mut killed = BatchBackend::new(scene.queue.clone(), "killed", Some(&load_of(&[])));
    drop(killed.claim().await.unwrap().expect("there is a batch"));
    drop(killed);

    let _consumer = scene.consumer(&["--deliveries-max=1"]);
    let ledger = scene.ended("poison").await;

    assert_eq!(ledger.rejected_by_code["POISON_BATCH"], 100);
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 0);
    assert!(scene.rejects("poison").await[0].contains("handed out 1 times"));
}
