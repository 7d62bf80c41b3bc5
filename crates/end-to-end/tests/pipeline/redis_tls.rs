//! A Redis that speaks TLS and knows users, with an authority and names of its own.

use redis::{Commands, Connection, cmd};
use test_support::{Certificates, RedisSentinel, RedisServer, free_port};

use crate::{
    pipeline::Pipeline,
    processes::wait_until,
    redis_faults::{ROWS, info, slow_pipeline},
};

/// Who may do everything, for the test itself and for Sentinel and replicas.
const ADMIN: &str = "admin:s3cret";

fn start_redis(certificates: &Certificates, tls_port: u16, more: &[&str]) -> RedisServer {
    let options = certificates.of_redis(tls_port);
    let mut all: Vec<&str> = options.iter().map(String::as_str).collect();
    all.extend(more);
    RedisServer::start_with(&all)
}

/// Where the test speaks to it, beside TLS.
fn admin_url(redis: &RedisServer) -> String {
    format!("redis://{ADMIN}@127.0.0.1:{}", redis.port())
}

fn connection(redis: &RedisServer) -> Connection {
    redis::Client::open(admin_url(redis)).unwrap().get_connection().unwrap()
}

/// As these programs trust the authority.
fn trust(pipeline: &mut Pipeline, certificates: &Certificates) {
    pipeline.set("SSL_CERT_FILE", certificates.file("ca.pem").to_str().unwrap());
}

#[test]
fn a_redis_with_tls_of_an_own_authority_carries_a_run() {
    let certificates = Certificates::of(&["localhost"]);
    let port = free_port();
    let _redis = start_redis(&certificates, port, &[]);
    let mut pipeline = Pipeline::start();
    pipeline.set("REDIS_URL", &format!("rediss://localhost:{port}"));
    pipeline.generate(1_000, &["--bad-rows", "20"]);

    let untrusted = pipeline.program("producer", &["runs"]).end();
    assert_eq!(untrusted.code, Some(2), "{untrusted:?}");
    assert!(untrusted.stderr.contains("SSL_CERT_FILE"), "{untrusted:?}");

    pipeline.set("SSL_CERT_FILE", "/nowhere.pem");
    let unreadable = pipeline.program("producer", &["runs"]).end();
    assert_eq!(unreadable.code, Some(2), "{unreadable:?}");
    for part in ["could not be read", "SSL_CERT_FILE", "/nowhere.pem"] {
        assert!(unreadable.stderr.contains(part), "{unreadable:?}");
    }

    trust(&mut pipeline, &certificates);
    let _consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "tls", "--json"]);
    pipeline.assert_all_arrived("tls", sync, 1_000);
}

/// As Redis in Azure does it: the nodes tell their addresses, and their certificates have the name by
/// which they are known outside.
#[test]
fn a_cluster_that_tells_addresses_and_whose_certificates_have_a_name_carries_a_run() {
    let certificates = Certificates::of(&["localhost"]);
    let port = free_port();
    let bus = free_port().to_string();
    let mut more = vec!["--cluster-enabled", "yes", "--cluster-port", &bus, "--tls-cluster", "yes"];
    more.extend(["--cluster-announce-ip", "127.0.0.1"]);
    let redis = start_redis(&certificates, port, &more);
    let plain = || redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let () = cmd("CLUSTER").arg(&["ADDSLOTSRANGE", "0", "16383"]).query(&mut plain()).unwrap();
    wait_until("the cluster is up", || {
        let state: String = cmd("CLUSTER").arg("INFO").query(&mut plain()).unwrap();
        state.contains("cluster_state:ok")
    });
    let mut pipeline = Pipeline::start();
    trust(&mut pipeline, &certificates);
    pipeline.set("REDIS_URL", &format!("rediss+cluster://localhost:{port}"));
    pipeline.generate(1_000, &["--bad-rows", "20"]);

    let _consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "names", "--json"]);
    pipeline.assert_all_arrived("names", sync, 1_000);
}

#[test]
fn a_master_is_followed_through_a_sentinel_with_tls_and_users() {
    let certificates = Certificates::of(&["127.0.0.1"]);
    let ports = [free_port(), free_port()];
    let master_port = ports[0].to_string();
    let users = [
        "--user",
        "admin",
        "on",
        ">s3cret",
        "~*",
        "&*",
        "+@all",
        "--user",
        "loader",
        "on",
        ">a/b#c",
        "~{batch-sync}:*",
        "-@all",
        "+@connection",
        "+@read",
        "+@write",
        "+@transaction",
        "+@scripting",
        "-@dangerous",
        "+info",
        "+restore",
        "+time",
        "--user",
        "default",
        "off",
        "--masteruser",
        "admin",
        "--masterauth",
        "s3cret",
    ];
    let mut master = start_redis(&certificates, ports[0], &users);
    let mut of_replica = users.to_vec();
    of_replica.extend(["--replicaof", "127.0.0.1", &master_port]);
    let replica = start_redis(&certificates, ports[1], &of_replica);
    wait_until("the replica has a copy", || {
        info(&admin_url(&master), "replication", "slave0").contains("state=online")
    });
    let sentinel = RedisSentinel::start_with_tls(
        "batch-sync",
        ports[0],
        &certificates,
        "sentinel auth-user batch-sync admin\nsentinel auth-pass batch-sync s3cret\n\
         user asker on >@sk allcommands allchannels\nuser default off\n",
    );
    let mut pipeline = slow_pipeline();
    trust(&mut pipeline, &certificates);
    let url = format!("rediss+sentinel://loader:a%2Fb%23c@{}/batch-sync", sentinel.address());
    pipeline.set("REDIS_URL", &url);
    let unknown = pipeline.program("producer", &["runs"]).end();
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("REDIS_SENTINEL_PASSWORD"), "{unknown:?}");
    pipeline.set("REDIS_SENTINEL_USERNAME", "asker");
    pipeline.set("REDIS_SENTINEL_PASSWORD", "@sk");
    wait_until("sentinel knows the replica", || {
        sentinel.said().contains(&format!("+slave slave 127.0.0.1:{}", ports[1]))
    });
    let _consumers = [pipeline.consumer(), pipeline.consumer()];
    let sync = pipeline.sync(&["--run-id", "sentinel", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);

    master.kill();
    wait_until("the replica is the master", || {
        info(&admin_url(&replica), "replication", "role") == "master"
    });

    pipeline.assert_all_arrived("sentinel", sync, ROWS);
    let key = "{batch-sync}:run:sentinel:settled";
    let settled: u64 = connection(&replica).bitcount(key).unwrap();
    assert_eq!(settled, ROWS / 200, "the rest was settled at the replica");
}
