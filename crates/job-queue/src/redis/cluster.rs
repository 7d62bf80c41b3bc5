//! The nodes of a Redis Cluster, of which one has all keys.
//!
//! All keys of a deployment carry one hash tag, so they are in one slot, and one node has it. A client
//! that talks to all nodes has nothing to gain here, and two things to lose: it routes what has no
//! key, such as `INFO`, to any node or to all; and what it does when a transaction meets a slot that
//! has moved is to give up. So we find the node of the slot, and connect to that one, as to the master
//! that Sentinels name. When it says that the slot is elsewhere, or does not answer, the nodes are
//! asked again.
//!
//! While a slot is being moved from one node to another, its keys are on both. No redirection is
//! followed then (`ASK`). All of our scripts, and the one that `apalis-redis` pushes with, name a key
//! that never exists: the old node refuses them before they begin (see `Keys::script`), the new one
//! takes nothing that was not sent there by an `ASK`, and programs wait until the slot has arrived.

use std::{net::IpAddr, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, RedisError, Value, aio::MultiplexedConnection,
    from_redis_value_ref,
};
use secrecy::{ExposeSecret, SecretString};
use tracing::debug;

use crate::{
    QueueError,
    redis::{
        hosts::{Hosts, address},
        plain_answer::with_its_word,
        tokens::Tokens,
    },
    refusal::has_code,
};

const NODE_TIMEOUT: Duration = Duration::from_secs(2);

/// Slots of a cluster.
const SLOTS: u16 = 16_384;

/// The nodes of a cluster: those of the setting, and those that one of them told of.
pub(crate) struct Cluster {
    hosts: Hosts,
    tokens: Option<Tokens>,
    slot: u16,
    /// A key of this slot.
    key: String,
    /// Addresses by the last answer.
    told: Vec<String>,
    /// Who is asked first; another one each time, for one that is cut off does not know that it is.
    turn: usize,
}

impl Cluster {
    /// Nothing for a URL of another kind than `redis+cluster://[USER:PASSWORD@]HOST[:PORT][,…]`.
    pub(crate) fn of(
        url: &str,
        name: &str,
        tokens: Option<Tokens>,
    ) -> Result<Option<Self>, QueueError> {
        let Some(hosts) = Hosts::of(url, "+cluster", 6379)? else { return Ok(None) };
        if !matches!(hosts.path.as_str(), "" | "0") {
            return Err(QueueError::ClusterDatabase);
        }
        let is_url = |host: &String| Client::open(hosts.url(host, "").expose_secret()).is_ok();
        if !hosts.hosts.iter().all(is_url) {
            return Err(QueueError::InvalidUrl);
        }
        Ok(Some(Self::known_by(hosts, name, tokens)))
    }

    /// The cluster of the node at this URL.
    pub(crate) fn around(url: &str, name: &str, tokens: Option<Tokens>) -> Option<Self> {
        let hosts = Hosts::of(url, "", 6379).ok().flatten()?;
        Some(Self::known_by(hosts, name, tokens))
    }

    fn known_by(hosts: Hosts, name: &str, tokens: Option<Tokens>) -> Self {
        let (slot, key) = (slot_of(name), format!("{{{name}}}:"));
        Self { hosts, tokens, slot, key, told: Vec::new(), turn: 0 }
    }

    /// URL of the node that has the slot, by the first node that answers.
    ///
    /// # Errors
    ///
    /// When none answers, or nobody has the slot: with what one said that is clear, or else
    /// what the last one said.
    pub(crate) async fn master(&mut self) -> Result<SecretString, QueueError> {
        let others = self.told.iter().filter(|node| !self.hosts.hosts.contains(node));
        let mut nodes: Vec<String> = self.hosts.hosts.iter().chain(others).cloned().collect();
        let first = self.turn % nodes.len().max(1);
        nodes.rotate_left(first);
        self.turn += 1;
        let (mut said, mut clear) = (None, None);
        for node in &nodes {
            match self.ask(node).await {
                Ok(slots) => {
                    let told = slots.iter().flat_map(|range| &range.nodes).map(Node::address);
                    self.told = told.collect();
                    let range = slots.iter().find(|range| range.has(self.slot));
                    if let Some(master) = range.and_then(|range| range.nodes.first()) {
                        return self.reached(master).await;
                    }
                }
                Err(error) => {
                    let refused = QueueError::unreachable(&self.hosts.url(node, ""), error.clone());
                    let refused = Tokens::refused(self.tokens.as_ref(), refused);
                    let refused = with_its_word(refused).await;
                    let is_clear =
                        refused.is_for_a_person() || matches!(refused, QueueError::NoPlace { .. });
                    clear = clear.or(is_clear.then_some(refused));
                    said = Some(error);
                }
            }
        }
        if let Some(refused) = clear {
            return Err(refused);
        }
        let nodes = self.hosts.hosts.join(",");
        Err(QueueError::NoClusterNode { slot: self.slot, nodes, source: said })
    }

    async fn ask(&self, node: &str) -> Result<Vec<Range>, RedisError> {
        let mut connection = self.connect(&self.hosts.url(node, "")).await?;
        let mut question = redis::cmd("CLUSTER");
        let answer: Vec<Value> = question.arg("SLOTS").query_async(&mut connection).await?;
        Ok(answer.iter().filter_map(|range| Range::of(range, node)).collect())
    }

    /// URL under which the node is reached. Its certificate may have its name while the cluster tells
    /// its address (Azure): then the names of the setting are tried first.
    async fn reached(&self, master: &Node) -> Result<SecretString, QueueError> {
        let mut candidates = Vec::new();
        if self.hosts.has_tls() && master.host.parse::<IpAddr>().is_ok() {
            let hosts = self.hosts.hosts.iter().filter_map(|host| host.rsplit_once(':'));
            let names = hosts.map(|(name, _)| name).filter(|name| is_name(name));
            candidates.extend(master.name.as_deref().into_iter().chain(names));
            candidates.dedup();
        }
        for name in candidates {
            let url = self.hosts.url(&address(name, master.port), "");
            match self.has_slot(&url).await {
                Ok(()) => return Ok(url),
                Err(error) => debug!(error = %error, "the slot's node is not at {name}"),
            }
        }
        Ok(self.hosts.url(&master.address(), ""))
    }

    async fn has_slot(&self, url: &SecretString) -> Result<(), RedisError> {
        let mut connection = self.connect(url).await?;
        let asked = redis::cmd("EXISTS").arg(&self.key).query_async::<Value>(&mut connection).await;
        match asked {
            Err(error) if has_code(&error, &["MOVED"]) => Err(error),
            // A node from which the slot is about to move says so, and has it still.
            _answer => Ok(()),
        }
    }

    async fn connect(&self, url: &SecretString) -> Result<MultiplexedConnection, RedisError> {
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(NODE_TIMEOUT))
            .set_response_timeout(Some(NODE_TIMEOUT));
        if let Some(tokens) = &self.tokens {
            config = config.set_credentials_provider(tokens.clone());
        }
        let client = Client::open(url.expose_secret())?;
        client.get_multiplexed_async_connection_with_config(&config).await
    }
}

fn is_name(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_err()
}

/// Slots that are together, and who has them: the master first.
#[derive(Debug, PartialEq)]
struct Range {
    first: u16,
    last: u16,
    nodes: Vec<Node>,
}

#[derive(Debug, PartialEq)]
struct Node {
    host: String,
    port: u16,
    /// Its name, when it is known by its address.
    name: Option<String>,
}

impl Range {
    /// Reads an entry of the answer of `asked` to `CLUSTER SLOTS`.
    fn of(value: &Value, asked: &str) -> Option<Self> {
        let Value::Array(entry) = value else { return None };
        let [first, last, nodes @ ..] = entry.as_slice() else { return None };
        let slot = |value| from_redis_value_ref(value).ok();
        let nodes = nodes.iter().filter_map(|node| Node::of(node, asked)).collect();
        Some(Self { first: slot(first)?, last: slot(last)?, nodes })
    }

    fn has(&self, slot: u16) -> bool {
        (self.first..=self.last).contains(&slot)
    }
}

impl Node {
    fn of(value: &Value, asked: &str) -> Option<Self> {
        let Value::Array(node) = value else { return None };
        let [host, port, more @ ..] = node.as_slice() else { return None };
        // A node that does not know its own address leaves it out: it is where it was asked.
        let asked = asked.rsplit_once(':').map_or(asked, |(host, _)| host);
        let host = text(host).unwrap_or_else(|| asked.trim_matches(['[', ']']).to_owned());
        let port = from_redis_value_ref(port).ok()?;
        let about: Vec<String> = match more {
            [_id, Value::Array(about), ..] => about.iter().filter_map(text).collect(),
            [_id, Value::Map(about), ..] => {
                about.iter().flat_map(|(name, value)| [text(name), text(value)]).flatten().collect()
            }
            _none => Vec::new(),
        };
        let name = about.windows(2).find(|pair| pair[0] == "hostname").map(|pair| pair[1].clone());
        Some(Self { host, port, name })
    }

    fn address(&self) -> String {
        address(&self.host, self.port)
    }
}

/// A text that says something: a name that a node has not told is `?` or empty.
fn text(value: &Value) -> Option<String> {
    let text: Option<String> = from_redis_value_ref(value).ok()?;
    text.filter(|text| !text.is_empty() && text != "?")
}

/// The slot of all keys with this hash tag.
fn slot_of(tag: &str) -> u16 {
    crc16(tag.as_bytes()) % SLOTS
}

/// CRC-16/XMODEM, as the cluster's specification says.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _bit| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn the_slot_of_a_name_is_that_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot_of("foo"), 12_182);
        assert_eq!(slot_of("batch-sync"), 550);
    }

    #[test]
    fn a_node_is_told_by_address_by_name_or_not_at_all() {
        let about = Value::Array(vec![bulk("hostname"), bulk("n1.example.com")]);
        let named = vec![bulk("10.0.0.7"), Value::Int(8500), bulk("id"), about];
        let silent = vec![Value::Nil, Value::Int(7001), bulk("id")];
        let entry = [Value::Int(0), Value::Int(5460), Value::Array(named), Value::Array(silent)];

        let range = Range::of(&Value::Array(entry.into()), "seed.example.com:10000").unwrap();

        assert!(range.has(0) && range.has(5460) && !range.has(5461));
        let [named, silent] = range.nodes.as_slice() else { panic!("{range:?}") };
        assert_eq!(named.address(), "10.0.0.7:8500");
        assert_eq!(named.name.as_deref(), Some("n1.example.com"));
        assert_eq!(silent.address(), "seed.example.com:7001");
        assert_eq!(Range::of(&Value::Int(1), "seed:1"), None);
    }

    #[test]
    fn a_cluster_has_one_database() {
        let is_refused = |url| Cluster::of(url, "batch-sync", None).is_err();

        assert!(is_refused("redis+cluster://a,b/1"));
        assert!(is_refused("redis+cluster://a:port"));
        assert!(!is_refused("rediss+cluster://me:pass%23word@a:7000,b/0"));
        assert!(Cluster::of("redis://a", "batch-sync", None).unwrap().is_none());
    }
}
