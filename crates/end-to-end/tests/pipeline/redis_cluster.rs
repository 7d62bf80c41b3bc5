//! A Redis Cluster of three masters, each with a replica, and what becomes of a run when the slot of its
//! keys changes its node.

use redis::{Commands, RedisResult, Value, cmd};
use test_support::{RedisServer, free_port};

use crate::{
    pipeline::Pipeline,
    processes::{pause_for, wait_until},
    redis_faults::{ROWS, connection, info, slow_pipeline},
};

/// That of `{batch-sync}`; the first master has it.
const SLOT: &str = "550";

/// Slots of each master.
const SLOTS: [(u64, u64); 3] = [(0, 5460), (5461, 10_922), (10_923, 16_383)];

struct RedisCluster {
    masters: Vec<RedisServer>,
    replicas: Vec<RedisServer>,
}

impl RedisCluster {
    fn start() -> Self {
        let nodes = || SLOTS.map(|_| start_node()).into();
        let cluster = Self { masters: nodes(), replicas: nodes() };
        for (master, (first, last)) in cluster.masters.iter().zip(SLOTS) {
            let assign = cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last).to_owned();
            let () = assign.query(&mut connection(master)).unwrap();
        }
        let meeting = &cluster.masters[0];
        let bus = bus_port(meeting);
        for node in cluster.nodes().skip(1) {
            let meet = ["MEET", "127.0.0.1", &meeting.port().to_string(), &bus];
            let () = cmd("CLUSTER").arg(&meet).query(&mut connection(node)).unwrap();
        }
        wait_until("all nodes know each other", || {
            cluster.nodes().all(|node| cluster_info(node).contains("cluster_known_nodes:6"))
        });
        for (replica, master) in cluster.replicas.iter().zip(&cluster.masters) {
            // It may not have heard yet that this one is a master.
            let follow = || -> RedisResult<()> {
                cmd("CLUSTER").arg("REPLICATE").arg(id(master)).query(&mut connection(replica))
            };
            wait_until("the replica knows its master", || follow().is_ok());
        }
        wait_until("the cluster is up, and each master has a copy", || {
            cluster.nodes().all(|node| cluster_info(node).contains("cluster_state:ok"))
                && cluster.masters.iter().all(|master| {
                    info(&master.url(), "replication", "slave0").contains("state=online")
                })
        });
        cluster
    }

    fn nodes(&self) -> impl Iterator<Item = &RedisServer> {
        self.masters.iter().chain(&self.replicas)
    }

    /// Of the nodes that do not have the slot.
    fn url(&self) -> String {
        let ports = [self.masters[1].port(), self.masters[2].port()];
        format!("redis+cluster://127.0.0.1:{},127.0.0.1:{}", ports[0], ports[1])
    }
}

fn start_node() -> RedisServer {
    let bus = free_port().to_string();
    RedisServer::start_with(&[
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus,
        "--cluster-node-timeout",
        "3000",
    ])
}

fn cluster_info(node: &RedisServer) -> String {
    cmd("CLUSTER").arg("INFO").query(&mut connection(node)).unwrap()
}

fn id(node: &RedisServer) -> String {
    cmd("CLUSTER").arg("MYID").query(&mut connection(node)).unwrap()
}

/// The port at which the other nodes reach it.
fn bus_port(node: &RedisServer) -> String {
    let nodes: String = cmd("CLUSTER").arg("NODES").query(&mut connection(node)).unwrap();
    let myself = nodes.lines().find(|line| line.contains("myself")).unwrap();
    let address = myself.split(' ').nth(1).unwrap();
    address.split(',').next().unwrap().rsplit('@').next().unwrap().to_owned()
}

fn keys_in_slot(node: &RedisServer) -> u64 {
    cmd("CLUSTER").arg(&["COUNTKEYSINSLOT", SLOT]).query(&mut connection(node)).unwrap()
}

fn settled(node: &RedisServer, run: &str) -> u64 {
    connection(node).bitcount(format!("{{batch-sync}}:run:{run}:settled")).unwrap()
}

/// A run in its midst on a cluster, read by programs that know these nodes.
fn pipeline_on(url: &str) -> Pipeline {
    let mut pipeline = slow_pipeline();
    pipeline.set("REDIS_URL", url);
    pipeline
}

#[test]
fn a_replica_of_a_cluster_that_takes_over_is_found() {
    let cluster = RedisCluster::start();
    // A URL of one node, which does not have the slot: it tells that it is one of several.
    let pipeline = pipeline_on(&cluster.masters[1].url());
    let _consumers = [pipeline.consumer(), pipeline.consumer()];
    let sync = pipeline.sync(&["--run-id", "failover", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);

    let () = cmd("CLUSTER").arg("FAILOVER").query(&mut connection(&cluster.replicas[0])).unwrap();
    wait_until("the replica is the master", || {
        info(&cluster.replicas[0].url(), "replication", "role") == "master"
    });

    pipeline.assert_all_arrived("failover", sync, ROWS);
    assert_eq!(settled(&cluster.replicas[0], "failover"), ROWS / 200);
}

#[test]
fn a_node_of_a_cluster_that_is_killed_is_replaced_by_its_replica() {
    let mut cluster = RedisCluster::start();
    let pipeline = pipeline_on(&cluster.url());
    let _consumers = [pipeline.consumer(), pipeline.consumer()];
    let sync = pipeline.sync(&["--run-id", "killed", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);

    cluster.masters[0].kill();
    wait_until("the replica is the master", || {
        info(&cluster.replicas[0].url(), "replication", "role") == "master"
    });

    pipeline.assert_all_arrived("killed", sync, ROWS);
    assert_eq!(settled(&cluster.replicas[0], "killed"), ROWS / 200);
}

/// As `redis-cli --cluster reshard` does it, and slower: for a while each of two nodes has some of the
/// keys.
#[test]
fn a_slot_that_moves_to_another_node_in_mid_run_takes_the_run_along() {
    let cluster = RedisCluster::start();
    let pipeline = pipeline_on(&cluster.url());
    let _consumers = [pipeline.consumer(), pipeline.consumer()];
    let sync = pipeline.sync(&["--run-id", "slot", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);

    let [from, to, third] = cluster.masters.as_slice() else { unreachable!() };
    let set_slot = |node: &RedisServer, what: &str, of: &RedisServer| {
        let words = ["SETSLOT", SLOT, what, &id(of)];
        let () = cmd("CLUSTER").arg(&words).query(&mut connection(node)).unwrap();
    };
    set_slot(to, "IMPORTING", from);
    set_slot(from, "MIGRATING", to);
    // Whoever would write now, would do so to one of two halves.
    pause_for(1_000);
    let keys = keys_in_slot(from);
    assert_eq!(keys_in_slot(to), 0, "a script was run where its keys are not");
    move_keys(from, to, keys / 2);
    pause_for(1_000);
    // Some of them expire.
    assert!(keys_in_slot(from) + keys_in_slot(to) <= keys, "a script was run by halves");
    move_keys(from, to, u64::MAX);
    for node in [to, from, third] {
        set_slot(node, "NODE", to);
    }

    pipeline.assert_all_arrived("slot", sync, ROWS);
    assert_eq!(settled(to, "slot"), ROWS / 200);
    assert_eq!(keys_in_slot(from), 0);
}

/// Moves as many keys of the slot, at most.
fn move_keys(from: &RedisServer, to: &RedisServer, at_most: u64) {
    let (mut source, port) = (connection(from), to.port().to_string());
    for _ in 0..at_most {
        let one = ["GETKEYSINSLOT", SLOT, "1"];
        let keys: Vec<String> = cmd("CLUSTER").arg(&one).query(&mut source).unwrap();
        let Some(key) = keys.first() else { return };
        let words = ["127.0.0.1", &port, key, "0", "5000"];
        let _has_expired: Value = cmd("MIGRATE").arg(&words).query(&mut source).unwrap();
    }
}
