//! Records that are deleted for good: by ingest jobs, and by nothing else.

use std::time::Duration;

use job_queue::{Control, Ledger, RunLoad};
use salesforce_simulator::{Config, Faults, LoggedRequest};

use super::{
    holding::held,
    support::{Scene, good_batches, load_of},
};

const HARD_DELETE: &str = "--salesforce-operation=hard-delete";

fn hard_delete(external_id: &str) -> RunLoad {
    load_of(&[HARD_DELETE, &format!("--salesforce-external-id={external_id}")])
}

/// 300 leads, and their ids. Whether the user may delete for good is said.
async fn scene_with_leads(hard_delete: bool) -> (Scene, Vec<String>) {
    let config = Config { hard_delete, ..Config::default() };
    let scene = Scene::with(config, Duration::from_secs(30)).await;
    scene.feed("first", &good_batches(3)).await;
    let consumer = scene.consumer(&[]);
    scene.delivered("first").await;
    consumer.stop().await.unwrap();
    let ids = scene.values("Id").await.into_iter().map(|(_key, id)| id).collect();
    (scene, ids)
}

/// Calls that would have put records into the recycle bin.
fn calls_that_delete(scene: &Scene) -> Vec<LoggedRequest> {
    let is_one = |request: &LoggedRequest| {
        request.method == "DELETE" && request.path.contains("/composite/")
    };
    scene.salesforce.requests().into_iter().filter(is_one).collect()
}

fn counts(ledger: &Ledger) -> (u64, u64) {
    (ledger.tally.deleted, ledger.rejected)
}

#[tokio::test]
async fn records_are_deleted_for_good_by_their_id_and_by_an_external_id() {
    let (scene, ids) = scene_with_leads(true).await;
    let by_id = hard_delete("Id");
    let rows = [&ids[..150], &["00Q000000000000AAA".to_owned()]].concat();
    scene.feed_for(Some(&by_id), "Id", "by-id", &[rows]).await;
    let keys: Vec<String> = (150..300).map(|key| format!("E-{key:06}")).collect();
    let by_key = hard_delete("External_Id__c");
    scene.feed_for(Some(&by_key), "External_Id__c", "by-key", &[keys]).await;

    // The default load, by calls, changes nothing of what the runs say.
    let consumer = scene.consumer(&[]);
    let by_id = scene.ended("by-id").await;
    let by_key = scene.ended("by-key").await;
    consumer.stop().await.unwrap();

    assert_eq!((counts(&by_id), counts(&by_key)), ((150, 1), (150, 0)));
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 0);
    assert_eq!(calls_that_delete(&scene), []);

    // Of what is in no recycle bin a plain delete says the same as of what never was.
    scene.feed_for(Some(&hard_delete("Id")), "Id", "again", &[&ids[..2]].map(<[_]>::to_vec)).await;
    let _consumer = scene.consumer(&[]);
    let again = scene.ended("again").await;
    assert_eq!(counts(&again), (0, 2));
    assert!(again.rejected_by_code.contains_key("ENTITY_IS_DELETED"), "{again:?}");
}

#[tokio::test]
async fn without_the_permission_the_run_waits_and_says_which_one_it_takes() {
    let (scene, ids) = scene_with_leads(false).await;
    scene.feed_for(Some(&hard_delete("Id")), "Id", "a", std::slice::from_ref(&ids)).await;

    let _consumer = scene.consumer(&[]);
    let reason = held(&scene, "a").await.held.unwrap().reason;

    assert!(reason.contains("\"Bulk API Hard Delete\""), "{reason}");
    assert!(!reason.contains("collections"), "{reason}");
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 300);
    scene.feed("other", &[vec!["O-1,Ames,Acme,"]]).await;
    scene.delivered("other").await;
    assert_eq!(calls_that_delete(&scene), []);
}

#[tokio::test]
async fn when_jobs_come_to_nothing_the_run_waits_instead_of_filling_the_recycle_bin() {
    let (scene, ids) = scene_with_leads(true).await;
    scene.salesforce.set_faults(Faults { job_failed_permille: 1_000, ..Faults::default() });
    scene.feed_for(Some(&hard_delete("Id")), "Id", "a", std::slice::from_ref(&ids)).await;

    let _consumer = scene.consumer(&[]);
    let reason = held(&scene, "a").await.held.unwrap().reason;
    assert!(reason.contains("no ingest job takes the rows"), "{reason}");
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 300);
    assert_eq!(calls_that_delete(&scene), []);

    scene.salesforce.set_faults(Faults::default());
    let run = "a".parse().unwrap();
    assert_eq!(scene.queue.resume_run(&run).await.unwrap(), Control::Done);
    let ledger = scene.delivered("a").await;
    assert_eq!(counts(&ledger), (300, 0));
    assert_eq!(calls_that_delete(&scene), []);
}

#[tokio::test]
async fn a_job_that_ended_half_way_is_followed_by_another_one() {
    let (scene, ids) = scene_with_leads(true).await;
    scene.salesforce.set_faults(Faults { job_half_done_permille: 500, ..Faults::default() });
    scene.feed_for(Some(&hard_delete("Id")), "Id", "a", std::slice::from_ref(&ids)).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.delivered("a").await;

    assert_eq!(counts(&ledger), (300, 0));
    assert_eq!(calls_that_delete(&scene), []);
}

#[tokio::test]
async fn nothing_is_deleted_for_good_for_who_did_not_say_so() {
    let (scene, ids) = scene_with_leads(true).await;
    scene.feed_for(None, "Id", "unsaid", std::slice::from_ref(&ids)).await;

    let consumer = scene.consumer(&[HARD_DELETE, "--salesforce-external-id=Id"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    consumer.stop().await.unwrap();

    assert_eq!(scene.ledger("unsaid").await.load, None);
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 300);
}
