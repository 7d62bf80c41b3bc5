use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, Uri},
};
use salesforce::{Client, Connection, Credentials, Destination, ErrorAnswer, Payload, Refusal};
use salesforce_simulator::{Config, Fault, Faults, PlannedFault, Simulator};
use tokio::{net::TcpListener, sync::mpsc::Receiver};

use super::support::{
    ROWS, client, client_with_token, connection, refusal, server_that_answers, simulator,
    simulator_that, write,
};

async fn answer_to(fault: Fault) -> ErrorAnswer {
    let simulator = simulator_that(PlannedFault::once(fault)).await;
    match write(&client(&simulator.url())).await {
        Err(Refusal::Answered(answer)) => answer,
        other => panic!("{fault:?} gave {other:?}"),
    }
}

/// What is said of a call whose outcome is unknown although its rows are stored.
async fn unknown_after(fault: Fault) -> String {
    let simulator = simulator_that(PlannedFault::once(fault)).await;
    let outcome = write(&client(&simulator.url())).await;
    assert_eq!(simulator.state().objects["Lead"].rows, ROWS as u64, "{fault:?}");
    match outcome {
        Err(Refusal::OutcomeUnknown { cause }) => cause,
        other => panic!("{fault:?} gave {other:?}"),
    }
}

#[tokio::test]
async fn rows_are_created_and_then_updated() {
    let simulator = simulator().await;
    let client = client(&simulator.url());

    let first = write(&client).await.unwrap();
    let second = write(&client).await.unwrap();

    assert!(first.iter().all(|row| row.success && row.created == Some(true)));
    assert!(second.iter().all(|row| row.success && row.created == Some(false)));
    assert_eq!(first.len(), ROWS);
}

#[tokio::test]
async fn an_answer_about_the_whole_call_keeps_its_code() {
    for (fault, status, code, message) in [
        (Fault::Unavailable, 503, Some("SERVER_UNAVAILABLE"), ""),
        (Fault::ServerError, 500, Some("UNKNOWN_EXCEPTION"), "ErrorId"),
        (Fault::ConcurrentLimit, 403, Some("REQUEST_LIMIT_EXCEEDED"), "ConcurrentRequests"),
        (Fault::TotalLimit, 403, Some("REQUEST_LIMIT_EXCEEDED"), "TotalRequests"),
        (Fault::BadGateway, 502, None, "an HTML page"),
    ] {
        let answer = answer_to(fault).await;

        assert_eq!((answer.status, answer.code.as_deref()), (status, code), "{fault:?}");
        assert!(answer.message.contains(message), "{fault:?}: {}", answer.message);
    }
}

#[tokio::test]
async fn the_wait_that_a_server_asks_for_is_read() {
    let faults = Faults { retry_after_seconds: 7, ..Faults::default() };
    let simulator = Simulator::start(Config { faults, ..Config::default() }).await.unwrap();
    simulator.plan(PlannedFault::once(Fault::Throttled).on("/composite/"));

    let Err(Refusal::Answered(answer)) = write(&client(&simulator.url())).await else {
        panic!("the call was throttled");
    };

    assert_eq!((answer.status, answer.retry_after), (429, Some(Duration::from_secs(7))));
}

#[tokio::test]
async fn an_answer_that_is_lost_cut_or_short_leaves_the_outcome_unknown() {
    unknown_after(Fault::AnswerLost).await;
    unknown_after(Fault::AnswerCut).await;

    let short = unknown_after(Fault::WrongCount).await;

    assert_eq!(short, "the answer has 99 results for 100 rows");
}

#[tokio::test]
async fn a_slow_answer_is_read_to_its_end_unless_it_takes_too_long() {
    let simulator = simulator().await;
    let drip = || simulator.plan(PlannedFault::once(Fault::SlowDrip).on("/composite/"));
    let hasty = Connection { timeout: Duration::from_millis(500), ..connection(&simulator.url()) };

    drip();
    let patient = write(&client(&simulator.url())).await;
    drip();
    let cut_off = write(&Client::new(hasty).unwrap()).await;

    assert_eq!(patient.unwrap().len(), ROWS);
    let Err(Refusal::OutcomeUnknown { cause }) = cut_off else {
        panic!("{cut_off:?}");
    };
    assert!(cause.contains("timed out"), "{cause}");
}

#[tokio::test]
async fn only_without_a_connection_is_it_certain_that_nothing_was_sent() {
    let refused = write(&client_with_token("http://127.0.0.1:1", "00D!x")).await;
    let (url, _served) = server_that_answers(Vec::new()).await;
    let closed = write(&client_with_token(&url, "00D!x")).await;

    assert!(matches!(refused, Err(Refusal::NotSent { .. })), "{refused:?}");
    assert!(matches!(closed, Err(Refusal::OutcomeUnknown { .. })), "{closed:?}");
}

#[tokio::test]
async fn a_call_says_who_asks_and_takes_packed_answers() {
    let body = "[]";
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (url, served) = server_that_answers(answer.into()).await;

    let _short = write(&client_with_token(&url, "00D!secret")).await;

    let request = served.await.unwrap();
    let head = request.to_ascii_lowercase();
    for expected in [
        "patch /services/data/v62.0/composite/sobjects/lead/external_id__c http/1.1",
        "authorization: bearer 00d!secret",
        "sforce-call-options: client=batch-sync",
        "content-type: application/json",
        "accept-encoding: gzip",
    ] {
        assert!(head.contains(expected), "{expected} is not in {head}");
    }
}

#[tokio::test]
async fn a_call_carries_the_headers_that_are_set() {
    let (url, served) = server_that_answers(b"HTTP/1.1 500 x\r\n\r\n".to_vec()).await;
    let named = Connection { client_name: "acme nightly".to_owned(), ..connection(&url) };
    let credentials =
        Credentials::Token { instance_url: url.parse().unwrap(), access_token: "00D!x".into() };
    let client = Client::new(Connection { credentials, ..named }).unwrap();
    let destination = Destination::update().assigned_by("01Qxx0000004C92").with_duplicates();

    let _refused = client.write(&destination, Payload::Records("[{]}".into()), 1).await;

    let head = served.await.unwrap();
    for expected in [
        "PATCH /services/data/v62.0/composite/sobjects HTTP/1.1",
        "sforce-call-options: client=acme nightly",
        "sforce-auto-assign: 01Qxx0000004C92",
        "sforce-duplicate-rule-header: allowSave=true; includeRecordDetails=false; \
         runAsCurrentUser=true",
    ] {
        assert!(head.contains(expected), "{expected} is not in {head}");
    }
}

#[tokio::test]
async fn what_is_sent_may_be_packed() {
    let simulator = simulator().await;
    let (url, mut bodies) = passing_on(simulator.url()).await;
    let packing = Connection { gzip: true, ..connection(&url) };

    let results = write(&Client::new(packing).unwrap()).await.unwrap();

    assert!(results.iter().all(|row| row.success));
    let (encoding, packed) = bodies.recv().await.unwrap();
    assert_eq!(encoding.as_deref(), Some("gzip"));
    assert!(packed < 2_000, "{packed} bytes for {ROWS} rows");
}

/// A server before Salesforce that says how rows are packed, and in how many bytes.
async fn passing_on(salesforce: String) -> (String, Receiver<(Option<String>, usize)>) {
    let (say, said) = tokio::sync::mpsc::channel(10);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let own_url = url.clone();
    let router =
        Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let url = format!("{salesforce}{uri}");
            let (say, salesforce, own_url) = (say.clone(), salesforce.clone(), own_url.clone());
            async move {
                if uri.path().contains("/composite/") {
                    let encoding = headers.get("content-encoding");
                    let encoding = encoding.map(|value| value.to_str().unwrap().to_owned());
                    say.send((encoding, body.len())).await.unwrap();
                }
                let answer =
                    reqwest::Client::new().request(method, url).headers(headers).body(body).send();
                // The login names the host where the calls go.
                answer.await.unwrap().text().await.unwrap().replace(&salesforce, &own_url)
            }
        });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, said)
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    answer.resize(20 << 20, b' ');
    let (url, _served) = server_that_answers(answer).await;

    let words = refusal(&client_with_token(&url, "00D!x")).await;

    assert_eq!(words, "the answer is longer than 8 MiB");
}

#[tokio::test]
async fn a_page_with_status_200_is_no_answer() {
    for (content_type, page) in [
        ("", "<html>please sign in</html>"),
        ("content-type: Text/HTML; charset=utf-8\r\n", "[]"),
        ("content-type: application/json\r\n", " <!doctype html><body>"),
    ] {
        let length = page.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\n{content_type}content-length: {length}\r\n\r\n{page}");
        let (url, _served) = server_that_answers(answer.into()).await;

        let refusal = write(&client_with_token(&url, "00D!x")).await.unwrap_err();

        assert!(matches!(refusal, Refusal::OutcomeUnknown { .. }), "{refusal}");
        assert_eq!(refusal.to_string(), "HTTP 200 with an HTML page instead of an answer");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (url, _served) = server_that_answers(answer.into()).await;

    assert_eq!(refusal(&client_with_token(&url, "00D!x")).await, "HTTP 302");
}

#[tokio::test]
async fn a_session_that_no_login_can_mend_is_not_renewed() {
    let body = r#"[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]"#;
    let answer =
        format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (url, _served) = server_that_answers(answer.into()).await;

    let words = refusal(&client_with_token(&url, "00D!x")).await;

    assert!(words.contains("give the app the scope `api`"), "{words}");
}

#[tokio::test]
async fn whether_salesforce_answers_at_all_can_be_asked() {
    let simulator = simulator().await;
    let client = client(&simulator.url());

    assert!(client.is_answering().await);
    simulator.plan(PlannedFault::once(Fault::BadGateway).on("/limits"));
    assert!(!client.is_answering().await);
    simulator.plan(PlannedFault::once(Fault::ConcurrentLimit).on("/limits"));
    assert!(client.is_answering().await, "a refusal is an answer");
}
