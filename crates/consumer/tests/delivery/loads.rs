//! Each run is delivered by its own load, whatever a consumer's settings say, and to one org.

use std::{process::ExitCode, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    response::Response,
};
use job_queue::{Ledger, RunLoad, RunState};
use salesforce_simulator::{Config, Fault, Faults, PlannedFault};
use test_support::until;
use tokio::{io::AsyncBufReadExt, net::TcpListener};

use super::{
    bulk::BULK,
    happy_path::looks_at,
    operations::scene_with_leads,
    support::{HEADER, Scene, delete_by_id, good_batches, load_of},
};

const ORG: &str = "00DS1000000SimuMAC";

const ACCOUNTS: [&str; 2] = ["--salesforce-object=Account", "--salesforce-external-id=ErpKey__c"];

fn accounts(by: &str) -> RunLoad {
    load_of(&[&ACCOUNTS[..], &[by]].concat())
}

fn account_rows(prefix: &str) -> Vec<Vec<String>> {
    let row = |number| format!("{prefix}-{number},Acme {number}");
    vec![(0..50).map(row).collect(), (50..100).map(row).collect()]
}

/// Waits until a consumer is there and has looked for work.
async fn is_at_work(scene: &Scene) {
    until("a consumer is live", async || {
        (scene.queue.live_consumers().await.unwrap() > 0).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn one_consumer_delivers_runs_of_several_objects_and_operations_by_both_apis() {
    let (scene, ids) = scene_with_leads().await;
    let by_calls = accounts("--salesforce-api=collections");
    scene.feed_for(Some(&by_calls), "ErpKey__c,Name", "calls", &account_rows("C")).await;
    scene.feed_for(Some(&accounts(BULK)), "ErpKey__c,Name", "bulk", &account_rows("B")).await;
    let rows: Vec<String> = ids[..200].iter().map(|id| format!("{id},Bell")).collect();
    let update = load_of(&["--salesforce-operation=update", "--salesforce-external-id=Id"]);
    scene.feed_for(Some(&update), "Id,LastName", "update", &[rows]).await;
    scene.feed_for(Some(&delete_by_id()), "Id", "delete", &[ids[200..].to_vec()]).await;
    let insert = load_of(&["--salesforce-operation=insert"]);
    scene.feed_for(Some(&insert), "LastName,Company", "insert", &[vec!["Ames,Acme"]]).await;

    let consumer = scene.consumer_without_load(&[]);
    let mut changes = Vec::new();
    for run in ["calls", "bulk", "update", "delete", "insert"] {
        let tally = scene.delivered(run).await.tally;
        changes.push((run, tally.created, tally.updated, tally.deleted));
    }

    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(
        changes,
        [
            ("calls", 100, 0, 0),
            ("bulk", 100, 0, 0),
            ("update", 0, 200, 0),
            ("delete", 0, 0, 100),
            ("insert", 1, 0, 0),
        ]
    );
    let state = scene.salesforce.state();
    assert_eq!((state.objects["Account"].rows, state.objects["Lead"].rows), (200, 201));
    assert_eq!(state.bulk_batches, 2);
}

/// Why a run failed.
fn reason(ledger: &Ledger) -> &str {
    assert_eq!((ledger.state, ledger.rejected), (RunState::Failed, 0), "{ledger:?}");
    ledger.reason.as_deref().unwrap()
}

#[tokio::test]
async fn a_run_whose_load_does_not_fit_fails_alone() {
    let scene = Scene::new().await;
    let leed = load_of(&["--salesforce-object=Leed"]);
    let by_phone = load_of(&["--salesforce-external-id=Phone"]);
    let folder = tempfile::tempdir().unwrap();
    let mapping = folder.path().join("lead.sdl");
    std::fs::write(&mapping, "Key=External_Id__c\nMail=Emial\n").unwrap();
    let mapped = load_of(&[&format!("--mapping-file={}", mapping.display())]);
    let rows = good_batches(2);
    scene.feed_for(Some(&leed), HEADER, "leed", &rows).await;
    scene.feed_for(Some(&by_phone), HEADER, "by-phone", &rows).await;
    scene.feed_for(Some(&mapped), "Key,Mail", "mapped", &[vec!["1,2"]]).await;
    scene.feed_for(Some(&load_of(&[])), "External_Id__c,Shoe", "shoe", &[vec!["1,2"]]).await;
    scene.feed_for(Some(&accounts(BULK)), "ErpKey__c,Name", "good", &account_rows("G")).await;

    let consumer = scene.consumer(&[]);
    scene.delivered("good").await;
    for (run, words) in [
        ("leed", "salesforce has no object Leed"),
        ("by-phone", "field Phone of Lead is no external id"),
        ("mapped", "line 2, column `Mail`: Lead has no field `Emial`"),
        ("shoe", "column `Shoe`: Lead has no field"),
    ] {
        let ledger = scene.ended(run).await;
        assert!(reason(&ledger).contains(words), "{run}: {}", reason(&ledger));
        assert!(ledger.load.is_some(), "{run} keeps the load that somebody named for it");
    }

    scene.feed("later", &good_batches(1)).await;
    scene.delivered("later").await;
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 100);
}

#[tokio::test]
async fn a_run_that_failed_is_delivered_when_the_org_was_changed_and_it_is_resumed() {
    let scene = Scene::new().await;
    let gone = PlannedFault::refusing(404, "NOT_FOUND", "").times(1);
    scene.salesforce.plan(gone.on("/sobjects/Lead/describe"));
    scene.feed_for(Some(&load_of(&[])), HEADER, "a", &good_batches(3)).await;
    let consumer = scene.consumer_without_load(&[]);
    let ledger = scene.ended("a").await;
    assert!(reason(&ledger).contains("give the integration user access to it and resume the run"));

    // Batches that were claimed before know for some seconds why they could not be delivered.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut feeder = scene.queue.acquire_run(&"a".parse().unwrap()).await.unwrap();
    feeder.finish(0).await.unwrap();
    feeder.release().await;

    assert_eq!(scene.delivered("a").await.tally.created, 300);
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_run_without_a_load_waits_for_a_consumer_that_has_one_and_keeps_it() {
    let scene = Scene::new().await;
    scene.feed("a", &good_batches(2)).await;
    let without = scene.consumer_without_load(&[]);
    is_at_work(&scene).await;
    let waits = scene.ledger("a").await;
    assert_eq!((waits.state, waits.delivered(), waits.load), (RunState::Draining, 0, None));

    let with = scene.consumer(&[]);
    let ledger = scene.delivered("a").await;

    assert_eq!(ledger.load, Some(load_of(&[]).summary));
    assert_eq!(ledger.load.map(|load| load.name).as_deref(), Some("default"));
    with.stop().await.unwrap();
    without.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_deleted_for_somebody_who_did_not_say_so() {
    let (scene, ids) = scene_with_leads().await;
    let delete = scene.consumer(&["--salesforce-operation=delete", "--salesforce-external-id=Id"]);
    scene.feed_under("Id", "unsaid", std::slice::from_ref(&ids)).await;
    is_at_work(&scene).await;

    let waits = scene.ledger("unsaid").await;
    assert_eq!((waits.state, waits.tally.deleted, waits.load), (RunState::Draining, 0, None));
    scene.feed_for(Some(&delete_by_id()), "Id", "said", &[ids[..100].to_vec()]).await;
    scene.delivered("said").await;

    assert_eq!(delete.stop().await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 200);
}

#[tokio::test]
async fn a_load_that_a_later_version_wrote_is_left_to_others() {
    let scene = Scene::new().await;
    let mut newer = load_of(&[]);
    newer.text = newer.text.replacen("\"version\":1", "\"version\":99", 1);
    newer.summary.id = "ffffffffffff".to_owned();
    scene.feed_for(Some(&newer), HEADER, "newer", &good_batches(3)).await;
    scene.feed("other", &good_batches(1)).await;

    let consumer = scene.consumer(&["--deliveries-max=1"]);
    scene.delivered("other").await;
    is_at_work(&scene).await;

    let ledger = scene.ledger("newer").await;
    assert_eq!((ledger.state, ledger.rejected), (RunState::Draining, 0), "{ledger:?}");
    assert_eq!(ledger.held, None);
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 100);
}

#[tokio::test]
async fn runs_of_one_object_that_begin_together_read_it_once() {
    let scene = Scene::new().await;
    for run in 0..20 {
        let load = load_of(&[&format!("--salesforce-batch={}", run + 1)]);
        let rows = vec![format!("E-{run},Ames,Acme,")];
        scene.feed_for(Some(&load), HEADER, &format!("run-{run}"), &[rows]).await;
    }

    let consumer = scene.consumer_without_load(&["--concurrency=1"]);
    for run in 0..20 {
        scene.delivered(&format!("run-{run}")).await;
    }

    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(looks_at(&scene, "Lead"), 1);
}

/// A server before Salesforce that does not say who a token is of: the org is known by its host.
async fn silent_about_its_org(salesforce: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(pass_on).with_state(salesforce.to_owned());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn pass_on(State(salesforce): State<String>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if head.uri.path().contains("userinfo") {
        return Response::builder().status(403).body(Body::from("Bad_OAuth_Token")).unwrap();
    }
    let body: Bytes = to_bytes(body, 1 << 20).await.unwrap();
    let url = format!("{salesforce}{}", head.uri);
    let http = reqwest::Client::new();
    let answer = http.request(head.method, url).headers(head.headers).body(body).send().await;
    let answer = answer.unwrap();
    let response = Response::builder().status(answer.status());
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}

/// Arguments of a sign-in with a token, at this address.
fn by_token(scene: &Scene, url: &str) -> [String; 2] {
    [
        format!("--salesforce-access-token={}", scene.salesforce.issue_token()),
        format!("--salesforce-instance-url={url}"),
    ]
}

#[tokio::test]
async fn all_ways_to_sign_in_lead_to_the_same_org() {
    let scene = Scene::new().await;
    scene.feed("a", &good_batches(1)).await;
    let by_login = scene.consumer(&[]);
    scene.delivered("a").await;
    by_login.stop().await.unwrap();
    assert_eq!(scene.queue.org().await.unwrap().as_deref(), Some(ORG));

    let token = by_token(&scene, &scene.salesforce.url());
    scene.feed("b", &good_batches(1)).await;
    let by_token = scene.consumer(&token.each_ref().map(String::as_str));
    scene.delivered("b").await;

    assert_eq!(by_token.stop().await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(scene.queue.org().await.unwrap().as_deref(), Some(ORG));
}

#[tokio::test]
async fn a_consumer_of_another_org_delivers_nothing_until_it_is_told_to_take_the_queue_over() {
    let scene = Scene::new().await;
    let other = silent_about_its_org(&scene.salesforce.url()).await;
    let host = other.trim_start_matches("http://").to_owned();
    let first = scene.consumer(&[]);
    scene.feed("first", &good_batches(1)).await;
    scene.delivered("first").await;
    first.stop().await.unwrap();
    scene.feed("second", &good_batches(2)).await;

    let token = by_token(&scene, &other);
    let token = token.each_ref().map(String::as_str);
    let refused = scene.consumer(&token).ended().await.unwrap_err().to_string();

    let both = format!("the queue belongs to org {ORG}, and these settings sign in to org {host}");
    assert!(refused.starts_with(&both), "{refused}");
    assert!(refused.contains("--adopt-org") && refused.contains("QUEUE_NAME"), "{refused}");
    assert_eq!(scene.ledger("second").await.delivered(), 0);
    assert_eq!(scene.queue.org().await.unwrap().as_deref(), Some(ORG));

    let adopted = scene.consumer(&[&token[..], &["--adopt-org"]].concat());
    scene.delivered("second").await;
    assert_eq!(adopted.stop().await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(scene.queue.org().await.unwrap(), Some(host));
    let refused = scene.consumer(&[]).ended().await.unwrap_err().to_string();
    assert!(refused.contains(&format!("sign in to org {ORG}")), "{refused}");
}

#[tokio::test]
async fn a_queue_is_not_taken_over_from_consumers_that_are_running() {
    let scene = Scene::new().await;
    let other = silent_about_its_org(&scene.salesforce.url()).await;
    let first = scene.consumer(&[]);
    scene.feed("first", &good_batches(1)).await;
    scene.delivered("first").await;
    let token = by_token(&scene, &other);
    let adopting = [&token.each_ref().map(String::as_str)[..], &["--adopt-org"]].concat();

    let refused = scene.consumer(&adopting).ended().await.unwrap_err().to_string();

    let words = format!("the queue belongs to org {ORG}, and 1 of its consumers are running");
    assert!(refused.starts_with(&words) && refused.contains("stop all of them"), "{refused}");
    assert_eq!(scene.queue.org().await.unwrap().as_deref(), Some(ORG));
    scene.feed("second", &good_batches(1)).await;
    scene.delivered("second").await;
    first.stop().await.unwrap();
    let adopted = scene.consumer(&adopting);
    scene.feed("third", &good_batches(1)).await;
    scene.delivered("third").await;
    assert_eq!(adopted.stop().await.unwrap(), ExitCode::SUCCESS);
    assert_ne!(scene.queue.org().await.unwrap().as_deref(), Some(ORG));
}

/// The old job has an hour to go: whoever follows it does not end in time.
#[tokio::test]
async fn an_ingest_job_of_another_org_is_forgotten_and_all_its_rows_come_to_the_new_one() {
    let faults = Faults { job_delay_ms: 3_600_000, ..Faults::default() };
    let config = Config { faults, ..Config::default() };
    let scene = Scene::with(config, Duration::from_secs(30)).await;
    let other = silent_about_its_org(&scene.salesforce.url()).await;
    let token = by_token(&scene, &other);
    scene.feed("a", &[good_batches(3).concat()]).await;
    let old = scene.consumer(&[&token.each_ref().map(String::as_str)[..], &[BULK]].concat());
    scene.jobs_are("UploadComplete", 1).await;
    old.stop().await.unwrap();

    scene.salesforce.set_faults(Faults::default());
    let before = scene.salesforce.requests().len();
    let consumer = scene.consumer_without_load(&["--adopt-org"]);
    let ledger = scene.delivered("a").await;
    consumer.stop().await.unwrap();

    assert_eq!((ledger.read, ledger.tally.created, ledger.tally.updated), (300, 300, 0));
    assert_eq!(scene.writes().await, 300);
    let log = scene.salesforce.requests();
    let is_made = |method: &str, path: &str| {
        method == "POST" && path.trim_end_matches('/').ends_with("/jobs/ingest")
    };
    let made = log[before..].iter().filter(|one| is_made(&one.method, &one.path));
    assert_eq!(made.count(), 1);
}

/// Of the same records another org has others: what was found in one says nothing in another.
#[tokio::test]
async fn records_that_were_found_in_another_org_are_looked_up_again() {
    let (scene, _ids) = scene_with_leads().await;
    let update = load_of(&["--salesforce-operation=update"]);
    let rows = vec!["E-000001,Bell", "E-000002,Bell"];
    scene.feed_for(Some(&update), "External_Id__c,LastName", "a", &[rows]).await;
    let other = silent_about_its_org(&scene.salesforce.url()).await;
    let token = by_token(&scene, &other);
    let token = token.each_ref().map(String::as_str);
    scene.plan(PlannedFault::once(Fault::Unavailable).times(1_000));
    let first = scene.consumer_without_load(&[&token[..], &["--adopt-org"]].concat());
    scene.struck(Fault::Unavailable).await;
    first.stop().await.unwrap();

    scene.salesforce.set_faults(Faults::default());
    let queries = || {
        let log = scene.salesforce.requests();
        log.iter().filter(|request| request.path.contains("/query")).count()
    };
    let before = queries();
    let second = scene.consumer_without_load(&["--adopt-org"]);
    let ledger = scene.delivered("a").await;
    second.stop().await.unwrap();

    assert_eq!((ledger.tally.created, ledger.tally.updated), (0, 2));
    assert_eq!(queries() - before, 1, "it asks the org that it is signed in to");
}

/// Silently left out, they would look as if they counted.
#[tokio::test]
async fn settings_that_make_no_load_are_named_at_the_start() {
    let scene = Scene::new().await;
    let line = scene.command_line(&["--salesforce-operation=update", "--mapping-dates=day-first"]);
    let line: Vec<String> =
        line.into_iter().filter(|argument| !argument.starts_with("--salesforce-object")).collect();
    let mut command = tokio::process::Command::new(&line[0]);
    command.args(&line[1..]).env_clear().stderr(std::process::Stdio::piped()).kill_on_drop(true);
    let mut consumer = command.spawn().unwrap();
    let mut stderr = tokio::io::BufReader::new(consumer.stderr.take().unwrap()).lines();

    let mut said = Vec::new();
    while let Some(words) = stderr.next_line().await.unwrap() {
        let is_last = words.contains("no effect");
        said.push(words);
        if is_last {
            break;
        }
    }

    let last = said.last().unwrap();
    let names = "SALESFORCE_EXTERNAL_ID, SALESFORCE_OPERATION, MAPPING_DATES: no effect, because \
                 SALESFORCE_OBJECT is not set";
    assert!(last.contains(names), "{said:?}");
}
