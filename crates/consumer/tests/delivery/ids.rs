//! Which record each delivered row is, by both APIs. The records of the simulator are the judge.

use std::{collections::BTreeMap, time::Duration};

use salesforce_simulator::{Config, Fault, Faults, PlannedFault};
use test_support::until;

use super::{
    bulk::{BULK, batches_of},
    failing_proxy::FailingProxy,
    operations::scene_with_leads,
    support::{HEADER, Scene, good_batches, load_of},
};

const COLLECTIONS: &str = "--salesforce-api=collections";
const IDS: &str = "--ids=true";

/// The line of each record of these, which external ids name, `first` being the number of the first.
async fn expected(scene: &Scene, first: u64, change: &str) -> Vec<String> {
    let records = scene.values("Id").await;
    let line =
        |(record, (key, id)): (u64, &(String, String))| format!("{record},{key},{id},{change}");
    (first..).zip(&records).map(line).collect()
}

#[tokio::test]
async fn each_delivered_row_has_a_line_with_its_record() {
    for api in [COLLECTIONS, BULK] {
        let scene = Scene::new().await;
        let load = load_of(&[api, IDS]);
        let consumer = scene.consumer(&[]);
        let batches = batches_of(2, 300);
        scene.feed_for(Some(&load), HEADER, "first", &batches).await;
        let ledger = scene.delivered("first").await;
        assert_eq!((ledger.ids, ledger.tally.created), (600, 600), "{api}");
        assert_eq!(scene.ids("first").await, expected(&scene, 1, "created").await, "{api}");

        scene.feed_for(Some(&load), HEADER, "second", &batches).await;
        scene.delivered("second").await;
        assert_eq!(scene.ids("second").await, expected(&scene, 1, "updated").await, "{api}");
        consumer.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_run_whose_load_does_not_say_so_has_none() {
    let scene = Scene::new().await;
    scene.feed("a", &good_batches(1)).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.delivered("a").await;

    assert_eq!((ledger.ids, scene.ids("a").await.len()), (0, 0));
}

/// Rows that are locked come again in a later pass, and their key is gone from the batch then.
#[tokio::test]
async fn rows_of_all_passes_have_their_lines_and_rejected_ones_have_none() {
    for api in [COLLECTIONS, BULK] {
        let faults = Faults { row_lock_permille: 300, row_lock_times: 2, ..Faults::default() };
        let scene = Scene::with_faults(faults).await;
        let mut rows = good_batches(1).remove(0);
        rows.extend(["E-bad,Ames,Acme,nowhere", ",No key,Acme,"].map(str::to_owned));
        rows.push("\"Key, \"\"quoted\"\"\",Ames,Acme,".to_owned());
        scene.feed_for(Some(&load_of(&[api, IDS])), HEADER, "a", &[rows]).await;

        let consumer = scene.consumer(&["--row-retries=20"]);
        let ledger = scene.ended("a").await;
        consumer.stop().await.unwrap();

        assert!(ledger.tally.retried > 0, "{api}");
        assert_eq!((ledger.rejected, ledger.delivered(), ledger.ids), (2, 101, 101), "{api}");
        let ids: BTreeMap<String, String> = scene.values("Id").await.into_iter().collect();
        let id = |key: &str| ids[key].clone();
        let good = (0..100).map(|at| (at + 1, format!("E-{at:06}")));
        let mut lines: Vec<String> =
            good.map(|(record, key)| format!("{record},{key},{},created", id(&key))).collect();
        let quoted = id("Key, \"quoted\"");
        lines.push(format!("103,\"Key, \"\"quoted\"\"\",{quoted},created"));
        assert_eq!(scene.ids("a").await, lines, "{api}");
    }
}

#[tokio::test]
async fn an_insert_has_no_key_and_a_key_that_is_the_id_stands_there_once() {
    for api in [COLLECTIONS, BULK] {
        let scene = Scene::new().await;
        let consumer = scene.consumer(&[]);
        let load = |arguments: &[&str]| load_of(&[&[api, IDS], arguments].concat());
        let insert = load(&["--salesforce-operation=insert"]);
        scene.feed_for(Some(&insert), HEADER, "insert", &batches_of(1, 3)).await;
        scene.delivered("insert").await;
        let ids: Vec<String> = scene.values("Id").await.into_iter().map(|(_, id)| id).collect();
        let lines = |change: &str| -> Vec<String> {
            (1..).zip(&ids).map(|(record, id)| format!("{record},{id},{change}")).collect()
        };
        assert_eq!(scene.ids("insert").await, lines("created"), "{api}");

        let update = load(&["--salesforce-operation=update", "--salesforce-external-id=Id"]);
        let rows: Vec<String> = ids.iter().map(|id| format!("{id},Bell")).collect();
        scene.feed_for(Some(&update), "Id,LastName", "update", &[rows]).await;
        scene.delivered("update").await;
        assert_eq!(scene.ids("update").await, lines("updated"), "{api}");

        let delete = load(&["--salesforce-operation=delete", "--salesforce-external-id=Id"]);
        scene.feed_for(Some(&delete), "Id", "delete", std::slice::from_ref(&ids)).await;
        scene.delivered("delete").await;
        assert_eq!(scene.ids("delete").await, lines("deleted"), "{api}");
        consumer.stop().await.unwrap();
    }
}

#[tokio::test]
async fn records_that_were_looked_up_are_known_also_when_they_were_deleted_before() {
    let (scene, ids) = scene_with_leads().await;
    let delete = load_of(&["--salesforce-operation=delete", COLLECTIONS, IDS]);
    let keys = ["E-000000", "E-000001", "nowhere"];
    scene.feed_for(Some(&delete), "External_Id__c", "a", &[keys.to_vec()]).await;
    scene.plan(PlannedFault::once(Fault::AnswerLost));

    let _consumer = scene.consumer(&[]);
    let ledger = scene.ended("a").await;

    assert_eq!((ledger.tally.deleted, ledger.rejected), (2, 1));
    let expected =
        [format!("1,E-000000,{},deleted", ids[0]), format!("2,E-000001,{},deleted", ids[1])];
    assert_eq!(scene.ids("a").await, expected);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again_and_names_the_records() {
    for fault in [Fault::AnswerLost, Fault::AnswerCut, Fault::WrongCount] {
        let scene = Scene::new().await;
        scene.feed_for(Some(&load_of(&[IDS])), HEADER, "a", &batches_of(1, 5)).await;
        scene.plan(PlannedFault::once(fault));

        let _consumer = scene.consumer(&[]);
        scene.delivered("a").await;

        assert_eq!(scene.ids("a").await, expected(&scene, 1, "updated").await, "{fault:?}");
    }
}

/// Nothing that Salesforce, or who stands before it, says is written unless it can be an id.
#[tokio::test]
async fn what_is_no_id_is_left_out_and_what_was_known_before_is_written() {
    const FORMULAS: [(&str, &str); 2] = [(r#""id":"00Q"#, r#""id":"=1+"#), ("\n\"00Q", "\n\"=1+")];
    for api in [COLLECTIONS, BULK] {
        let scene = Scene::new().await;
        let proxy = FailingProxy::that_says(&scene.salesforce.url(), &FORMULAS).await;
        let consumer = scene.consumer(&proxy.arguments());
        let upsert = load_of(&[api, IDS]);
        scene.feed_for(Some(&upsert), HEADER, "upsert", &batches_of(1, 2)).await;
        scene.delivered("upsert").await;
        let unknown = ["1,E-000000,,created", "2,E-000001,,created"];
        assert_eq!(scene.ids("upsert").await, unknown, "{api}");

        let ids = scene.values("Id").await;
        let by_id = ["--salesforce-operation=update", "--salesforce-external-id=Id"];
        let update = load_of(&[&[api, IDS][..], &by_id].concat());
        let rows = [format!("{},Bell", ids[0].1)];
        scene.feed_for(Some(&update), "Id,LastName", "update", &[rows.to_vec()]).await;
        scene.delivered("update").await;
        assert_eq!(scene.ids("update").await, [format!("1,{},updated", ids[0].1)], "{api}");
        consumer.stop().await.unwrap();
    }
}

/// The results of its job say it to whoever has the batch then.
#[tokio::test]
async fn a_consumer_that_dies_with_an_ingest_job_under_way_leaves_the_lines_to_the_next() {
    let faults = Faults { job_delay_ms: 1_500, ..Faults::default() };
    let config = Config { faults, ..Config::default() };
    let scene = Scene::with(config, Duration::from_secs(1)).await;
    scene.feed_for(Some(&load_of(&[BULK, IDS])), HEADER, "a", &batches_of(1, 300)).await;
    let consumer = scene.consumer(&[]);
    scene.jobs_are("UploadComplete", 1).await;
    consumer.kill().await;

    let _next = scene.consumer(&[]);
    let ledger = scene.delivered("a").await;

    assert_eq!((ledger.tally.created, scene.writes().await), (300, 300));
    assert_eq!(scene.ids("a").await, expected(&scene, 1, "created").await);
}

#[tokio::test]
async fn a_consumer_that_stops_leaves_the_lines_of_what_it_did_with_the_batch() {
    let scene = Scene::new().await;
    let load = load_of(&[IDS, "--salesforce-batch=10"]);
    scene.feed_for(Some(&load), HEADER, "a", &batches_of(1, 100)).await;
    scene.plan(PlannedFault::once(Fault::SlowDrip).after(3));
    let consumer = scene.consumer(&["--concurrency=1"]);
    scene.stored(40).await;
    consumer.stop().await.unwrap();
    let before = scene.ledger("a").await;
    assert_eq!((before.ids, before.unfinished()), (0, 100), "it is not settled");

    let _next = scene.consumer(&[]);
    let ledger = scene.delivered("a").await;

    assert_eq!((ledger.ids, scene.writes().await), (100, 100));
    assert_eq!(scene.ids("a").await, expected(&scene, 1, "created").await);
    let gone = async || scene.notes("a").await.is_empty().then_some(());
    until("nothing of the batch is left", gone).await;
}
