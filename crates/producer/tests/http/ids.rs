//! Ids files: written beside the rejects, downloaded, and read again.

use redis::Commands;
use serde_json::{Value, json};

use crate::support::{Deliverer, Server, Services, load};

/// Starts the run of a file with a load that writes ids.
async fn start(server: &Server, file: &str) -> String {
    let load = json!({"object": "Contact", "externalId": "Key__c", "ids": true});
    let started =
        server.post_json("/api/sync/start", &json!({"fileName": file, "load": load})).await;
    assert_eq!(started.status, 202, "{started:?}");
    started.run()
}

/// The line of a record, as the deliverer says it.
fn line(record: u64) -> String {
    format!("{record},K-{record},003{record:015},created")
}

async fn written(server: &Server, run: &str) -> Value {
    server.report(run, |report| report["idsWrittenBytes"].as_u64() > Some(0)).await
}

#[tokio::test]
async fn the_ids_file_can_be_downloaded() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 20).await;
    let server = services.serve().await;
    let run = start(&server, "rows.csv").await;
    let ids = format!("/api/sync/{run}/ids");
    // There is no safe copy: who asks for one must not get the file as it is.
    assert_eq!(server.get(&format!("{ids}?for=spreadsheet")).await.status, 400);
    let missing = server.get(&ids).await;
    assert_eq!((missing.status, missing.error().contains("no ids file")), (404, true));
    let before = server.get(&format!("/api/sync/{run}")).await.json();
    assert_eq!((&before["ids"], &before["idsFile"]), (&json!(0), &json!(null)));
    let mut deliverer = Deliverer::new(&services).await;
    deliverer.deliver_with_ids(1).await;
    deliverer.reject(1, "BAD").await;
    let report = written(&server, &run).await;

    let answer = server.get(&ids).await;

    let file = format!("ids/{run}.csv");
    assert_eq!((&report["ids"], &report["idsFile"]), (&json!(10), &json!(file)));
    assert_eq!(report["idsFiles"], json!([file]));
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let disposition = format!("attachment; filename=\"ids-{run}.csv\"");
    assert_eq!(answer.header("content-disposition"), disposition);
    let lines: Vec<String> = answer.body.lines().map(str::to_owned).collect();
    let expected = (1..=10).map(line);
    assert!(
        lines
            .iter()
            .cloned()
            .eq(["_record,Key__c,Id,_change".to_owned()].into_iter().chain(expected)),
        "{lines:?}"
    );
    let listed = async |query: &str| server.get(&format!("/api/files{query}")).await.json();
    assert_eq!(listed("").await["files"].as_array().unwrap().len(), 1, "it is hidden");
    assert_eq!(listed("?prefix=ids%2F").await["files"][0]["name"], json!(file));
}

#[tokio::test]
async fn ids_that_nobody_wrote_are_written_by_a_server_and_are_in_the_dialect_of_their_run() {
    let mut services = Services::start().await;
    services.put("rows.csv", "id;name\n1;a\n").await;
    services.set("CSV_DELIMITER", ";");
    let more = ["--run-id=left", "--no-wait", "--object=Contact", "--external-id=Key__c", "--ids"];
    let arguments = [&["sync", "--file=rows.csv"], &more[..]].concat();
    assert!(services.command_of(&arguments).status().await.unwrap().success());
    Deliverer::new(&services).await.deliver_with_ids(1).await;

    let server = services.serve().await;
    written(&server, "left").await;

    let file = server.get("/api/sync/left/ids").await.body;
    assert_eq!(file, format!("_record;Key__c;Id;_change\n{}\n", line(1).replace(',', ";")));
    // Whatever is set now: the next run reads it as it was written.
    services.set("CSV_DELIMITER", ",");
    services.set("CSV_ENCODING", "windows-1252");
    let next = ["sync", "--file=ids/left.csv", "--run-id=next", "--no-wait"];
    assert!(services.command_of(&next).status().await.unwrap().success());
    let mut deliverer = Deliverer::of(&services, Some(&load())).await;
    let claimed = deliverer.claim().await;
    assert_eq!(claimed.job().header, "_record;Key__c;Id;_change");
}

#[tokio::test]
async fn a_file_of_somebody_else_is_left_alone_and_the_ids_go_on_in_another() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 20).await;
    services.put("ids/mine.csv", "not yours\n").await;
    let more = ["--run-id=mine", "--no-wait", "--object=Contact", "--external-id=Key__c", "--ids"];
    let arguments = [&["sync", "--file=rows.csv"], &more[..]].concat();
    assert!(services.command_of(&arguments).status().await.unwrap().success());
    Deliverer::new(&services).await.deliver_with_ids(2).await;

    let server = services.serve().await;
    let report = written(&server, "mine").await;

    assert_eq!(report["idsFiles"], json!(["ids/mine.2.csv"]));
    let answer = server.get("/api/sync/mine/ids").await;
    assert_eq!((answer.status, answer.body.lines().count()), (200, 21));
    let listed = server.get("/api/files?prefix=ids%2F").await.json();
    let mine = &listed["files"][1];
    assert_eq!((&mine["name"], &mine["bytes"]), (&json!("ids/mine.csv"), &json!(10)), "{listed}");
}

/// As if its writer had died after an append and before it could tell Redis.
#[tokio::test]
async fn lines_that_are_in_the_file_already_are_not_written_again() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 20).await;
    let server = services.serve().await;
    let run = start(&server, "rows.csv").await;
    Deliverer::new(&services).await.deliver_with_ids(2).await;
    server.report(&run, |report| report["status"] == "completed").await;
    let file = server.get(&format!("/api/sync/{run}/ids")).await.body;
    let pieces: Vec<String> =
        [1..=10, 11..=20].map(|records| records.map(|record| line(record) + "\n").collect()).into();
    let (mut redis, key) = (services.connection(), format!("{{batch-sync}}:run:{run}"));
    for heard in [0, 1] {
        let bytes = |pieces: &[String]| pieces.iter().map(String::len).sum::<usize>();
        let () = redis.hset(&key, "ids_written_bytes", bytes(&pieces[..heard])).unwrap();
        let () = redis.hset(&key, "ids_pending_bytes", bytes(&pieces[heard..])).unwrap();
        let () = redis.rpush(format!("{key}:ids"), &pieces[heard..]).unwrap();
        let whole = bytes(&pieces) as u64;

        server.report(&run, |report| report["idsWrittenBytes"].as_u64() == Some(whole)).await;

        assert_eq!(server.get(&format!("/api/sync/{run}/ids")).await.body, file, "{heard}");
    }
}
