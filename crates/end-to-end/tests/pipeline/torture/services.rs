//! The services of one round, each with a Redis such as its theme needs.

use std::time::Duration;

use redis::Connection;
use test_support::{MovableClock, RedisSentinel, RedisServer, azurite_sas_connection_string};

use super::{
    load::SCHEMA,
    plan::{Plan, Theme},
};
use crate::{pipeline::Pipeline, processes::wait_until};

/// Users of a Redis whose Sentinel can be made blind to it: the programs', the Sentinel's, the
/// replica's. They have one password.
pub(crate) const WATCHER: &str = "watcher";
pub(crate) const COPIER: &str = "copier";
const PASSWORD: &str = "secret";

pub(crate) struct Services {
    pub(crate) pipeline: Pipeline,
    /// Of Redis, where it is moved.
    pub(crate) clock: Option<MovableClock>,
    /// Of producers.
    pub(crate) producers_clock: Option<MovableClock>,
    pub(crate) pair: Option<Pair>,
}

/// What stands beside the Redis of the pipeline.
pub(crate) struct Pair {
    other: RedisServer,
    sentinel: RedisSentinel,
    /// Which of the two is meant to be the master now: the other one?
    pub(crate) other_is_master: bool,
}

impl Services {
    pub(crate) fn start(plan: &Plan) -> Self {
        let clock = (plan.theme == Theme::Clocks).then(MovableClock::new);
        let producers_clock = clock.as_ref().map(|_| MovableClock::new());
        let is_pair = matches!(plan.theme, Theme::Failover | Theme::Partition);
        let redis = match &clock {
            Some(clock) => RedisServer::start_by(clock),
            None if is_pair => RedisServer::start_with(&users(&[])),
            None => RedisServer::start(),
        };
        let pair = is_pair.then(|| Pair::beside(&redis));
        let schema = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(schema.path(), SCHEMA).unwrap();
        let seed = format!("--seed={}", plan.seed);
        let file = format!("--schema={}", schema.path().display());
        let mut pipeline = Pipeline::on(redis, &[&file, &seed]);
        // Small ones, so that all runs have many.
        pipeline.set("BATCH_ROWS", &super::plan::BATCH_ROWS.to_string());
        pipeline.set("QUEUE_LEASE", &format!("{}ms", super::plan::LEASE_MS));
        if let Some(pair) = &pair {
            let address = pair.sentinel.address();
            let url = format!("redis+sentinel://app:{PASSWORD}@{address}/batch-sync");
            pipeline.set("REDIS_URL", &url);
        }
        Self { pipeline, clock, producers_clock, pair }
    }

    /// The Redis that is meant to be the master.
    pub(crate) fn master(&self) -> &RedisServer {
        match &self.pair {
            Some(pair) if pair.other_is_master => &pair.other,
            _ => &self.pipeline.redis,
        }
    }

    pub(crate) fn master_mut(&mut self) -> &mut RedisServer {
        match &mut self.pair {
            Some(pair) if pair.other_is_master => &mut pair.other,
            _ => &mut self.pipeline.redis,
        }
    }

    /// The one beside it.
    pub(crate) fn replica(&self) -> &RedisServer {
        match &self.pair {
            Some(pair) if pair.other_is_master => &self.pipeline.redis,
            Some(pair) => &pair.other,
            None => &self.pipeline.redis,
        }
    }

    pub(crate) fn replica_mut(&mut self) -> &mut RedisServer {
        match &mut self.pair {
            Some(pair) if !pair.other_is_master => &mut pair.other,
            _ => &mut self.pipeline.redis,
        }
    }

    /// What the servers said.
    pub(crate) fn said(&self) -> String {
        let sentinel = self.pair.as_ref().map(|pair| pair.sentinel.said()).unwrap_or_default();
        [self.master().said(), self.replica().said(), sentinel].join("\n---\n")
    }

    fn url(&self, redis: &RedisServer) -> String {
        match self.pair {
            Some(_) => url_of(redis),
            None => redis.url(),
        }
    }

    /// A new connection each time: what happens here closes the old ones.
    pub(crate) fn connect(&self, redis: &RedisServer) -> redis::RedisResult<Connection> {
        connect(&self.url(redis))
    }

    /// What it thinks it is; empty when it does not answer.
    pub(crate) fn role(&self, redis: &RedisServer) -> String {
        let info = info(&self.url(redis), "replication").unwrap_or_default();
        let line = info.lines().find_map(|line| line.strip_prefix("role:"));
        line.unwrap_or_default().trim().to_owned()
    }

    /// A blob as anybody gets it, by plain HTTP; nothing when there is none.
    pub(crate) fn blob(&self, name: &str) -> Option<Vec<u8>> {
        let (address, lasts) =
            (self.pipeline.azurite.address(), jiff::SignedDuration::from_hours(1));
        let connection = azurite_sas_connection_string(&address, lasts);
        let part = |name: &str| connection.split(';').find_map(|part| part.strip_prefix(name));
        let (endpoint, sas) =
            (part("BlobEndpoint=").unwrap(), part("SharedAccessSignature=").unwrap());
        let url = format!("{endpoint}/high-volume-ingest/{name}?{sas}");
        let answer = reqwest::blocking::get(url).unwrap();
        match answer.status().as_u16() {
            404 => None,
            200 => Some(answer.bytes().unwrap().to_vec()),
            other => panic!("{name}: {other}: {}", answer.text().unwrap()),
        }
    }
}

impl Pair {
    fn beside(master: &RedisServer) -> Self {
        let port = master.port().to_string();
        let other = RedisServer::start_with(&users(&["--replicaof", "127.0.0.1", &port]));
        let sentinel = RedisSentinel::start_as("batch-sync", master, Some((WATCHER, PASSWORD)));
        wait_until("the replica has a copy", || {
            let info = info(&url_of(&other), "replication");
            info.is_ok_and(|info| info.contains("master_link_status:up"))
        });
        wait_until("sentinel knows the replica", || {
            let info = info(&format!("redis://{}", sentinel.address()), "sentinel");
            info.is_ok_and(|info| info.contains("slaves=1"))
        });
        Self { other, sentinel, other_is_master: false }
    }
}

/// Where the programs of a pair's Redis sign in.
fn url_of(redis: &RedisServer) -> String {
    format!("redis://app:{PASSWORD}@127.0.0.1:{}", redis.port())
}

fn connect(url: &str) -> redis::RedisResult<Connection> {
    let at_most = Duration::from_secs(3);
    let connection = redis::Client::open(url)?.get_connection_with_timeout(at_most)?;
    connection.set_read_timeout(Some(at_most))?;
    Ok(connection)
}

/// What a Redis or a Sentinel tells of itself.
fn info(url: &str, section: &str) -> redis::RedisResult<String> {
    redis::cmd("INFO").arg(section).query(&mut connect(url)?)
}

/// Options of a Redis that takes nobody but its users, of whom each can be shut out.
fn users<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut options = vec!["--user", "app", "on", ">secret", "~*", "&*", "+@all"];
    options.extend(["--user", "watcher", "on", ">secret", "~*", "&*", "+@all"]);
    options.extend(["--user", "copier", "on", ">secret", "~*", "&*", "+@all"]);
    // Nobody signs in as this one, but Redis loads its append-only file as it: without rights, all
    // transactions in there would be refused, and lost.
    options.extend(["--user", "default", "off", "~*", "&*", "+@all"]);
    // A replica gets its copy at once.
    options.extend(["--repl-diskless-sync-delay", "0"]);
    options.extend(["--masteruser", "copier", "--masterauth", "secret"]);
    options.extend(more);
    options
}
