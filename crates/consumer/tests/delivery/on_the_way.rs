//! Rows that must not be sent twice, and somebody on the way who answers instead of Salesforce.

use std::collections::BTreeSet;

use job_queue::Control;

use super::{
    bulk::BULK,
    failing_proxy::FailingProxy,
    holding::held,
    support::{Scene, good_batches},
};

const INSERT: &str = "--salesforce-operation=insert";

/// Whoever replaces an answer has passed the rows on.
#[tokio::test]
async fn an_insert_whose_answer_was_replaced_by_a_page_is_not_sent_again() {
    for (status, bad, api) in [
        (403, 10, &[][..]),
        (404, 250, &[]),
        (302, 250, &[]),
        (400, 10, &[]),
        (410, 250, &[]),
        (403, 10, &[BULK]),
    ] {
        let scene = Scene::new().await;
        let proxy = FailingProxy::behind(&scene.salesforce.url(), "BAD", status).await;
        let mut rows = good_batches(3).concat();
        rows[bad] = rows[bad].replace("Ames", "BAD");
        scene.feed_with(&[&[INSERT], api].concat(), "a", &[rows]).await;

        let consumer = scene.consumer(&proxy.arguments());
        let ledger = scene.ended("a").await;

        consumer.stop().await.unwrap();
        let stored = scene.values("LastName").await;
        let keys: BTreeSet<_> = stored.iter().map(|(key, _)| key).collect();
        assert_eq!((stored.len(), keys.len()), (300, 300), "{status} {api:?}");
        let codes: Vec<_> = ledger.rejected_by_code.keys().map(String::as_str).collect();
        assert_eq!(codes, ["UNKNOWN_OUTCOME"], "{status} {api:?}");
        assert_eq!(ledger.tally.created + ledger.rejected, 300, "{status} {api:?}");
        assert!(ledger.rejected <= 200, "{status} {api:?}: {}", ledger.rejected);
    }
}

/// What was in flight is lost, and one row that shows that nothing gets through.
#[tokio::test]
async fn an_insert_of_which_nothing_gets_through_holds_its_run_and_loses_few_rows() {
    let scene = Scene::new().await;
    let proxy = FailingProxy::before(&scene.salesforce.url(), "/composite/", 403, "").await;
    scene.feed_with(&[INSERT], "a", &good_batches(10)).await;
    let consumer = scene.consumer(&[&proxy.arguments()[..], &["--concurrency=1"]].concat());

    let run = "a".parse().unwrap();
    for is_last in [false, true] {
        let reason = held(&scene, "a").await.held.unwrap().reason;
        assert!(reason.contains("proxies on the way"), "{reason}");
        if is_last {
            proxy.end();
        }
        assert_eq!(scene.queue.resume_run(&run).await.unwrap(), Control::Done);
    }

    let ledger = scene.ended("a").await;
    consumer.stop().await.unwrap();
    let lost = 100 + 1 + 1;
    assert_eq!((ledger.tally.created, ledger.rejected), (1_000 - lost, lost));
    assert_eq!(ledger.rejected_by_code["UNKNOWN_OUTCOME"], lost);
}
