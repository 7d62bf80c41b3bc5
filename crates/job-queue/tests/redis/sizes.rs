//! What is kept of a run has its limits, and what is large is weighed or not read.

use ingest_core::{Reject, Rows};
use job_queue::{Ledger, OutageKind, Output};

use crate::{
    control::claim,
    support::{Fixture, after, delivered, id, job, new_run, reject},
};

const CHARACTERS_MAX: usize = 2_000;

/// As 159,767 columns that do not fit say it.
fn long() -> String {
    "column `ä`: Lead has no field `ä`; ".repeat(500_000)
}

fn assert_cut(reason: &str) {
    assert!(reason.chars().count() <= CHARACTERS_MAX, "{} bytes", reason.len());
    assert!(reason.starts_with("column `ä`: Lead"), "{reason}");
    assert!(reason.ends_with(" characters more)"), "{reason}");
}

#[tokio::test]
async fn every_reason_is_cut_where_it_is_kept() {
    let fixture = Fixture::with_run("held").await;
    fixture.queue.hold_run(&id("held"), &long(), None).await.unwrap();
    assert_cut(&fixture.ledger("held").await.held.unwrap().reason);
    fixture.queue.note_interruption(&id("held"), &long()).await.unwrap();
    assert_cut(&fixture.ledger("held").await.reason.unwrap());
    fixture.queue.fail_run(&id("held"), &long()).await.unwrap();
    assert_cut(&fixture.ledger("held").await.reason.unwrap());
    fixture.create("replaced").await;
    fixture.queue.fail_run_of_replaced_file(&id("replaced"), &long()).await.unwrap();
    assert_cut(&fixture.ledger("replaced").await.reason.unwrap());
    fixture.queue.publish_outage(OutageKind::Trouble, &long(), None).await.unwrap();
    assert_cut(&fixture.queue.outage().await.unwrap().unwrap().reason);
}

#[tokio::test]
async fn the_message_of_a_rejected_row_is_cut_on_every_way() {
    let fixture = Fixture::with_run("a").await;
    let long = |record| Reject { message: long(), ..reject(record, "ODD") };
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let pushed = ingest_core::BatchJob { rejects: vec![long(11)], ..job("a", 0) };
    feeder.push(&mut vec![pushed], after(1)).await.unwrap();

    let claimed = claim(&fixture).await.unwrap();
    assert_cut(&claimed.job().rejects[0].message);
    let mut rest = claimed.job().clone();
    rest.rejects.push(long(12));
    claimed.requeue(&rest, std::time::Duration::ZERO).await.unwrap();

    let claimed = claim(&fixture).await.unwrap();
    assert_cut(&claimed.job().rejects[1].message);
    let mut settled = claimed.job().clone();
    settled.rejects.push(long(13));
    settled.rows = Rows::default();
    claimed.settle(&settled).await.unwrap();

    let lines = fixture
        .queue
        .pending_lines(&id("a"), Output::Rejects, usize::MAX >> 16)
        .await
        .unwrap()
        .lines;
    assert_eq!(lines.len(), 3);
    for line in lines {
        assert!(line.len() < 2 * CHARACTERS_MAX, "a line of {} bytes", line.len());
    }
}

#[tokio::test]
async fn lists_of_runs_have_everything_but_headers_and_loads() {
    let fixture = Fixture::new().await;
    let wide = bytes::Bytes::from("column,".repeat(9_000));
    fixture.queue.create_run(&job_queue::NewRun { header: wide, ..new_run("a") }).await.unwrap();
    fixture.queue.hold_run(&id("a"), "because", None).await.unwrap();
    fixture.queue.note_interruption(&id("a"), "why").await.unwrap();
    let whole = fixture.ledger("a").await;
    assert_eq!(whole.header.len(), 63_000);
    assert!(!whole.load_text.is_empty());
    let (header, load_text) = (bytes::Bytes::new(), String::new());
    let expected = Ledger { header, load_text, now_ms: 0, ..whole };

    let page = fixture.queue.runs_page(None, 10).await.unwrap().runs;
    for list in [page, fixture.queue.unfinished_runs().await.unwrap()] {
        let list: Vec<_> = list.into_iter().map(|run| Ledger { now_ms: 0, ..run }).collect();
        assert_eq!(list, std::slice::from_ref(&expected));
    }
}

#[tokio::test]
async fn looked_up_ids_weigh_on_the_queue_until_their_batch_is_settled() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let first = feeder.push(&mut vec![job("a", 0)], after(1)).await.unwrap();
    let before = feeder.push(&mut vec![job("a", 1)], after(2)).await.unwrap();
    let (claimed, other) = (claim(&fixture).await.unwrap(), claim(&fixture).await.unwrap());
    let weight = async || feeder.fullness().await.unwrap().own.bytes - before.own.bytes;

    claimed.keep_records(&"x".repeat(1_000)).await.unwrap();
    assert_eq!(weight().await, 1_000);
    claimed.keep_records(&"x".repeat(300_000)).await.unwrap();
    assert_eq!(weight().await, 300_000);
    claimed.set_external_job(Some("750")).await.unwrap();
    claimed.release(std::time::Duration::ZERO).await.unwrap();
    assert_eq!(weight().await, 300_000, "they stay");

    let claimed = claim(&fixture).await.unwrap();
    claimed.settle(&delivered(&claimed)).await.unwrap();
    let left = feeder.fullness().await.unwrap();
    assert_eq!((left.own.jobs, left.own.bytes), (1, before.own.bytes - first.own.bytes));
    other.settle(&delivered(&other)).await.unwrap();
    assert_eq!(feeder.fullness().await.unwrap().own.bytes, 0);
}
