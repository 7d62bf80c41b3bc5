//! Records by their keys.

use salesforce::{CountQuery, KeyQuery, Literal, Recorded, Refusal};
use salesforce_simulator::{Fault, PlannedFault};

use jiff::{SignedDuration, Timestamp};

use super::support::{ROWS, client, client_with_token, server_that_answers, simulator, write};

/// A query for these leads by their external ids.
fn leads(keys: &[&str]) -> KeyQuery {
    let mut query = KeyQuery::new("Lead", "External_Id__c", 200, 12_000);
    assert!(keys.iter().all(|key| query.push(Literal::Text(key))));
    query
}

#[tokio::test]
async fn records_are_found_by_their_keys() {
    let simulator = simulator().await;
    let client = client(&simulator.url());
    write(&client).await.unwrap();

    let some = client.find(&leads(&["e-1", "nobody", "E-99"])).await.unwrap();
    let none = client.find(&leads(&["it's nobody"])).await.unwrap();

    let mut keys: Vec<&str> = some.records.iter().map(|record| record.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!((keys, some.are_all), (vec![r#""E-1""#, r#""E-99""#], true));
    assert!(
        some.records.iter().all(|record| record.id.starts_with("00Q") && record.id.len() == 18)
    );
    assert!(none.records.is_empty() && none.are_all);
    let shown = format!("{some:?} {:?} {:?}", leads(&["E-1"]), Literal::Text("E-1"));
    assert!(!shown.contains("E-1"), "a key is a row's value: {shown}");
}

#[tokio::test]
async fn a_query_is_one_line_that_names_keys_in_quotes() {
    let (url, served) = server_that_answers(b"HTTP/1.1 500 x\r\n\r\n".to_vec()).await;

    let refused = client_with_token(&url, "00D!x").find(&leads(&["It's", "ü"])).await;

    let expected = "GET /services/data/v62.0/query?q=SELECT+Id%2CExternal_Id__c+FROM+Lead+WHERE+\
                    External_Id__c+IN+%28%27It%5C%27s%27%2C%27%C3%BC%27%29+LIMIT+4 HTTP/1.1";
    let head = served.await.unwrap();
    assert!(head.contains(expected), "{head}");
    assert!(matches!(refused, Err(Refusal::Answered(answer)) if answer.status == 500));
}

#[tokio::test]
async fn an_answer_that_is_none_is_told_from_one_without_records() {
    let simulator = simulator().await;
    let client = client(&simulator.url());
    simulator.plan(PlannedFault::once(Fault::AnswerCut).on("/query"));
    let cut = client.find(&leads(&["a"])).await;
    simulator.plan(PlannedFault::refusing(400, "INVALID_FIELD", "No such column").on("/query"));
    let refused = client.find(&leads(&["a"])).await;
    let page = "<html>maintenance</html>";
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}", page.len());
    let (url, _served) = server_that_answers(answer.into()).await;
    let odd = client_with_token(&url, "00D!x").find(&leads(&["a"])).await;

    assert!(matches!(cut, Err(Refusal::OutcomeUnknown { .. })), "{cut:?}");
    assert!(matches!(odd, Err(Refusal::OutcomeUnknown { .. })), "{odd:?}");
    let Err(Refusal::Answered(answer)) = refused else { panic!("{refused:?}") };
    assert_eq!(answer.code.as_deref(), Some("INVALID_FIELD"));
}

/// A count of leads of the simulator's user, from a minute ago until some seconds from now.
fn count(recorded: Recorded, seconds: i64) -> CountQuery {
    let now = Timestamp::now();
    CountQuery {
        object: "Lead".to_owned(),
        user: "005S1000000SimuIAC".to_owned(),
        recorded,
        from: now - SignedDuration::from_mins(1),
        to: now + SignedDuration::from_secs(seconds),
    }
}

#[tokio::test]
async fn records_are_counted_by_what_the_user_did_with_them() {
    let simulator = simulator().await;
    let client = client(&simulator.url());
    write(&client).await.unwrap();
    let rows = ROWS as u64;

    for (recorded, seconds, expected) in [
        (Recorded::Created, 60, rows),
        (Recorded::Changed, 60, rows),
        (Recorded::CreatedAndDeleted, 60, 0),
        (Recorded::Deleted, 60, 0),
        (Recorded::Created, -30, 0),
    ] {
        let counted = client.count(&count(recorded, seconds)).await.unwrap();

        assert_eq!(counted.records, expected, "{recorded:?}");
        let clock = counted.at_ms.expect("every answer says the time");
        assert!((clock - Timestamp::now().as_millisecond()).abs() < 60_000);
    }
}

#[tokio::test]
async fn a_count_is_one_query_and_no_record_is_sent_for_it() {
    let (url, served) = server_that_answers(b"HTTP/1.1 500 x\r\n\r\n".to_vec()).await;
    let query = CountQuery {
        from: "2026-11-23T10:15:07Z".parse().unwrap(),
        to: "2026-11-23T10:20:00Z".parse().unwrap(),
        ..count(Recorded::CreatedAndDeleted, 0)
    };

    let refused = client_with_token(&url, "00D!x").count(&query).await;

    let expected = "GET /services/data/v62.0/queryAll?q=SELECT+COUNT%28%29+FROM+Lead+WHERE+CreatedById+%3D+\
                    %27005S1000000SimuIAC%27+AND+CreatedDate+%3E%3D+2026-11-23T10%3A15%3A07Z+AND+CreatedDate\
                    +%3C%3D+2026-11-23T10%3A20%3A00Z+AND+IsDeleted+%3D+true HTTP/1.1";
    let head = served.await.unwrap();
    assert!(head.contains(expected), "{head}");
    assert!(matches!(refused, Err(Refusal::Answered(answer)) if answer.status == 500));
}

#[tokio::test]
async fn an_answer_without_a_number_is_no_count() {
    let simulator = simulator().await;
    let client = client(&simulator.url());
    simulator.plan(PlannedFault::once(Fault::AnswerCut).on("/query"));
    let cut = client.count(&count(Recorded::Created, 60)).await;
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"done\":true}".to_vec();
    let (url, _served) = server_that_answers(answer).await;
    let odd = client_with_token(&url, "00D!x").count(&count(Recorded::Created, 60)).await;

    assert!(matches!(cut, Err(Refusal::OutcomeUnknown { .. })), "{cut:?}");
    assert!(matches!(odd, Err(Refusal::OutcomeUnknown { .. })), "{odd:?}");
}
