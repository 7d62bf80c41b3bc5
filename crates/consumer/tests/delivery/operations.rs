use salesforce_simulator::{Fault, PlannedFault};

use super::support::{Scene, delete_by_id, good_batches};

/// A scene that holds 300 leads, and the ids of these.
pub(crate) async fn scene_with_leads() -> (Scene, Vec<String>) {
    let scene = Scene::new().await;
    scene.feed("first", &good_batches(3)).await;
    let consumer = scene.consumer(&[]);
    scene.delivered("first").await;
    consumer.stop().await.unwrap();
    let ids = scene.values("Id").await.into_iter().map(|(_key, id)| id).collect();
    (scene, ids)
}

#[tokio::test]
async fn records_are_updated_by_their_id() {
    let (scene, ids) = scene_with_leads().await;
    let rows = [
        format!("{},Ames", ids[0]),
        format!("{},Bell", &ids[1][..15]),
        "00Q000000000000AAA,Nobody".to_owned(),
        "nonsense,Nobody".to_owned(),
    ];
    scene.feed_under("Id,LastName", "update", &[rows.to_vec()]).await;

    let _consumer =
        scene.consumer(&["--salesforce-operation=update", "--salesforce-external-id=Id"]);
    let ledger = scene.ended("update").await;

    assert_eq!((ledger.tally.created, ledger.tally.updated, ledger.rejected), (0, 2, 2));
    assert_eq!(ledger.rejected_by_code["INVALID_VALUE"], 1);
    let names = scene.values("LastName").await;
    assert_eq!((names[0].1.as_str(), names[1].1.as_str()), ("Ames", "Bell"));
}

#[tokio::test]
async fn an_update_by_external_id_creates_nothing() {
    let (scene, _ids) = scene_with_leads().await;
    // A record could be made of each row.
    let rows = ["E-000000,Ames,Acme", "E-999999,Nobody,Acme"];
    scene.feed_under("External_Id__c,LastName,Company", "update", &[rows.to_vec()]).await;

    let _consumer = scene.consumer(&["--salesforce-operation=update"]);
    let ledger = scene.ended("update").await;

    assert_eq!((ledger.tally.created, ledger.tally.updated, ledger.rejected), (0, 1, 1));
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 300);
    assert_eq!(scene.values("LastName").await[0].1, "Ames");
}

#[tokio::test]
async fn records_are_deleted_by_their_id_also_when_the_answer_is_lost() {
    let (scene, ids) = scene_with_leads().await;
    scene.feed_for(Some(&delete_by_id()), "Id", "delete", std::slice::from_ref(&ids)).await;
    scene.plan(PlannedFault::once(Fault::AnswerLost));

    let _consumer =
        scene.consumer(&["--salesforce-operation=delete", "--salesforce-external-id=Id"]);
    let ledger = scene.delivered("delete").await;

    assert_eq!(
        (ledger.tally.updated, ledger.tally.deleted),
        (0, 300),
        "also those that are gone already"
    );
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 0);
}

#[tokio::test]
async fn records_are_inserted() {
    let scene = Scene::new().await;
    scene.feed_with(&["--salesforce-operation=insert"], "insert", &good_batches(2)).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.delivered("insert").await;

    assert_eq!((ledger.tally.created, ledger.tally.updated), (200, 0));
}
