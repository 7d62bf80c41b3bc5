//! Runs that cannot be undone start when the request says that they are meant.

use serde_json::{Value, json};

use crate::support::{Server, Services};

async fn runs(server: &Server) -> usize {
    server.get("/api/sync").await.json()["runs"].as_array().unwrap().len()
}

#[tokio::test]
async fn what_cannot_be_undone_is_refused_until_it_is_confirmed() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    for operation in ["insert", "delete", "hard-delete"] {
        let load = json!({"object": "Lead", "operation": operation});
        let body =
            |confirm: Value| json!({"fileName": "rows.csv", "load": load, "confirm": confirm});
        let unsaid = json!({"fileName": "rows.csv", "load": load});
        let before = runs(&server).await;

        for body in [unsaid, body(json!(false))] {
            let refused = server.post_json("/api/sync/start", &body).await;
            assert_eq!(refused.status, 409, "{refused:?}");
            assert!(refused.error().contains("\"confirm\": true"), "{refused:?}");
            let asked = refused.json()["confirm"].as_str().unwrap().to_owned();
            assert!(asked.starts_with(&format!("{operation} Lead")), "{asked}");
            assert!(asked.contains(" from rows.csv: ") && !asked.contains("confirm"), "{asked}");
        }
        assert_eq!(runs(&server).await, before);

        let started = server.post_json("/api/sync/start", &body(json!(true))).await;
        assert_eq!(started.status, 202, "{started:?}");
        server.post(&format!("/api/sync/{}/cancel", started.run())).await;
        server.report(&started.run(), |report| report["status"] == "cancelled").await;
    }
    let upsert = json!({"object": "Lead", "externalId": "Key__c"});
    let body = json!({"fileName": "rows.csv", "load": upsert});
    assert_eq!(server.post_json("/api/sync/start", &body).await.status, 202);
}

#[tokio::test]
async fn a_yes_has_to_be_one() {
    let services = Services::start().await;
    let server = services.serve().await;
    for confirm in [json!("yes"), json!(1), Value::Null] {
        let body = json!({"fileName": "rows.csv", "confirm": confirm});
        let refused = server.post_json("/api/sync/start", &body).await;
        assert_eq!(refused.status, 400, "{confirm}: {refused:?}");
    }
}
