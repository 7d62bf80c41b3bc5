//! The services of one round, each with a Redis such as its theme needs.

use local_services::{
    MovableClock, RedisSentinel, RedisServer, azurite_sas_connection_string,
};
use redis::Connection;

use super::{
    plan::{Plan, Theme},
    target::SCHEMA,
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

    fn url(&self, redis: &RedisServer) -> String {
        match self.pair {
            Some(_) => format!("redis://app:{PASSWORD}@127.0.0.1:{}", redis.port()),
            None => redis.url(),
        }
    }

    /// A new connection each time: what happens here closes the old ones.
    pub(crate) fn connect(&self, redis: &RedisServer) -> redis::RedisResult<Connection> {
        redis::Client::open(self.url(redis))?.get_connection()
    }

    /// What it thinks it is; empty when it does not answer.
    pub(crate) fn role(&self, redis: &RedisServer) -> String {
        let ask = |mut redis: Connection| redis::cmd("INFO").arg("replication").query(&mut redis);
        let info: String = self.connect(redis).and_then(ask).unwrap_or_default();
        let line = info.lines().find_map(|line| line.strip_prefix("role:"));
        line.unwrap_or_default().trim().to_owned()
    }

    /// A blob as anybody gets it, by plain HTTP; nothing when there is none.
    pub(crate) fn blob(&self, name: &str) -> Option<Vec<u8>> {
        let (address, lasts) = (self.pipeline.azurite.address(), time::Duration::hours(1));
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
        let sentinel =
            RedisSentinel::start_as("batch-sync", master, Some((WATCHER, PASSWORD)));
        wait_until("sentinel knows the replica", || {
            let url = format!("redis://{}", sentinel.address());
            let info = redis::Client::open(url).unwrap().get_connection().and_then(|mut redis| {
                redis::cmd("INFO").arg("sentinel").query::<String>(&mut redis)
            });
            info.is_ok_and(|info| info.contains("slaves=1"))
        });
        Self { other, sentinel, other_is_master: false }
    }
}

/// Options of a Redis that takes nobody but its users, of whom each can be shut out.
fn users<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut options = vec!["--user", "app", "on", ">secret", "~*", "&*", "+@all"];
    options.extend(["--user", "watcher", "on", ">secret", "~*", "&*", "+@all"]);
    options.extend(["--user", "copier", "on", ">secret", "~*", "&*", "+@all"]);
    options.extend(["--user", "default", "off"]);
    options.extend(["--masteruser", "copier", "--masterauth", "secret"]);
    options.extend(more);
    options
}
