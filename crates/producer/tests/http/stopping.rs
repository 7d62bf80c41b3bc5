//! Health, and how a server ends.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::{Deliverer, Services, half_fed_run, half_fed_run_with};

#[tokio::test]
async fn a_stopped_server_hands_its_runs_on_at_once() {
    // A run that was not handed on would stay with the dead for an hour.
    let (services, first, run) = half_fed_run_with(&[("QUEUE_LEASE", "1h")]).await;
    let second = services.serve().await;

    let asked = Instant::now();
    first.terminate().await;
    let (code, said) = first.end().await;

    assert_eq!(code, Some(0), "{said}");
    assert!(asked.elapsed() < Duration::from_secs(8), "{said}");
    Deliverer::new(&services).await.deliver(10).await;
    let report = second.report(&run, |report| report["status"] == "completed").await;
    assert_eq!(report["delivered"], 100);
}

#[tokio::test]
async fn a_killed_server_is_replaced_at_the_checkpoint() {
    let (services, first, run) = half_fed_run().await;

    first.kill().await;

    let second = services.serve().await;
    Deliverer::new(&services).await.deliver(10).await;
    let report = second.report(&run, |report| report["status"] == "completed").await;
    assert_eq!((&report["read"], &report["delivered"]), (&100.into(), &100.into()));
}

#[tokio::test]
async fn a_server_without_redis_is_alive_and_not_ready() {
    let mut services = Services::start().await;
    let server = services.serve().await;
    assert_eq!(server.get("/readyz").await.status, 200);

    services.redis.kill();

    let mut ready = server.get("/readyz").await;
    while ready.status == 200 {
        sleep(Duration::from_millis(100)).await;
        ready = server.get("/readyz").await;
    }
    assert_eq!((ready.status, ready.error().as_str()), (503, "redis does not answer"));
    assert_eq!(ready.header("retry-after"), "5");
    assert_eq!(server.get("/livez").await.status, 200);
    assert_eq!(server.get("/metrics").await.status, 200);
    services.redis.start_again();
    while server.get("/readyz").await.status != 200 {
        sleep(Duration::from_millis(100)).await;
    }
}
