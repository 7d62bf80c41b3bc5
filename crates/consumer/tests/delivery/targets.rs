//! Which runs come to which consumer.

use std::{process::Stdio, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    response::Response,
};
use job_queue::{Target, Wanted};
use salesforce_simulator::{Config, Faults, Schema};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStderr, Command},
};

use super::{
    bulk::BULK,
    support::{HEADER, Scene, good_batches},
};

const PATIENCE: Duration = Duration::from_secs(60);

const BY_ID: &str = "--salesforce-external-id=Id";
const UPDATE: [&str; 2] = ["--salesforce-operation=update", BY_ID];
const DELETE: [&str; 2] = ["--salesforce-operation=delete", BY_ID];

#[tokio::test]
async fn a_run_goes_to_no_consumer_of_another_operation_on_the_same_redis() {
    let scene = Scene::with_faults(Faults { latency_ms: 20, ..Faults::default() }).await;
    scene.feed("leads", &good_batches(10)).await;
    let upsert = scene.consumer(&[]);
    scene.delivered("leads").await;
    upsert.stop().await.unwrap();
    let ids: Vec<String> = scene.values("Id").await.into_iter().map(|(_key, id)| id).collect();
    let rows: Vec<Vec<String>> =
        ids.chunks(50).map(|ids| ids.iter().map(|id| format!("{id},Bell")).collect()).collect();
    let target = scene.target(&UPDATE).await;

    let (delete, update) = (scene.consumer(&DELETE), scene.consumer(&UPDATE));
    scene.feed_for(&Wanted::default(), Some(&target), "Id,LastName", "update", &rows).await;
    let ledger = scene.delivered("update").await;
    delete.stop().await.unwrap();
    update.stop().await.unwrap();

    assert_eq!((ledger.tally.updated, ledger.tally.deleted), (1_000, 0));
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 1_000);
}

#[tokio::test]
async fn all_ways_to_sign_in_lead_to_the_same_org() {
    let scene = Scene::new().await;
    let token = format!("--salesforce-access-token={}", scene.salesforce.issue_token());
    let instance = |url: &str| format!("--salesforce-instance-url={url}");
    let silent = silent_about_its_org(&scene.salesforce.url()).await;

    let by_login = scene.target(&[]).await;
    let by_token = scene.target(&[&token, &instance(&scene.salesforce.url())]).await;
    let of_silent = scene.target(&[&token, &instance(&silent)]).await;

    let mapping = by_login.mapping.clone();
    let expected = Target {
        org: "00DS1000000SimuMAC".to_owned(),
        object: "Lead".to_owned(),
        operation: "upsert".to_owned(),
        external_id: Some("External_Id__c".to_owned()),
        mapping,
    };
    assert_eq!((&by_login, &by_token), (&expected, &expected));
    let host = silent.trim_start_matches("http://").to_owned();
    assert_eq!(of_silent, Target { org: host, ..expected });
}

/// A server before Salesforce that does not say who a token is of.
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

/// The program, with its log.
struct Program {
    _process: Child,
    log: Lines<BufReader<ChildStderr>>,
    read: Vec<String>,
}

impl Program {
    fn start(scene: &Scene) -> Self {
        let line = scene.command_line(&[]);
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).env_clear().stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { _process: process, log, read: Vec::new() }
    }

    /// Waits for a line with these words.
    async fn says(&mut self, words: &str) -> String {
        let reading = async {
            loop {
                let line = self.log.next_line().await.unwrap().expect("the program is alive");
                self.read.push(line.clone());
                if line.contains(words) {
                    return line;
                }
            }
        };
        let said = tokio::time::timeout(PATIENCE, reading).await;
        said.unwrap_or_else(|_| panic!("{words:?} is not in {:#?}", self.read))
    }
}

#[tokio::test]
async fn a_run_that_is_passed_by_is_told_once_with_what_can_be_done() {
    let scene = Scene::new().await;
    let ours = scene.target(&[]).await;
    let other_object = Target { object: "Contact".to_owned(), ..ours.clone() };
    let other_mapping = Target { mapping: "0123456789ab".to_owned(), ..ours.clone() };
    let rows = [vec!["E-1,Ames,Acme,"]];
    scene.feed_for(&Wanted::default(), Some(&other_object), HEADER, "contacts", &rows).await;
    scene.feed_for(&Wanted::default(), Some(&other_mapping), HEADER, "mapped", &rows).await;
    let contacts = Wanted { object: Some("Contact".to_owned()), ..Wanted::default() };
    scene.feed_for(&contacts, None, HEADER, "nobodys", &rows).await;
    let mut program = Program::start(&scene);

    let started = program.says("worker started").await;
    let mapped = program.says("passes by run mapped").await;
    scene.feed_for(&Wanted::default(), Some(&other_object), HEADER, "later", &rows).await;
    let later = program.says("passes by run later").await;

    assert!(started.contains(&format!("; target {}", ours.id())), "{started}");
    let advice = format!("producer resume mapped --target {}", ours.id());
    for words in ["WARN", "0123456789ab", &ours.mapping, &advice] {
        assert!(mapped.contains(words), "{words:?} is not in {mapped}");
    }
    assert!(later.contains("it is for upsert Contact by External_Id__c in org 00DS"), "{later}");
    let nobodys = program.read.iter().find(|line| line.contains("passes by run nobodys"));
    assert!(nobodys.is_some_and(|line| line.contains("it is for Contact ")), "{nobodys:?}");
    let told_again = program.read.iter().filter(|line| line.contains("passes by run mapped"));
    assert_eq!(told_again.count(), 1, "{:#?}", program.read);
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 0);
}

/// Two objects that are alike.
const TWINS: &str = r#"{"objects": [
    {"name": "Old__c", "keyPrefix": "a0O", "fields": [
        {"name": "Key__c", "type": "string", "length": 40, "externalId": true, "unique": true}]},
    {"name": "New__c", "keyPrefix": "a0N", "fields": [
        {"name": "Key__c", "type": "string", "length": 40, "externalId": true, "unique": true}]}]}"#;

/// The old job has an hour to go: whoever follows it does not end in time.
#[tokio::test]
async fn an_ingest_job_of_another_target_is_ended_and_all_its_rows_come_to_the_new_one_once() {
    const OLD: [&str; 3] = ["--salesforce-object=Old__c", "--salesforce-external-id=Key__c", BULK];
    for api in [BULK, "--salesforce-api=collections"] {
        let schema = Schema::standard().with(TWINS).unwrap();
        let faults = Faults { job_delay_ms: 3_600_000, ..Faults::default() };
        let scene =
            Scene::with(Config { schema, faults, ..Config::default() }, Duration::from_secs(30))
                .await;
        let new = ["--salesforce-object=New__c", "--salesforce-external-id=Key__c", api];
        let (old_target, new_target) = (scene.target(&OLD).await, scene.target(&new).await);
        let rows: Vec<String> = (0..300).map(|number| format!("K-{number}")).collect();
        scene.feed_for(&Wanted::default(), Some(&old_target), "Key__c", "a", &[rows]).await;
        let old = scene.consumer(&OLD);
        scene.jobs_are("UploadComplete", 1).await;
        old.stop().await.unwrap();

        scene.salesforce.set_faults(Faults::default());
        let before = scene.salesforce.requests().len();
        assert!(scene.queue.set_target(&"a".parse().unwrap(), &new_target).await.unwrap());
        let consumer = scene.consumer(&new);
        let ledger = scene.delivered("a").await;
        consumer.stop().await.unwrap();

        assert_eq!(
            (ledger.read, ledger.tally.created, ledger.tally.updated),
            (300, 300, 0),
            "{api}"
        );
        let objects = scene.salesforce.state().objects;
        assert_eq!((objects["Old__c"].rows, objects["New__c"].rows), (0, 300), "{api}");
        let log = scene.salesforce.requests();
        let made = log[before..].iter().filter(|one| {
            one.method == "POST" && one.path.trim_end_matches('/').ends_with("/jobs/ingest")
        });
        assert_eq!(made.count(), usize::from(api == BULK), "{api}");
    }
}
