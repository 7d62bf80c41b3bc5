//! What the programs say when Redis does not let them in: what to do, and no secret.

use std::error::Error;

use job_queue::{Queue, QueueArgs, QueueError};
use test_support::{Certificates, RedisServer, free_port};

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

    let no_tls = refusal(&redis.url().replace("redis:", "rediss:")).await;
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
