//! Rejects files that cannot go on: full, moved away, of somebody else, or with rows that Redis
//! forgot. Each rejected row is in the parts once, read by who knows nothing of the ledger.

use std::fmt::Write as _;

use redis::Commands;
use test_support::azurite_connection_string;

use crate::{
    full_proxy::full_proxy_before,
    pipeline::{FILE, Pipeline, Report, block_on},
    processes::wait_until,
    server::Server,
};

const ROWS: u64 = 2_000;

/// A run that has ended, with some 200 rejected rows.
fn ended_run(run: &str) -> Pipeline {
    let pipeline = Pipeline::start();
    pipeline.generate(ROWS, &["--bad-rows", "100"]);
    let _consumer = pipeline.consumer();
    let ended = pipeline.sync(&["--run-id", run, "--json"]).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(Report::of(&ended).text("rejectsFile"), format!("rejects/{run}.csv"));
    pipeline.assert_every_row_is_where_it_belongs(run, FILE);
    pipeline
}

/// Lines of the first part.
fn lines_of_first(pipeline: &Pipeline, run: &str) -> Vec<String> {
    pipeline.rejects_lines(&format!("rejects/{run}.csv"))
}

/// As if Redis had lost its last writes: the first `heard` lines are in the file as far as it
/// knows, and these are on their way to it.
fn forget(pipeline: &Pipeline, run: &str, heard: &[String], pending: &[String]) {
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let mut redis = client.get_connection().unwrap();
    let key = format!("{{batch-sync}}:run:{run}");
    let bytes = |lines: &[String]| lines.iter().map(String::len).sum::<usize>();
    let () = redis.hset(&key, "rejects_written_bytes", bytes(heard)).unwrap();
    let () = redis.hset(&key, "rejects_pending_bytes", bytes(pending)).unwrap();
    // What it wrote last of all was that all lines are there.
    let parts: Option<String> = redis.hget(&key, "rejects_parts").unwrap();
    let parts = parts.unwrap_or_default().replace(r#""done":true"#, r#""done":false"#);
    let is_first = parts.starts_with(r#"{"parts":[{"number":1,"start":0}],"copying":null"#);
    set_parts(pipeline, run, if is_first { "" } else { &parts });
    let () = redis.del(format!("{key}:rejects")).unwrap();
    if !pending.is_empty() {
        let () = redis.rpush(format!("{key}:rejects"), pending).unwrap();
    }
}

fn set_parts(pipeline: &Pipeline, run: &str, parts: &str) {
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let key = format!("{{batch-sync}}:run:{run}");
    let () = client.get_connection().unwrap().hset(key, "rejects_parts", parts).unwrap();
}

/// Writes what is pending, and says the report.
fn written(pipeline: &Pipeline, run: &str) -> Report {
    let ended = pipeline.sync(&["--run-id", run, "--json"]).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    Report::of(&ended)
}

/// The lines of all parts, in no order.
fn assert_lines(pipeline: &Pipeline, run: &str, expected: &[&[String]]) {
    let mut there: Vec<String> = pipeline.rejects_parts(run).concat();
    let mut expected = expected.concat();
    there.sort();
    expected.sort();
    assert!(there == expected, "{} lines are there, {} should be", there.len(), expected.len());
}

fn reversed(lines: &[String]) -> Vec<String> {
    lines.iter().rev().cloned().collect()
}

#[test]
fn rows_that_redis_forgot_are_in_the_parts_once_each_however_they_come_again() {
    let pipeline = ended_run("torn");
    let lines = lines_of_first(&pipeline, "torn");
    let (heard, forgotten) = lines.split_at(120);

    // In another order.
    let pending = reversed(forgotten);
    forget(&pipeline, "torn", heard, &pending);
    let report = written(&pipeline, "torn");
    assert_lines(&pipeline, "torn", &[heard, forgotten]);
    pipeline.assert_every_row_is_where_it_belongs("torn", FILE);
    assert_eq!(report.list("rejectsFiles"), ["rejects/torn.2.csv"]);
    let verified = pipeline.program("producer", &["verify", "torn"]).end();
    assert_eq!(verified.code, Some(0), "{verified:?}");

    // Some were delivered this time.
    let some = &pending[..pending.len() - 10];
    forget(&pipeline, "torn", heard, &reversed(some));
    written(&pipeline, "torn");
    assert_lines(&pipeline, "torn", &[heard, some]);

    // All were.
    forget(&pipeline, "torn", heard, &[]);
    written(&pipeline, "torn");
    assert_lines(&pipeline, "torn", &[heard]);

    // Nothing was heard of at all.
    forget(&pipeline, "torn", &[], &reversed(&lines));
    written(&pipeline, "torn");
    assert_lines(&pipeline, "torn", &[&lines]);
}

#[test]
fn a_redis_that_forgot_another_part_finds_it() {
    let pipeline = ended_run("lost");
    let lines = lines_of_first(&pipeline, "lost");
    let (heard, forgotten) = lines.split_at(120);
    forget(&pipeline, "lost", heard, &reversed(forgotten));
    written(&pipeline, "lost");

    for (known, pending) in [(120, reversed(forgotten)), (90, lines[90..].to_vec()), (90, vec![])] {
        set_parts(&pipeline, "lost", "");
        forget(&pipeline, "lost", &lines[..known], &pending);

        let report = written(&pipeline, "lost");

        assert_lines(&pipeline, "lost", &[&lines[..known], &pending]);
        let last = report.list("rejectsFiles").pop().unwrap();
        assert!(last.as_str() > "rejects/lost.2.csv", "{last}");
    }
}

#[test]
fn whoever_begins_another_part_may_die_at_any_step() {
    let mut pipeline = ended_run("dies");
    let lines = lines_of_first(&pipeline, "dies");
    let (heard, forgotten) = lines.split_at(120);
    let steps = ["lines-part-reserved", "lines-part-copied", "lines-part-begun"];
    for (step, pending) in
        steps.into_iter().zip([forgotten.to_vec(), reversed(forgotten)].iter().cycle())
    {
        forget(&pipeline, "dies", heard, &reversed(pending));
        pipeline.set("FAILPOINTS", &format!("{step}=return"));
        let ended = pipeline.sync(&["--run-id", "dies"]).end();
        assert_eq!(ended.code, None, "{step} was not reached: {ended:?}");
        pipeline.set("FAILPOINTS", "");

        written(&pipeline, "dies");

        assert_lines(&pipeline, "dies", &[heard, forgotten]);
        pipeline.assert_every_row_is_where_it_belongs("dies", FILE);
    }
}

#[test]
fn a_full_rejects_file_goes_on_in_another_one_and_all_of_it_is_downloaded_and_replayed() {
    let mut pipeline = Pipeline::start();
    let mut file = "ExternalId,Name,Email,Company\n".to_owned();
    for row in 1..=ROWS {
        // Without a last name, which a lead must have.
        writeln!(file, "L-{row},,row{row}@example.com,{}", "x".repeat(2_000)).unwrap();
    }
    pipeline.put(FILE, file);
    // Its header is an append, too.
    let azurite = full_proxy_before(&pipeline.azurite.address(), "/rejects/full.csv", 3);
    pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &azurite_connection_string(&azurite));
    let _consumer = pipeline.consumer();

    let ended = pipeline.sync(&["--run-id", "full", "--json"]).end();

    assert_eq!(ended.code, Some(3), "{ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(ROWS);
    assert_eq!(report.list("rejectsFiles"), ["rejects/full.csv", "rejects/full.2.csv"]);
    let parts = pipeline.rejects_parts("full");
    assert!(parts.iter().all(|lines| !lines.is_empty()), "both have rows");
    let mut ids: Vec<&str> =
        parts.iter().flatten().map(|line| line.split_once(',').unwrap().0).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len() as u64, parts.concat().len() as u64), (ROWS, ROWS));
    pipeline.assert_every_row_is_where_it_belongs("full", FILE);
    let verified = pipeline.program("producer", &["verify", "full"]).end();
    assert_eq!(verified.code, Some(0), "{verified:?}");

    let server = Server::start(&pipeline);
    let download = format!("{}/api/sync/full/rejects", server.url);
    let downloaded = reqwest::blocking::get(download).unwrap().text().unwrap();
    let header = "ExternalId,Name,Email,Company,_record,_code,_message\n";
    assert!(downloaded == format!("{header}{}", parts.concat().concat()));

    let ended = pipeline.program("producer", &["replay", "full", "--json"]).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(ROWS);
    assert_lines(&pipeline, "full", &[&parts.concat()]);
}

#[test]
fn the_file_of_an_earlier_run_of_the_same_id_is_left_as_it_is() {
    let pipeline = ended_run("again");
    let before = pipeline.get("rejects/again.csv");
    let mut redis = redis::Client::open(pipeline.redis.url()).unwrap().get_connection().unwrap();
    let () = redis::cmd("FLUSHALL").query(&mut redis).unwrap();
    // Once the same version of the file, and once a new one.
    let _consumer = pipeline.consumer();
    let same = pipeline.sync(&["--run-id", "again", "--json"]).end();
    assert_eq!(Report::of(&same).list("rejectsFiles"), ["rejects/again.2.csv"]);
    assert_eq!(pipeline.get("rejects/again.csv"), before);
    let () = redis::cmd("FLUSHALL").query(&mut redis).unwrap();
    pipeline.generate(ROWS, &["--bad-rows", "20", "--force"]);

    let ended = pipeline.sync(&["--run-id", "again", "--json"]).end();

    assert_eq!(ended.code, Some(3), "{ended:?}");
    let report = Report::of(&ended);
    assert_eq!(report.list("rejectsFiles"), ["rejects/again.3.csv"]);
    let rejected = pipeline.rejects_lines("rejects/again.3.csv").len();
    assert_eq!(rejected as u64, report.number("rejected"));
    assert_eq!(pipeline.get("rejects/again.csv"), before);
    let verified = pipeline.program("producer", &["verify", "again"]).end();
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

/// A person opened the file itself, not a copy, and everything about it stayed but its content.
fn change_in_place(pipeline: &Pipeline, name: &str, content: &str) {
    block_on(async {
        let store = pipeline.store();
        let there = store.append_blob(name).await.unwrap().unwrap();
        assert!(store.append_empty(name, &there.etag, &there.metadata).await.unwrap());
        store.append(name, 0, content.to_owned().into()).await.unwrap();
    });
}

#[test]
fn a_rejects_file_that_somebody_mended_in_its_place_is_replayed_as_it_stands() {
    let pipeline = ended_run("mended");
    let name = "rejects/mended.csv";
    let before = String::from_utf8(pipeline.get(name).into()).unwrap();
    let mended = before.replace("@example.com", "@mended.example.com");
    assert!(mended.len() > before.len() + 100);
    change_in_place(&pipeline, name, &mended);
    let _consumer = pipeline.consumer();

    // Also by who looks whether something is left to do.
    assert_eq!(pipeline.sync(&["--run-id", "mended"]).end().code, Some(3));
    let ended = pipeline.program("producer", &["replay", "mended", "--json"]).end();

    let rows = before.lines().count() as u64 - 1;
    assert_eq!(Report::of(&ended).number("read"), rows, "{ended:?}");
    assert!(pipeline.get(name) == mended, "it is a person's now");
}

#[test]
fn parts_that_somebody_changed_or_took_away_are_replayed_as_they_stand() {
    let pipeline = ended_run("parts");
    let lines = lines_of_first(&pipeline, "parts");
    let header = String::from_utf8(pipeline.get("rejects/parts.csv").into()).unwrap();
    let header = header.lines().next().unwrap().to_owned() + "\n";
    let (first, second) = lines.split_at(50);
    // Three parts, of which the first lost its last line end, and the last is gone.
    let bytes = |lines: &[String]| lines.concat().len();
    let kept = format!(
        r#"{{"parts":[{{"number":1,"start":0}},{{"number":2,"start":{}}},{{"number":3,"start":{}}}],"copying":null,"done":true}}"#,
        bytes(first),
        bytes(&lines),
    );
    set_parts(&pipeline, "parts", &kept);
    change_in_place(&pipeline, "rejects/parts.csv", (header.clone() + &first.concat()).trim_end());
    block_on(async {
        let (store, none) = (pipeline.store(), Default::default());
        let content = header + &second.concat();
        store.append_create("rejects/parts.2.csv", content.into(), &none).await.unwrap();
    });
    let _consumer = pipeline.consumer();

    let ended = pipeline.program("producer", &["replay", "parts", "--json"]).end();

    let report = Report::of(&ended);
    assert_eq!(report.number("read"), lines.len() as u64, "{ended:?}");
    assert_eq!(report.by_code("FIELD_COUNT"), 0, "{ended:?}");
    let file = report.text("file");
    assert!(pipeline.rejects_lines(file).concat() == lines.concat(), "{file}");
}

#[test]
fn a_rejects_file_that_somebody_moved_away_in_mid_run_does_not_stop_the_run() {
    let pipeline = Pipeline::with_salesforce(&["--latency-ms=1000"]);
    pipeline.generate(40_000, &["--bad-rows", "20"]);
    let consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "moved", "--json"]);
    pipeline.wait_until_rows_arrive(100);
    wait_until("some rejects are written", || {
        pipeline.report("moved").number("rejectsWrittenBytes") > 0
    });
    sync.kill();
    let moved = lines_of_first(&pipeline, "moved");
    let name = "rejects/moved.csv";
    block_on(async {
        let store = pipeline.store();
        let there = store.append_blob(name).await.unwrap().unwrap();
        assert!(store.append_empty(name, &there.etag, &Default::default()).await.unwrap());
    });

    let ended = pipeline.sync(&["--run-id", "moved", "--json"]).end();

    consumer.kill();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("somebody shortened rejects/moved.csv"), "{}", ended.stderr);
    let report = Report::of(&ended);
    report.assert_it_adds_up(40_000);
    let there = pipeline.rejects_parts("moved").concat();
    assert_eq!((moved.len() + there.len()) as u64, report.number("rejected"));
    assert!(there.iter().all(|line| !moved.contains(line)));
}
