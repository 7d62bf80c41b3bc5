//! Runs that begin over HTTP, and what repeating a request does.

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::json;

use crate::support::{Deliverer, Services, half_fed_run, send};

#[tokio::test]
async fn a_started_run_is_imported_to_its_end() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 25).await;
    let server = services.serve().await;

    let started = server.start("rows.csv").await;

    let run = started.run();
    assert_eq!(started.status, 202);
    let expected = json!({"message": "Batch sync started", "file": "rows.csv", "runId": run});
    assert_eq!(started.json(), expected);
    Deliverer::new(&services).await.deliver(3).await;
    let report = server.report(&run, |report| report["status"] == "completed").await;
    assert_eq!((&report["read"], &report["delivered"]), (&json!(25), &json!(25)));
    server.terminate().await;
    let (code, said) = server.end().await;
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "Worker started job: full-import",
        "Downloading stream from Azure: rows.csv...",
        "Job Completed! Total Rows Processed: 25",
    ] {
        assert!(said.contains(&format!("run {run}: {line}")), "{line}: {said}");
    }
}

#[tokio::test]
async fn a_file_that_is_under_way_is_not_started_twice() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 5).await;
    let server = services.serve().await;
    let first = server.start("rows.csv").await;

    let second = server.start("rows.csv").await;

    assert_eq!((second.status, second.run()), (409, first.run()), "{second:?}");
    assert!(second.error().contains("is being loaded already"), "{second:?}");
    Deliverer::new(&services).await.deliver(1).await;
    server.report(&first.run(), |report| report["status"] == "completed").await;
    let third = server.start("rows.csv").await;
    assert_eq!(third.status, 202);
    assert_ne!(third.run(), first.run());
}

#[tokio::test]
async fn the_same_key_gives_the_same_run_however_often_and_whatever_has_become_of_it() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 5).await;
    services.put_rows("other.csv", 5).await;
    let (server, another) = (services.serve().await, services.serve().await);
    let first = send(server.start_request("rows.csv").header("idempotency-key", "k-1")).await;

    let again = send(another.start_request("rows.csv").header("idempotency-key", "k-1")).await;
    assert_eq!((again.status, again.run()), (202, first.run()));
    Deliverer::new(&services).await.deliver(1).await;
    server.report(&first.run(), |report| report["status"] == "completed").await;
    let later = send(server.start_request("rows.csv").header("idempotency-key", "k-1")).await;
    assert_eq!((later.status, later.run()), (202, first.run()));

    let other = send(server.start_request("other.csv").header("idempotency-key", "k-1")).await;
    assert_eq!((other.status, other.run()), (409, first.run()));
    assert!(other.error().contains("this Idempotency-Key has started run"), "{other:?}");
    let runs = server.get("/api/sync").await.json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1);
    let long = "x".repeat(256);
    let odd = send(server.start_request("other.csv").header("idempotency-key", long)).await;
    assert_eq!(odd.status, 400);
}

#[tokio::test]
async fn starts_at_the_same_moment_enter_one_run() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 5).await;
    let (server, another) = (services.serve().await, services.serve().await);

    let starts = (0..10).map(|at| if at % 2 == 0 { &server } else { &another });
    let answers = futures::future::join_all(starts.map(|server| server.start("rows.csv"))).await;

    let accepted: Vec<_> = answers.iter().filter(|answer| answer.status == 202).collect();
    assert_eq!(accepted.len(), 1, "{answers:?}");
    for answer in &answers {
        assert_eq!(answer.run(), accepted[0].run());
    }
}

#[tokio::test]
async fn a_run_whose_file_was_replaced_fails_with_the_reason() {
    let (services, server, run) = half_fed_run().await;
    server.kill().await;

    services.put_rows("rows.csv", 200).await;
    let server = services.serve().await;

    let report = server.report(&run, |report| report["status"] == "failed").await;
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.contains("was replaced after run"), "{reason}");
    assert_eq!(server.start("rows.csv").await.status, 202);
}

#[tokio::test]
async fn rejected_rows_are_loaded_again_as_a_new_run() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 30).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    let replay = format!("/api/sync/{run}/replay");
    let early = server.post(&replay).await;
    assert_eq!(early.status, 409, "{early:?}");
    let mut deliverer = Deliverer::new(&services).await;
    deliverer.deliver(1).await;
    deliverer.reject(1, "ONE").await;
    deliverer.reject(1, "TWO").await;
    server.report(&run, |report| report["status"] == "completed").await;

    let request = server.request(reqwest::Method::POST, &replay).json(&json!({"code": "TWO"}));
    let replayed = send(request).await;
    assert_eq!(replayed.status, 202, "{replayed:?}");
    deliverer.deliver(1).await;
    let report = server.report(&replayed.run(), |report| report["status"] == "completed").await;
    assert_eq!((&report["read"], &report["replayOf"]), (&json!(10), &json!(run)));

    let unknown = server.request(reqwest::Method::POST, &replay).json(&json!({"code": "THREE"}));
    let unknown = send(unknown).await;
    assert_eq!(unknown.status, 409, "{unknown:?}");
    let all = server.post(&replay).await;
    deliverer.deliver(2).await;
    let report = server.report(&all.run(), |report| report["status"] == "completed").await;
    assert_eq!(report["read"], json!(20));
    let nothing = server.post(&format!("/api/sync/{}/replay", all.run())).await;
    assert_eq!(nothing.status, 409, "{nothing:?}");
}

#[tokio::test]
async fn a_corrected_copy_of_the_rejects_file_is_loaded_in_place_of_it() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 20).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    let replay = format!("/api/sync/{run}/replay");
    let mut deliverer = Deliverer::new(&services).await;
    deliverer.deliver(1).await;
    deliverer.reject(1, "BAD").await;
    server.report(&run, |report| report["status"] == "completed").await;
    let rejects = server.get(&format!("/api/sync/{run}/rejects")).await.body;
    let (header, first) = {
        let mut lines = rejects.lines();
        (lines.next().unwrap(), lines.next().unwrap())
    };
    services.put("rejects/mended.csv", format!("{header}\n{first}\n")).await;

    let body = json!({"file": "rejects/mended.csv", "code": "BAD"});
    let replayed = server.post_json(&replay, &body).await;

    assert_eq!(replayed.status, 202, "{replayed:?}");
    assert_eq!(replayed.json()["file"], json!("rejects/mended.csv"));
    deliverer.deliver(1).await;
    let report = server.report(&replayed.run(), |report| report["status"] == "completed").await;
    let of_it = ["read", "delivered", "replayOf"].map(|name| report[name].clone());
    assert_eq!(of_it, [json!(1), json!(1), json!(run)]);
    for (file, status) in [("rejects/nothing.csv", 404), ("../mended.csv", 400), ("", 400)] {
        let refused = server.post_json(&replay, &json!({ "file": file })).await;
        assert_eq!(refused.status, status, "{file}: {refused:?}");
    }
}

#[tokio::test]
async fn more_starts_than_a_server_can_hold_are_told_to_come_back() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 25).await;
    let server = services.serve().await;
    services.redis.stand_still();

    let mut starts: FuturesUnordered<_> = (0..9).map(|_| server.start("rows.csv")).collect();
    let first = starts.next().await.unwrap();
    services.redis.go_on();
    let others: Vec<_> = starts.collect().await;

    assert_eq!(first.status, 503, "{first:?}");
    assert!(first.error().contains("starts are under way already"), "{first:?}");
    assert_eq!(first.header("retry-after"), "5");
    let mut statuses: Vec<u16> = others.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409, 409, 409, 409, 409, 409, 409]);
}
