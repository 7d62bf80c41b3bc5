//! What a release left in Redis is read by this code, and goes on: `CONTRIBUTING.md`, stored data of releases.
//!
//! `fixtures/redis-VERSION.json` has each key of a Redis that the release wrote: a run that has ended, one in the middle of
//! its file, one that a person paused, one that waits for a server.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use ingest_core::{BatchJob, Rows};
use job_queue::{BatchEvent, Control, EventId, ImportBackend, NewRun, Output, RunState};
use redis::{Commands, Connection};
use serde::{Deserialize, Serialize};
use test_support::RedisServer;

use crate::support::{
    Fixture, after, claim_soon, consumer_of, delivered, id, job, new_run, reject, with_ids,
};

const WHAT_TO_DO: &str = "what runs leave in Redis differs from what the release left. If that is not on purpose, undo it. \
    Otherwise write a fixture of this version (RENEW_FIXTURES=1 cargo test -p job-queue --test redis -- compatibility), keep \
    the older ones as long as this code is to read them, and say in docs/compatibility.md and CHANGELOG.md what an upgrade \
    takes";

/// The value of a key. A string has a character for each byte, which may be any.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Value {
    String(String),
    Hash(BTreeMap<String, String>),
    List(Vec<String>),
    Set(Vec<String>),
    Zset(Vec<(String, String)>),
    Stream(Vec<(String, Vec<(String, String)>)>),
}

type Keys = BTreeMap<String, Value>;
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// That of each release, the newest one last.
fn stored() -> Vec<(String, Keys)> {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let mut all: Vec<(String, Keys)> = files
        .filter(|file| file.extension().is_some_and(|extension| extension == "json"))
        .map(|file| {
            let keys = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            (file.file_name().unwrap().to_string_lossy().into_owned(), keys)
        })
        .collect();
    all.sort_by_key(|(name, _)| numbers_in(name));
    assert!(!all.is_empty());
    all
}

fn numbers_in(name: &str) -> Vec<u64> {
    name.split(|it: char| !it.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

fn as_text(bytes: Vec<u8>) -> String {
    bytes.into_iter().map(char::from).collect()
}

fn as_bytes(text: &str) -> Vec<u8> {
    text.chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect()
}

/// All that is in a Redis, but which workers live there.
fn dump(redis: &mut Connection) -> Keys {
    let keys: Vec<String> = redis.keys("{batch-sync}:*").unwrap();
    let of_workers = |key: &str| key.contains(":workers") || key.contains(":consumers");
    keys.into_iter()
        .filter(|key| !of_workers(key))
        .map(|key| (key.clone(), value(redis, &key)))
        .collect()
}

fn value(redis: &mut Connection, key: &str) -> Value {
    let texts = |all: Vec<Vec<u8>>| all.into_iter().map(as_text).collect::<Vec<_>>();
    let pairs = |all: Pairs| {
        all.into_iter().map(|(name, value)| (as_text(name), as_text(value))).collect::<Vec<_>>()
    };
    let kind: String = redis::cmd("TYPE").arg(key).query(redis).unwrap();
    match kind.as_str() {
        "string" => Value::String(as_text(redis.get(key).unwrap())),
        "hash" => Value::Hash(pairs(redis.hgetall(key).unwrap()).into_iter().collect()),
        "list" => Value::List(texts(redis.lrange(key, 0, -1).unwrap())),
        "set" => Value::Set(texts(redis.smembers(key).unwrap())),
        "zset" => Value::Zset(pairs(redis.zrange_withscores(key, 0, -1).unwrap())),
        "stream" => {
            let entries: Vec<(String, Pairs)> =
                redis::cmd("XRANGE").arg(key).arg("-").arg("+").query(redis).unwrap();
            Value::Stream(entries.into_iter().map(|(id, fields)| (id, pairs(fields))).collect())
        }
        other => panic!("{key} is a {other}"),
    }
}

fn restore(redis: &mut Connection, keys: &Keys) {
    for (key, value) in keys {
        let mut run = |command: &str, arguments: &[&str]| {
            let mut command = redis::cmd(command);
            command.arg(key);
            for argument in arguments {
                command.arg(as_bytes(argument));
            }
            let () = command.query(redis).unwrap();
        };
        match value {
            Value::String(value) => run("SET", &[value]),
            Value::Hash(fields) => {
                fields.iter().for_each(|(name, value)| run("HSET", &[name, value]));
            }
            Value::List(items) => items.iter().for_each(|item| run("RPUSH", &[item])),
            Value::Set(items) => items.iter().for_each(|item| run("SADD", &[item])),
            Value::Zset(items) => {
                items.iter().for_each(|(item, score)| run("ZADD", &[score, item]));
            }
            Value::Stream(entries) => {
                for (id, fields) in entries {
                    let fields = fields.iter().flat_map(|(name, value)| [name.as_str(), value]);
                    run("XADD", &[id.as_str()].into_iter().chain(fields).collect::<Vec<_>>());
                }
            }
        }
    }
}

/// What each key is, and which fields it has unless time names them.
fn form(keys: &Keys) -> BTreeMap<&str, (&str, Vec<&str>)> {
    let of = |key: &str, value: &'_ Value| match value {
        Value::String(_) => "string",
        Value::Hash(_) if key.ends_with(":series") => "hash of times",
        Value::Hash(_) => "hash",
        Value::List(_) => "list",
        Value::Set(_) => "set",
        Value::Zset(_) => "zset",
        Value::Stream(_) => "stream",
    };
    keys.iter()
        .map(|(key, value)| {
            let kind = of(key, value);
            let fields = match value {
                Value::Hash(fields) if kind == "hash" => {
                    fields.keys().map(String::as_str).collect()
                }
                _ => Vec::new(),
            };
            (key.as_str(), (kind, fields))
        })
        .collect()
}

/// Three rows of a batch are left: seven were delivered, and tried again they get through.
fn rest_of(whole: &BatchJob) -> BatchJob {
    let mut rest = whole.clone();
    rest.passes = 1;
    rest.tally.created = 7;
    rest.tally.api_calls = 1;
    rest.rows = whole.rows.subset(7..10);
    rest
}

/// What this code leaves.
async fn written() -> Fixture {
    let fixture = Fixture::new().await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");

    let start_key = Some("nightly".to_owned());
    fixture.queue.create_run(&NewRun { start_key, ..new_run("ended") }).await.unwrap();
    fixture.feed_all("ended", 2).await;
    let first = consumer.claim().await.unwrap().unwrap();
    let mut outcome = with_ids(&first, 8);
    outcome.tally.created = 8;
    outcome.rejects = vec![reject(9, "REQUIRED_FIELD_MISSING"), reject(10, "DUPLICATE_VALUE")];
    first.settle(&outcome).await.unwrap();
    let second = consumer.claim().await.unwrap().unwrap();
    second.settle(&with_ids(&second, 10)).await.unwrap();

    fixture.create("paused").await;
    fixture.feed_all("paused", 1).await;
    assert_eq!(fixture.queue.pause_run(&id("paused")).await.unwrap(), Control::Done);

    fixture.create("going").await;
    let mut feeder = fixture.queue.acquire_run(&id("going")).await.unwrap();
    let mut jobs: Vec<_> = (0..3).map(|sequence| job("going", sequence)).collect();
    feeder.push(&mut jobs, after(3)).await.unwrap();
    feeder.release().await;
    let mut claimed = Vec::new();
    while let Some(batch) = consumer.claim().await.unwrap() {
        claimed.push(batch);
    }
    claimed.sort_by_key(|batch| batch.job().sequence);
    claimed[0].settle(&delivered(&claimed[0])).await.unwrap();
    claimed[1].requeue(&rest_of(claimed[1].job()), Duration::ZERO).await.unwrap();
    claimed[2].set_external_job(Some("750A")).await.unwrap();
    claimed[2].release(Duration::ZERO).await.unwrap();

    fixture.create("wanted").await;
    assert!(fixture.queue.push_import(&id("wanted")).await.unwrap());
    fixture
}

async fn restored(keys: &Keys) -> Fixture {
    let redis = RedisServer::start();
    let client = redis::Client::open(redis.url()).unwrap();
    restore(&mut client.get_connection().unwrap(), keys);
    Fixture::on(redis, Duration::from_secs(30)).await
}

#[tokio::test]
async fn what_each_release_left_is_read() {
    for (file, keys) in stored() {
        let fixture = restored(&keys).await;

        let ended = fixture.ledger("ended").await;
        let new = new_run("ended");
        assert_eq!(ended.state, RunState::Completed, "{file}: {WHAT_TO_DO}");
        assert_eq!(
            (ended.read, ended.delivered(), ended.rejected),
            (20, 18, 2),
            "{file}: {WHAT_TO_DO}"
        );
        let codes = ["REQUIRED_FIELD_MISSING", "DUPLICATE_VALUE"].map(|code| (code.to_owned(), 1));
        assert_eq!(ended.rejected_by_code, codes.into(), "{file}: {WHAT_TO_DO}");
        assert_eq!((ended.ids, ended.tally.api_calls), (18, 2), "{file}: {WHAT_TO_DO}");
        let kept = (&*ended.container, &*ended.file, &*ended.etag, ended.file_bytes);
        assert_eq!(kept, (&*new.container, &*new.file, &*new.etag, new.file_bytes), "{file}");
        assert_eq!(
            (&ended.header, &ended.settings),
            (&new.header, &new.settings),
            "{file}: {WHAT_TO_DO}"
        );
        let load = new.load.unwrap();
        assert_eq!(ended.load, Some(load.summary), "{file}: {WHAT_TO_DO}");
        assert_eq!(ended.load_text, load.text, "{file}: {WHAT_TO_DO}");
        for (output, lines) in [(Output::Rejects, 2), (Output::Ids, 18)] {
            let pending = fixture.queue.pending_lines(&id("ended"), output, 1 << 20).await.unwrap();
            let text = String::from_utf8(pending.lines.concat()).unwrap();
            assert_eq!(text.lines().count(), lines, "{file}: {WHAT_TO_DO}");
        }
        let events = fixture.queue.batch_events(&id("ended"), &EventId::default()).await.unwrap();
        let figures = |it: &BatchEvent| (it.ordinal, it.sequence, it.delivered, it.rejected);
        let events: Vec<_> = events.iter().map(figures).collect();
        assert_eq!(events, [(1, 0, 8, 2), (2, 1, 10, 0)], "{file}: {WHAT_TO_DO}");
        let again = fixture.queue.run_of_start_key("nightly").await.unwrap();
        assert_eq!(again, Some(id("ended")), "{file}: {WHAT_TO_DO}");

        let going = fixture.ledger("going").await;
        assert!(!going.has_ended() && !going.feeder_alive, "{file}: {WHAT_TO_DO}");
        assert_eq!(going.resume_point, after(3), "{file}: {WHAT_TO_DO}");
        let batches = (going.batches_fed, going.batches_settled, going.batches_queued);
        assert_eq!(batches, (3, 1, 2), "{file}: {WHAT_TO_DO}");
        assert_eq!(fixture.queue.count_lost_batches(&going).await.unwrap(), 0, "{file}");
        assert!(fixture.ledger("paused").await.paused, "{file}: {WHAT_TO_DO}");
    }
}

#[tokio::test]
async fn what_each_release_left_goes_on() {
    for (file, keys) in stored() {
        let fixture = restored(&keys).await;
        let mut consumer = consumer_of(fixture.queue.clone(), "newer");

        let mut came = Vec::new();
        for _ in 0..2 {
            let batch = claim_soon(&mut consumer).await;
            let job = batch.job();
            let external = batch.external_job().map(str::to_owned);
            came.push((job.run.clone(), job.sequence, job.rows.len(), external));
            let mut done = job.clone();
            done.tally.created += job.rows.len() as u64;
            done.rows = Rows::default();
            batch.settle(&done).await.unwrap();
        }
        came.sort();
        let expected = [(id("going"), 1, 3, None), (id("going"), 2, 10, Some("750A".to_owned()))];
        assert_eq!(came, expected, "{file}: {WHAT_TO_DO}");
        let mut feeder = fixture.queue.acquire_run(&id("going")).await.unwrap();
        feeder.push(&mut vec![job("going", 3)], after(4)).await.unwrap();
        feeder.finish(0).await.unwrap();
        feeder.release().await;
        drop(consumer);
        assert_eq!(fixture.deliver_all().await, [3], "{file}: a paused run waits. {WHAT_TO_DO}");

        assert_eq!(fixture.queue.resume_run(&id("paused")).await.unwrap(), Control::Done, "{file}");
        assert_eq!(fixture.deliver_all().await, [0], "{file}: {WHAT_TO_DO}");
        for (run, rows) in [("going", 40), ("paused", 10)] {
            let ledger = fixture.ledger(run).await;
            let found = (ledger.state, ledger.read, ledger.tally.created);
            assert_eq!(found, (RunState::Completed, rows, rows), "{file}: {run}: {WHAT_TO_DO}");
        }

        let mut server = ImportBackend::new(fixture.queue.clone(), "server");
        let import = server.claim().await.unwrap().expect("it waits for a server");
        assert_eq!(import.run(), &id("wanted"), "{file}: {WHAT_TO_DO}");
    }
}

/// Whoever changes it has to say what becomes of the runs that are under way.
#[tokio::test]
async fn this_code_leaves_what_the_newest_fixture_has() {
    let now = dump(&mut written().await.redis());
    #[expect(clippy::disallowed_methods, reason = "it is a setting of this test")]
    if std::env::var("RENEW_FIXTURES").is_ok() {
        let file = folder().join(format!("redis-{}.json", env!("CARGO_PKG_VERSION")));
        fs::write(file, serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
    }
    let (file, newest) = stored().pop().unwrap();

    assert_eq!(form(&now), form(&newest), "{file}: {WHAT_TO_DO}");
}
