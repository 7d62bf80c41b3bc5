//! What the programs say when Redis does not let them in: what to do, and no secret.

use std::error::Error;

use job_queue::{Queue, QueueArgs, QueueError};
use test_support::{Certificates, RedisSentinel, RedisServer, free_port};

use crate::support::{Fixture, new_run};

/// The error and its causes, as a program prints them.
fn printed(error: &QueueError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

async fn refusal(url: &str) -> String {
    printed(&Queue::connect(&QueueArgs::at(url)).await.unwrap_err())
}

#[tokio::test]
async fn a_password_that_is_missing_wrong_or_not_encoded_is_told_apart() {
    let redis = RedisServer::start_with(&["--requirepass", "p/ss#w%rd"]);
    let at = redis.url().replace("redis://", "");

    let missing = refusal(&format!("redis://{at}")).await;
    assert!(missing.contains("asks for a password"), "{missing}");
    let wrong = refusal(&format!("redis://:hunter2@{at}")).await;
    assert!(wrong.contains("does not know this user and password"), "{wrong}");
    let unknown = refusal(&format!("redis://me:hunter2@{at}")).await;
    assert!(unknown.contains("does not know this user and password"), "{unknown}");
    for said in [wrong, unknown] {
        assert!(said.contains(&at) && !said.contains("hunter2"), "{said}");
    }
    for user in [":p/ss#w%rd", "p?ss", "p#ss:1"] {
        let not_encoded = refusal(&format!("redis://{user}@{at}")).await;
        assert!(
            not_encoded.contains("%2F for `/`") && !not_encoded.contains(user),
            "{not_encoded}"
        );
    }

    let encoded = QueueArgs::at(&format!("redis://:p%2Fss%23w%25rd@{at}"));
    Queue::connect(&encoded).await.unwrap();
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let fixture = Fixture::new().await;
    let user = "ACL SETUSER some on >word ~{batch-sync}:* -@all +@connection +@read";
    let mut words = user.split(' ');
    let () = redis::cmd(words.next().unwrap())
        .arg(words.collect::<Vec<_>>())
        .query(&mut fixture.redis())
        .unwrap();
    let url = fixture.redis.url().replace("redis://", "redis://some:word@");
    let queue = Queue::connect(&QueueArgs::at(&url)).await.unwrap();

    let refused = printed(&queue.create_run(&new_run("a")).await.unwrap_err());

    assert!(refused.contains("docs/redis.md") && refused.contains("evalsha"), "{refused}");
    assert_eq!(queue.settings_warnings().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn tls_on_one_side_only_is_told() {
    let certificates = Certificates::of(&["localhost"]);
    let port = free_port();
    let options = certificates.of_redis(port);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let redis = RedisServer::start_with(&options);

    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let mut connections = || -> u64 {
        let told: String = redis::cmd("INFO").arg("stats").query(&mut connection).unwrap();
        let line = told.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
        line.unwrap().trim().parse().unwrap()
    };
    let before = connections();
    let no_tls = refusal(&redis.url().replace("redis:", "rediss:")).await;
    // The handshake, which Redis never answers, is not tried again: one question without TLS shows that.
    assert_eq!(connections() - before, 2);
    assert!(no_tls.contains("redis has another port for TLS"), "{no_tls}");
    let not_plain = refusal(&format!("redis://localhost:{port}")).await;
    assert!(not_plain.contains("write rediss://"), "{not_plain}");
    let untrusted = refusal(&format!("rediss://localhost:{port}")).await;
    assert!(untrusted.contains("set SSL_CERT_FILE"), "{untrusted}");
}

/// Of one node, which has only some of the slots: those of `{batch-sync}` are missing.
#[tokio::test]
async fn a_cluster_that_cannot_be_used_is_explained() {
    let bus = free_port().to_string();
    let redis = RedisServer::start_with(&["--cluster-enabled", "yes", "--cluster-port", &bus]);
    let mut plain = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let words = ["ADDSLOTSRANGE", "1000", "16383"];
    let () = redis::cmd("CLUSTER").arg(&words).query(&mut plain).unwrap();
    let cluster = redis.url().replace("redis:", "redis+cluster:");

    let numbered = refusal(&format!("{}/3", redis.url())).await;
    assert!(numbered.contains("QUEUE_NAME"), "{numbered}");
    let numbered = refusal(&format!("{cluster}/3")).await;
    assert!(numbered.contains("QUEUE_NAME"), "{numbered}");
    let unassigned = refusal(&cluster).await;
    assert!(unassigned.contains("slot 550"), "{unassigned}");

    let single = RedisServer::start();
    let none = refusal(&single.url().replace("redis:", "redis+cluster:")).await;
    assert!(none.contains("for a redis that is no cluster write redis://"), "{none}");
}

/// The error, and whether a person has to act: then a program ends with code 2.
async fn refused(url: &str) -> (String, bool) {
    let error = Queue::connect(&QueueArgs::at(url)).await.unwrap_err();
    (printed(&error), error.is_for_a_person())
}

#[tokio::test]
async fn a_node_of_a_cluster_that_refuses_is_named_with_what_a_single_server_says() {
    let bus = free_port().to_string();
    let node = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--requirepass", "secret"];
    let redis = RedisServer::start_with(&node);
    let at = redis.url().replace("redis://", "");
    let admin = redis.url().replace("redis://", "redis://:secret@");
    let mut admin = redis::Client::open(admin).unwrap().get_connection().unwrap();
    let words = ["SETUSER", "some", "on", ">word", "~*", "-@all", "+@connection", "+@read"];
    let () = redis::cmd("ACL").arg(&words).query(&mut admin).unwrap();

    for (user, says) in [
        ("", "asks for a password"),
        (":hunter2@", "does not know this user and password"),
        ("some:word@", "+cluster|slots"),
    ] {
        // One of the nodes is down.
        let (said, is_for_a_person) =
            refused(&format!("redis+cluster://{user}127.0.0.1:1,{at}")).await;
        assert!(said.contains(says) && said.contains(&at), "{said}");
        assert!(is_for_a_person && !said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn a_sentinel_that_refuses_is_named_with_the_setting_that_is_missing() {
    let redis = RedisServer::start();
    let sentinel = RedisSentinel::start_with("orders", &redis, "requirepass secret\n");
    let url = format!("redis+sentinel://{}/orders", sentinel.address());
    let mut args = QueueArgs::at(&url);
    let mut says = Vec::new();
    for password in [None, Some("hunter2")] {
        args.redis_sentinel_password = password.map(Into::into);
        let error = Queue::connect(&args).await.unwrap_err();
        assert!(error.is_for_a_person(), "{error:?}");
        says.push(printed(&error));
    }
    for said in says {
        assert!(
            said.contains(&format!("the Sentinel at {}", sentinel.address()))
                && said.contains("REDIS_SENTINEL_PASSWORD")
                && !said.contains("hunter2"),
            "{said}"
        );
    }
    args.redis_sentinel_password = Some("secret".into());
    Queue::connect(&args).await.unwrap();

    args.redis_url = url.replace("orders", "unknown").into();
    let unknown = Queue::connect(&args).await.unwrap_err();
    assert!(printed(&unknown).contains("knows the master of unknown") && unknown.is_for_a_person());
}

#[tokio::test]
async fn a_certificate_is_explained_in_a_cluster_and_by_sentinels_too() {
    let certificates = Certificates::of(&["localhost"]);
    let port = free_port();
    let options = certificates.of_redis(port);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let _redis = RedisServer::start_with(&options);

    for url in ["rediss+cluster://localhost:PORT", "rediss+sentinel://localhost:PORT/orders"] {
        let (untrusted, is_for_a_person) = refused(&url.replace("PORT", &port.to_string())).await;
        assert!(untrusted.contains(&format!("at localhost:{port}")), "{untrusted}");
        assert!(untrusted.contains("set SSL_CERT_FILE") && is_for_a_person, "{untrusted}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told() {
    let redis = RedisServer::start();

    let (said, is_for_a_person) = refused(&format!("{}/99", redis.url())).await;

    assert!(said.contains("refuses the database") && said.contains("out of range"), "{said}");
    assert!(is_for_a_person);
}

#[tokio::test]
async fn a_redis_that_takes_no_more_connections_is_told_from_one_that_speaks_tls() {
    let redis = RedisServer::start();
    let mut admin = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let words = ["SET", "maxclients", "1"];
    let () = redis::cmd("CONFIG").arg(&words).query(&mut admin).unwrap();

    for url in [redis.url(), redis.url().replace("redis:", "redis+cluster:")] {
        let (said, is_for_a_person) = refused(&url).await;
        assert!(said.contains("maxclients") && !said.contains("TLS"), "{said}");
        assert!(!is_for_a_person, "{said}");
    }
}

#[tokio::test]
async fn what_is_written_for_valkey_works() {
    let redis = RedisServer::start();
    let url = redis.url().replace("redis://", "valkey://");

    let queue = Queue::connect(&QueueArgs::at(&url)).await.unwrap();

    assert!(queue.has_room().await.unwrap());
}

/// A Sentinel that names a master which is dead, as until it has found that out.
#[tokio::test]
async fn a_failover_is_waited_for_by_who_starts_and_a_person_hears_of_it() {
    let mut redis = RedisServer::start();
    let sentinel = RedisSentinel::start("orders", &redis);
    let args = QueueArgs::at(&format!("redis+sentinel://{}/orders", sentinel.address()));
    redis.kill();

    let mut starting = std::pin::pin!(Queue::connect(&args));
    let waiting = tokio::select! {
        started = &mut starting => panic!("it did not wait: {started:?}"),
        person = Queue::connect_for_a_person(&args) => person.unwrap_err(),
    };

    assert!(printed(&waiting).contains("does not answer"), "{waiting:?}");
    redis.start_again();
    starting.await.unwrap();
}
