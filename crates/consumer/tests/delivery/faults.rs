use std::process::ExitCode;

use salesforce_simulator::{Config, Fault, Faults, PlannedFault, RowErrorRule, Simulator};

use super::{
    failing_proxy::FailingProxy,
    support::{Scene, good_batches},
};

/// Runs 20 batches past this fault; all rows have to arrive.
async fn all_arrive_in_spite_of(fault: PlannedFault) -> Scene {
    let scene = Scene::new().await;
    let kind = fault.fault;
    scene.plan(fault.after(3));
    scene.feed("faulty", &good_batches(20)).await;

    let consumer = scene.consumer(&[]);
    let ledger = scene.delivered("faulty").await;

    assert_eq!(ledger.tally.created + ledger.tally.updated, 2_000, "{kind:?}");
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 2_000, "{kind:?}");
    assert!(scene.salesforce.state().faults[&kind] > 0, "{kind:?} did not strike");
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
    scene
}

#[tokio::test]
async fn no_passing_error_of_a_call_costs_a_row() {
    let scene = Scene::new().await;
    let errors = [
        (420, "", ""),
        (400, "EXCEEDED_ID_LIMIT", "record limit reached"),
        (400, "TXN_SECURITY_METERING_ERROR", "We can't complete the action"),
        (400, "QUERY_TIMEOUT", ""),
        (400, "REQUEST_RUNNING_TOO_LONG", ""),
        (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access"),
        (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
        (500, "APEX_ERROR", ""),
        (504, "", "<html>"),
    ];
    for (status, code, message) in errors {
        scene.plan(PlannedFault::refusing(status, code, message));
    }
    scene.feed("refused", &good_batches(20)).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.delivered("refused").await;

    assert_eq!(ledger.tally.created, 2_000);
    assert_eq!(scene.salesforce.state().faults[&Fault::Refused], errors.len() as u64);
}

#[tokio::test]
async fn no_passing_error_of_a_row_costs_that_row() {
    let rule = |(key, code, message): (&str, &str, &str)| RowErrorRule {
        key_prefix: format!("E-0000{key}"),
        status_code: code.to_owned(),
        message: message.to_owned(),
        times: Some(1),
    };
    let rules = [
        ("00", "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access"),
        ("11", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "LeadTrigger: UNABLE_TO_LOCK_ROW, busy"),
        ("12", "CANNOT_EXECUTE_FLOW_TRIGGER", "flow: UNABLE_TO_LOCK_ROW, busy"),
        ("13", "CANNOT_EXECUTE_FLOW_TRIGGER", "flow: System.LimitException: Too many DML rows"),
        ("22", "UNKNOWN_EXCEPTION", ""),
        ("23", "UNKNOWN_EXCEPTION", "ConcurrentPerOrgLongTxn Limit exceeded."),
        ("33", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back"),
        ("44", "TXN_SECURITY_METERING_ERROR", ""),
        ("55", "APEX_TIMEOUT", "Apex CPU time limit exceeded"),
        ("66", "LIMIT_EXCEEDED", "Too many SOQL queries: 101"),
        ("77", "DUPLICATE_VALUE", "duplicate value found: F duplicates value on record with id"),
        ("88", "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."),
    ];
    let row_errors = rules.map(rule).to_vec();
    let scene = Scene::with_faults(Faults { row_errors, ..Faults::default() }).await;
    scene.feed("rows", &good_batches(1)).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.delivered("rows").await;

    assert_eq!((ledger.tally.created, ledger.tally.retried), (100, rules.len() as u64));
    assert_eq!(scene.salesforce.state().faults[&Fault::RowRule], rules.len() as u64);
}

#[tokio::test]
async fn a_session_that_ends_in_mid_run_is_renewed() {
    let scene = all_arrive_in_spite_of(PlannedFault::once(Fault::SessionExpired)).await;

    assert_eq!(scene.salesforce.state().logins, 2);
}

#[tokio::test]
async fn a_throttled_call_is_repeated_when_the_server_wants_it() {
    let scene = all_arrive_in_spite_of(PlannedFault::once(Fault::Throttled)).await;

    let log = scene.salesforce.requests();
    let throttled = log.iter().position(|request| request.status == Some(429)).unwrap();
    // Calls in flight at that moment may still be answered; then all wait as long as asked.
    let pause = log[throttled..].windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).max();
    assert!((950..2_000).contains(&pause.unwrap()), "{pause:?}");
}

#[tokio::test]
async fn too_many_calls_at_once_are_waited_out() {
    all_arrive_in_spite_of(PlannedFault::once(Fault::ConcurrentLimit)).await;
}

#[tokio::test]
async fn an_unavailable_salesforce_is_waited_out() {
    all_arrive_in_spite_of(PlannedFault::once(Fault::Unavailable).times(5)).await;
}

#[tokio::test]
async fn a_page_of_a_gateway_is_waited_out() {
    all_arrive_in_spite_of(PlannedFault::once(Fault::BadGateway).times(2)).await;
}

#[tokio::test]
async fn a_server_error_is_repeated() {
    all_arrive_in_spite_of(PlannedFault::once(Fault::ServerError).times(2)).await;
}

#[tokio::test]
async fn a_reset_connection_is_opened_again() {
    all_arrive_in_spite_of(PlannedFault::once(Fault::Reset).times(2)).await;
}

#[tokio::test]
async fn rows_of_a_lost_answer_are_upserted_again() {
    let scene = all_arrive_in_spite_of(PlannedFault::once(Fault::AnswerLost)).await;

    assert_eq!(scene.writes().await, 2_100, "100 rows were stored twice, over themselves");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    all_arrive_in_spite_of(PlannedFault::once(Fault::AnswerCut)).await;
}

#[tokio::test]
async fn results_are_never_matched_when_one_is_missing() {
    let scene = all_arrive_in_spite_of(PlannedFault::once(Fault::WrongCount)).await;

    assert_eq!(scene.writes().await, 2_100, "no row of that call counts as delivered");
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let scene = all_arrive_in_spite_of(PlannedFault::once(Fault::SlowDrip)).await;

    assert_eq!(scene.writes().await, 2_000);
}

#[tokio::test]
async fn locked_rows_are_sent_again_and_no_others() {
    let scene = Scene::with_faults(Faults { row_lock_permille: 50, ..Faults::default() }).await;
    scene.feed("locks", &good_batches(10)).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.delivered("locks").await;

    let locked = scene.salesforce.state().faults[&Fault::RowLocked];
    assert!(
        ledger.tally.retried >= locked && ledger.tally.retried < 200,
        "{} of {locked}",
        ledger.tally.retried
    );
    assert_eq!(scene.writes().await, 1_000);
}

#[tokio::test]
async fn a_call_that_always_fails_is_halved_down_to_the_row_that_makes_it_fail() {
    let scene = Scene::new().await;
    let proxy =
        FailingProxy::before(&scene.salesforce.url(), "E-000742", 500, "UNKNOWN_EXCEPTION").await;
    scene.feed("guilty", &good_batches(20)).await;

    let _consumer = scene.consumer(&proxy.arguments());
    let ledger = scene.ended("guilty").await;

    assert_eq!((ledger.tally.created, ledger.rejected), (1_999, 1));
    assert_eq!(ledger.rejected_by_code["UNKNOWN_EXCEPTION"], 1);
    assert!(scene.rejects("guilty").await[0].starts_with("E-000742,"));
    // The whole three times, two halves on each of seven levels, and the last row three times more in each
    // of six passes at most: too few others get through meanwhile to blame it sooner.
    assert!(ledger.tally.api_calls <= 19 + 3 + 14 + 18, "{}", ledger.tally.api_calls);
}

#[tokio::test]
async fn a_row_is_not_blamed_while_no_other_gets_through() {
    let scene = Scene::new().await;
    // Reading works and writing does not.
    scene.plan(PlannedFault::once(Fault::ServerError).times(4));
    scene.feed("lone", &[vec!["E-1,Ames,Acme,"]]).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.delivered("lone").await;

    assert_eq!((ledger.tally.created, ledger.tally.retried), (1, 4));
}

#[tokio::test]
async fn when_everything_fails_no_row_is_blamed() {
    let scene = Scene::new().await;
    scene.feed("outage", &good_batches(1)).await;
    let consumer = scene.consumer(&[]);
    scene.delivered("outage").await;
    scene.feed("during", &good_batches(1)).await;

    // Also what is asked instead of the call fails.
    scene.salesforce.plan(PlannedFault::once(Fault::ServerError).times(6));
    let ledger = scene.delivered("during").await;

    assert_eq!(ledger.tally.updated, 100);
    let writes = scene.salesforce.requests().into_iter().filter(|request| request.rows > 0);
    assert!(writes.into_iter().all(|request| request.rows == 100), "no call was halved");
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn governor_limits_are_met_with_smaller_calls() {
    let limit = RowErrorRule {
        key_prefix: "E-".to_owned(),
        status_code: "LIMIT_EXCEEDED".to_owned(),
        message: "Too many SOQL queries: 101".to_owned(),
        times: Some(100),
    };
    let scene = Scene::with_faults(Faults { row_errors: vec![limit], ..Faults::default() }).await;
    scene.feed("governor", &good_batches(1)).await;

    let _consumer = scene.consumer(&[]);
    let ledger = scene.delivered("governor").await;

    assert_eq!((ledger.tally.api_calls, ledger.tally.retried), (3, 100));
}

#[tokio::test]
async fn an_insert_of_unknown_outcome_is_not_repeated() {
    let scene = Scene::new().await;
    scene.feed_with(&["--salesforce-operation=insert"], "insert", &good_batches(2)).await;
    scene.salesforce.plan(PlannedFault::once(Fault::AnswerLost).on("/composite/"));

    let _consumer = scene.consumer(&[]);
    let ledger = scene.ended("insert").await;

    assert_eq!((ledger.tally.created, ledger.rejected), (100, 100));
    assert_eq!(ledger.rejected_by_code["UNKNOWN_OUTCOME"], 100);
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 200, "no row is there twice");
}

#[tokio::test]
async fn a_salesforce_that_goes_away_and_comes_back_is_waited_for() {
    let mut scene = Scene::with_faults(Faults { latency_ms: 50, ..Faults::default() }).await;
    scene.feed("away", &good_batches(40)).await;
    let consumer = scene.consumer(&[]);
    scene.stored(400).await;

    let address = scene.salesforce.address();
    let again = Config { listen: address, ..Config::default() };
    let elsewhere = Simulator::start(Config::default()).await.unwrap();
    std::mem::replace(&mut scene.salesforce, elsewhere).shutdown().await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    scene.salesforce = Simulator::start(again).await.unwrap();

    let ledger = scene.delivered("away").await;
    assert_eq!(ledger.tally.created, 4_000);
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn a_redis_that_goes_away_and_comes_back_is_waited_for() {
    let mut scene = Scene::with_faults(Faults { latency_ms: 50, ..Faults::default() }).await;
    scene.feed("redis", &good_batches(40)).await;
    // What is on disk survives a kill; everysec writes it once a second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let consumer = scene.consumer(&[]);
    scene.stored(400).await;

    scene.redis.kill();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    scene.redis.start_again();

    let ledger = scene.delivered("redis").await;
    assert_eq!(ledger.tally.created + ledger.tally.updated, 4_000);
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 4_000);
    consumer.stop().await.unwrap();
}
