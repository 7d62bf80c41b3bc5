//! Updates and deletes of records that rows name by a key, against a simulator that ignores
//! `updateOnly`. Its records are the judge.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use job_queue::Ledger;
use salesforce_simulator::{Config, Fault, PlannedFault, Schema};
use serde_json::Value;

use super::{
    bulk::BULK,
    failing_proxy::FailingProxy,
    holding::held,
    support::{Scene, load_of},
};

const COLLECTIONS: &str = "--salesforce-api=collections";
const OBJECT: &str = "--salesforce-object=Gauge__c";

/// Gauges have keys of each kind; two may have the same one, but for badges.
const SCHEMA: &str = r#"{"objects": [{"name": "Gauge__c", "keyPrefix": "a0G", "fields": [
    {"name": "Key__c", "type": "string", "length": 255, "externalId": true},
    {"name": "Badge__c", "type": "string", "length": 40, "externalId": true, "unique": true,
     "caseSensitive": true},
    {"name": "Number__c", "type": "double", "precision": 18, "scale": 2, "externalId": true},
    {"name": "Text__c", "type": "string", "length": 80}]}]}"#;

/// An org with gauges that were made of these rows.
async fn scene_with<R: AsRef<str>>(header: &str, rows: &[R]) -> Scene {
    let schema = Schema::standard().with(SCHEMA).unwrap();
    let config = Config { schema, ..Config::default() };
    let scene = Scene::with(config, Duration::from_secs(1)).await;
    let batches: Vec<Vec<&str>> =
        rows.chunks(5_000).map(|rows| rows.iter().map(AsRef::as_ref).collect()).collect();
    let load = load_of(&[OBJECT, "--salesforce-operation=insert"]);
    scene.feed_for(Some(&load), header, "first", &batches).await;
    let consumer = scene.consumer(&[]);
    scene.delivered("first").await;
    consumer.stop().await.unwrap();
    scene
}

async fn gauges(scene: &Scene) -> Vec<Value> {
    scene.salesforce.rows("Gauge__c").await
}

/// Keys and texts of all gauges, sorted.
async fn texts(scene: &Scene, key: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut texts: Vec<_> =
        gauges(scene).await.iter().map(|one| (text(&one[key]), text(&one["Text__c"]))).collect();
    texts.sort();
    texts
}

/// Runs one batch of these rows to its end, and gives the calls that the org counted for it.
async fn run(
    scene: &Scene,
    operation: &str,
    key: &str,
    api: &str,
    header: &str,
    rows: &[String],
) -> (Ledger, u64) {
    let arguments = arguments(operation, key, api);
    feed(scene, &arguments, header, rows).await;
    let before = data_calls(scene);
    let consumer = scene.consumer(&arguments.each_ref().map(String::as_str));
    let ledger = scene.ended("second").await;
    consumer.stop().await.unwrap();
    (ledger, data_calls(scene) - before)
}

async fn feed(scene: &Scene, arguments: &[String; 4], header: &str, rows: &[String]) {
    let load = load_of(&arguments.each_ref().map(String::as_str));
    scene.feed_for(Some(&load), header, "second", &[rows.to_vec()]).await;
}

fn arguments(operation: &str, key: &str, api: &str) -> [String; 4] {
    [
        OBJECT.to_owned(),
        format!("--salesforce-operation={operation}"),
        format!("--salesforce-external-id={key}"),
        api.to_owned(),
    ]
}

/// Calls that look up or write, as the org's log has them.
fn data_calls(scene: &Scene) -> u64 {
    let is_one = |path: &str| ["/query", "/composite/", "/jobs/"].iter().any(|p| path.contains(p));
    scene.salesforce.requests().iter().filter(|request| is_one(&request.path)).count() as u64
}

fn codes(ledger: &Ledger) -> BTreeMap<&str, u64> {
    ledger.rejected_by_code.iter().map(|(code, rows)| (code.as_str(), *rows)).collect()
}

fn owned(rows: &[&str]) -> Vec<String> {
    rows.iter().map(|row| (*row).to_owned()).collect()
}

#[tokio::test]
async fn an_update_changes_the_record_with_the_key_and_creates_none() {
    for api in [COLLECTIONS, BULK] {
        let long = "🙂".repeat(255);
        let scene = scene_with(
            "Key__c,Text__c",
            &[
                "It's,old",
                r"back\slash\,old",
                "Ünï 🙂,old",
                "MiXed,old",
                &format!("{long},old"),
                "twice,old",
                "TWICE,old",
                "\"comma, \"\"quoted\"\"\",old",
                "100 % & + #,old",
                "untouched,old",
            ],
        )
        .await;
        let rows = owned(&[
            "it's,new",
            r"back\slash\,new",
            "ünï 🙂,new",
            " mIxED ,new",
            &format!("{long},new"),
            "twice,new",
            "nowhere,new",
            "\"comma, \"\"quoted\"\"\",new",
            "100 % & + #,new",
            "') OR Key__c != ('x,new",
            ",new",
        ]);

        let (ledger, calls) = run(&scene, "update", "Key__c", api, "Key__c,Text__c", &rows).await;

        let figures = (ledger.tally.created, ledger.tally.updated, ledger.rejected);
        assert_eq!(figures, (0, 7, 4), "{api} {:?}", codes(&ledger));
        let expected = [("DUPLICATE_EXTERNAL_ID", 1), ("EXTERNAL_ID_MISSING", 1), ("NOT_FOUND", 2)];
        assert_eq!(codes(&ledger), expected.into(), "{api}");
        let pair = |key: &str, text: &str| (key.to_owned(), text.to_owned());
        let mut expected = vec![
            pair("It's", "new"),
            pair(r"back\slash\", "new"),
            pair("Ünï 🙂", "new"),
            pair("MiXed", "new"),
            pair(&long, "new"),
            pair("twice", "old"),
            pair("TWICE", "old"),
            pair("comma, \"quoted\"", "new"),
            pair("100 % & + #", "new"),
            pair("untouched", "old"),
        ];
        expected.sort();
        assert_eq!(texts(&scene, "Key__c").await, expected, "{api}");
        assert_eq!(ledger.tally.api_calls, calls, "{api}");
        let rejects = scene.rejects("second").await;
        let said = |words: &str| rejects.iter().any(|line| line.contains(words));
        assert!(
            said("nowhere,new,7,NOT_FOUND,\"no record has this value in Key__c"),
            "{rejects:?}"
        );
        assert!(said("DUPLICATE_EXTERNAL_ID,\"2 records have this value in Key__c"), "{rejects:?}");
    }
}

#[tokio::test]
async fn numbers_are_looked_up_by_their_value() {
    let scene = scene_with("Number__c,Text__c", &["1001,old", "1002.5,old", "-3,old"]).await;
    let rows = owned(&["1.001E3,new", "1002.50,new", "-3.00,new", "1002,new", "1e300,new"]);

    let (ledger, _) =
        run(&scene, "update", "Number__c", COLLECTIONS, "Number__c,Text__c", &rows).await;

    assert_eq!((ledger.tally.created, ledger.tally.updated), (0, 3), "{:?}", codes(&ledger));
    assert_eq!(codes(&ledger), [("INVALID_VALUE", 1), ("NOT_FOUND", 1)].into());
    assert!(texts(&scene, "Number__c").await.iter().all(|(_, text)| text == "new"));
}

#[tokio::test]
async fn capitals_count_where_they_do_for_the_field() {
    let scene = scene_with("Badge__c,Text__c", &["ab,old", "AB,old"]).await;

    let rows = owned(&["AB,new", "aB,new"]);
    let (ledger, _) =
        run(&scene, "update", "Badge__c", COLLECTIONS, "Badge__c,Text__c", &rows).await;

    assert_eq!((ledger.tally.updated, codes(&ledger)), (1, [("NOT_FOUND", 1)].into()));
    let expected = [("AB", "new"), ("ab", "old")].map(|(k, t)| (k.to_owned(), t.to_owned()));
    assert_eq!(texts(&scene, "Badge__c").await, expected);
}

#[tokio::test]
async fn rows_that_repeat_a_key_are_stored_in_file_order() {
    for api in [COLLECTIONS, BULK] {
        let scene = scene_with("Key__c,Text__c", &["a,old"]).await;
        let rows: Vec<String> =
            (0..4).map(|n| if n % 2 == 0 { format!("a,{n}") } else { format!("A,{n}") }).collect();

        let (ledger, calls) = run(&scene, "update", "Key__c", api, "Key__c,Text__c", &rows).await;

        assert_eq!((ledger.tally.updated, ledger.rejected), (4, 0), "{api}");
        assert_eq!(texts(&scene, "Key__c").await, [("a".to_owned(), "3".to_owned())], "{api}");
        assert_eq!(ledger.tally.api_calls, calls, "{api}");
        let queries = scene.salesforce.requests();
        let queries = queries.iter().filter(|request| request.path.contains("/query")).count();
        assert_eq!(queries, 1, "{api}: what was found is kept with what is left of a batch");
    }
}

#[tokio::test]
async fn two_hundred_keys_are_looked_up_at_once() {
    let keys: Vec<String> = (0..450).map(|n| format!("K-{n:05}")).collect();
    let scene = scene_with("Key__c", &keys).await;
    let rows: Vec<String> = keys.iter().map(|key| format!("{key},new")).collect();

    let (ledger, calls) =
        run(&scene, "update", "Key__c", COLLECTIONS, "Key__c,Text__c", &rows).await;

    assert_eq!((ledger.tally.created, ledger.tally.updated), (0, 450));
    assert_eq!((calls, ledger.tally.api_calls), (6, 6), "three to look up, three to update");
}

#[tokio::test]
async fn keys_that_a_url_has_no_room_for_are_looked_up_in_more_calls() {
    let keys: Vec<String> = (0..100).map(|n| format!("{n:03}{}", "ü".repeat(252))).collect();
    let scene = scene_with("Key__c", &keys).await;
    let rows: Vec<String> = keys.iter().map(|key| format!("{key},new")).collect();

    let (ledger, _) = run(&scene, "update", "Key__c", BULK, "Key__c,Text__c", &rows).await;

    assert_eq!((ledger.tally.updated, ledger.rejected), (100, 0));
}

#[tokio::test]
async fn a_key_that_hundreds_of_records_have_hides_no_other_one() {
    let mut rows: Vec<String> = (0..900).map(|_| "many".to_owned()).collect();
    rows.extend((0..20).map(|n| format!("few-{n}")));
    let scene = scene_with("Key__c", &rows).await;
    let mut rows = vec!["many,new".to_owned(), "none,new".to_owned()];
    rows.extend((0..20).map(|n| format!("few-{n},new")));

    let (ledger, _) = run(&scene, "update", "Key__c", COLLECTIONS, "Key__c,Text__c", &rows).await;

    assert_eq!((ledger.tally.created, ledger.tally.updated), (0, 20));
    assert_eq!(codes(&ledger), [("DUPLICATE_EXTERNAL_ID", 1), ("NOT_FOUND", 1)].into());
    let rejects = scene.rejects("second").await;
    assert!(rejects[0].contains(" or more records have this value in Key__c"), "{rejects:?}");
}

#[tokio::test]
async fn records_are_deleted_by_their_key() {
    for api in [COLLECTIONS, BULK] {
        let scene = scene_with("Key__c", &["a", "b", "two", "two", "stays"]).await;
        let rows = owned(&["A", "b", "a", "two", "nowhere"]);

        let (ledger, calls) = run(&scene, "delete", "Key__c", api, "Key__c", &rows).await;

        assert_eq!((ledger.tally.deleted, ledger.rejected), (3, 2), "{api}: also the repeated one");
        assert_eq!(codes(&ledger), [("DUPLICATE_EXTERNAL_ID", 1), ("NOT_FOUND", 1)].into());
        let left: Vec<String> = texts(&scene, "Key__c").await.into_iter().map(|(k, _)| k).collect();
        assert_eq!(left, ["stays", "two", "two"], "{api}");
        assert_eq!(ledger.tally.api_calls, calls, "{api}");
    }
}

#[tokio::test]
async fn a_delete_that_is_handed_out_again_means_the_records_it_had_found() {
    for api in [COLLECTIONS, BULK] {
        let keys: Vec<String> = (0..300).map(|n| format!("K-{n}")).collect();
        let scene = scene_with("Key__c", &keys).await;
        let mut rows = keys;
        rows.push("nowhere".to_owned());
        let arguments = arguments("delete", "Key__c", api);
        feed(&scene, &arguments, "Key__c", &rows).await;
        // Records are gone, and their consumer does not hear of it.
        let (fault, path) = match api {
            BULK => (Fault::Unavailable, "Results"),
            _ => (Fault::AnswerLost, "/composite/"),
        };
        scene.salesforce.plan(PlannedFault::once(fault).on(path));
        let arguments = arguments.each_ref().map(String::as_str);

        let first = scene.consumer(&arguments);
        scene.struck(fault).await;
        first.kill().await;
        assert!(gauges(&scene).await.len() < 300, "{api}: records are gone");
        let _second = scene.consumer(&arguments);
        let ledger = scene.ended("second").await;

        assert_eq!(
            (ledger.tally.deleted, codes(&ledger)),
            (300, [("NOT_FOUND", 1)].into()),
            "{api}"
        );
        assert_eq!(gauges(&scene).await.len(), 0, "{api}");
    }
}

#[tokio::test]
async fn no_fault_of_a_look_up_costs_a_row() {
    for fault in [
        Fault::Unavailable,
        Fault::ServerError,
        Fault::BadGateway,
        Fault::Throttled,
        Fault::ConcurrentLimit,
        Fault::Reset,
        Fault::SessionExpired,
        Fault::AnswerCut,
    ] {
        let scene = scene_with("Key__c", &["a", "b"]).await;
        scene.salesforce.plan(PlannedFault::once(fault).on("/query"));

        let rows = owned(&["a,new", "b,new"]);
        let (ledger, calls) =
            run(&scene, "update", "Key__c", COLLECTIONS, "Key__c,Text__c", &rows).await;

        assert_eq!(
            (ledger.tally.created, ledger.tally.updated, ledger.rejected),
            (0, 2, 0),
            "{fault:?}"
        );
        assert_eq!(scene.salesforce.state().faults.get(&fault), Some(&1), "{fault:?} struck");
        // The client takes a 401 for no call of its own: it repeats it with another token.
        let unseen = u64::from(fault == Fault::SessionExpired);
        assert_eq!(ledger.tally.api_calls, calls - unseen, "{fault:?}");
    }
}

#[tokio::test]
async fn a_query_that_is_too_long_for_somebody_on_the_way_is_halved() {
    let scene = scene_with("Key__c", &["a", "b", "c"]).await;
    let too_long = PlannedFault::refusing(414, "URI_TOO_LONG", "URI Too Long");
    scene.salesforce.plan(too_long.on("/query"));

    let rows = owned(&["a,new", "b,new", "c,new"]);
    let (ledger, calls) =
        run(&scene, "update", "Key__c", COLLECTIONS, "Key__c,Text__c", &rows).await;

    assert_eq!((ledger.tally.updated, ledger.rejected), (3, 0));
    assert_eq!((calls, ledger.tally.api_calls), (4, 4), "one in vain, two halves, and the update");
}

#[tokio::test]
async fn a_refused_look_up_holds_the_run_and_changes_nothing() {
    for (status, code, words, calls) in [
        (403, "API_DISABLED_FOR_ORG", "switch the API on", 1),
        (403, "INSUFFICIENT_ACCESS", "with a permission set", 1),
        (400, "INVALID_FIELD", "by Key__c", 1),
        // The query, one for a key that no row has, and for a 414 one with half of the keys.
        (400, "MALFORMED_QUERY", "field-level security", 2),
        (403, "", "proxies on the way", 2),
        (406, "", "proxies", 2),
        (414, "", "proxies", 3),
    ] {
        let scene = scene_with("Key__c", &["a", "b"]).await;
        let arguments = arguments("update", "Key__c", COLLECTIONS);
        feed(&scene, &arguments, "Key__c,Text__c", &owned(&["a,new", "b,new"])).await;
        let refused = PlannedFault::refusing(status, code, "").times(1_000);
        scene.salesforce.plan(refused.on("/query"));
        let before = data_calls(&scene);
        let _consumer = scene.consumer(&arguments.each_ref().map(String::as_str));

        let held = held(&scene, "second").await.held.unwrap();

        let status = status.to_string();
        let named = if code.is_empty() { &status } else { code };
        assert!(held.reason.contains(named) && held.reason.contains(words), "{}", held.reason);
        assert_eq!(data_calls(&scene) - before, calls, "{status} {code}");
        assert_eq!(scene.ledger("second").await.rejected, 0, "{status} {code}");
    }
}

/// Of so many keys one is refused by somebody on the way.
async fn one_key_is_refused(keys: usize, (status, code): (u16, &'static str), api: &str) {
    let name = format!("{status} {code} for one of {keys} keys, {api}");
    let all: Vec<String> = (1..keys).map(|n| format!("K-{n}")).collect();
    let scene = scene_with("Key__c", &[&all[..], &["BAD".to_owned()]].concat()).await;
    let mut rows: Vec<String> = all.iter().map(|key| format!("{key},new")).collect();
    rows.insert(keys / 3, "BAD,new".to_owned());
    let proxy = FailingProxy::before(&scene.salesforce.url(), "BAD", status, code).await;
    let arguments = arguments("update", "Key__c", api);
    feed(&scene, &arguments, "Key__c,Text__c", &rows).await;
    let arguments = [&proxy.arguments()[..], &arguments.each_ref().map(String::as_str)].concat();

    let consumer = scene.consumer(&arguments);
    let ledger = scene.ended("second").await;

    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
    let expected = if code.is_empty() { &format!("HTTP_{status}") } else { code };
    assert_eq!(codes(&ledger), [(expected, 1)].into(), "{name}");
    assert_eq!(ledger.tally.updated, keys as u64 - 1, "{name}");
    let halves = 2 * u64::from(keys.min(200).next_power_of_two().ilog2());
    let of_bulk = 8 * u64::from(api == BULK);
    // What is no answer is tried five times, and the key alone in six passes at most: too few others get
    // through meanwhile to blame it sooner.
    let (tries, passes) = if (300..500).contains(&status) { (1, 1) } else { (5, 6) };
    let alone = (tries + 1) * passes;
    let most = tries + 1 + halves + alone + 1 + of_bulk + 2 * (keys as u64 / 200);
    assert!(ledger.tally.api_calls <= most, "{name}: {} calls", ledger.tally.api_calls);
}

#[tokio::test]
async fn a_key_that_somebody_on_the_way_does_not_let_through_is_rejected_alone() {
    for status in [302, 400, 403, 404, 406, 414, 431] {
        one_key_is_refused(90, (status, ""), COLLECTIONS).await;
    }
    for refused in [(403, "BLOCKED"), (400, "MALFORMED_QUERY"), (502, ""), (0, "NO_ANSWER")] {
        one_key_is_refused(90, refused, COLLECTIONS).await;
    }
    for keys in [1, 2, 450] {
        one_key_is_refused(keys, (403, ""), COLLECTIONS).await;
        one_key_is_refused(keys, (414, ""), BULK).await;
    }
}
