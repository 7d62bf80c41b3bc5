//! What the tests ask with.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use salesforce_simulator::{Config, Faults, Simulator};
use serde_json::{Value, json};

pub(crate) const LEADS: &str = "/composite/sobjects/Lead/External_Id__c";

/// A simulator and a client that is logged in to it.
pub(crate) struct Org {
    pub(crate) simulator: Simulator,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
    version: &'static str,
}

/// Status and JSON of an answer; null when there is no body.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) json: Value,
}

impl Org {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with_faults(faults: Faults) -> Self {
        Self::with(Config { faults, ..Config::default() }).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        tls::provide();
        let simulator = Simulator::start(config).await.unwrap();
        let http =
            reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
        let token = simulator.issue_token();
        Self { simulator, http, token, version: "v62.0" }
    }

    pub(crate) fn at_version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// A request to any path of the simulator, without a token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.simulator.url()))
    }

    /// Asks for a token.
    pub(crate) async fn log_in(&self, form: &[(&str, &str)]) -> Reply {
        reply(self.request(Method::POST, "/services/oauth2/token").form(form)).await
    }

    /// A call of the data API, with the token.
    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, &format!("/services/data/{}{path}", self.version))
            .bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        reply(self.call(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        reply(self.call(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        reply(self.call(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        reply(self.call(Method::DELETE, path)).await
    }

    /// Upserts leads by their external id, and gives the results.
    pub(crate) async fn upsert(&self, records: impl IntoIterator<Item = Value>) -> Value {
        let reply = self.patch(LEADS, records_of("Lead", records)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json);
        reply.json
    }

    /// Inserts one record, and gives its id.
    pub(crate) async fn insert(&self, object: &str, record: Value) -> String {
        let reply = self.post(&format!("/sobjects/{object}"), record).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.json);
        reply.json["id"].as_str().unwrap().to_owned()
    }

    /// The stored rows of an object without `Id` and `_writes`.
    pub(crate) async fn stored(&self, object: &str) -> Value {
        let mut rows = self.simulator.rows(object).await;
        for row in &mut rows {
            let members = row.as_object_mut().unwrap();
            members.remove("Id").unwrap();
            members.remove("_writes").unwrap();
        }
        Value::Array(rows)
    }
}

pub(crate) async fn reply(request: RequestBuilder) -> Reply {
    read(request.send().await.unwrap()).await
}

pub(crate) async fn read(response: Response) -> Reply {
    let status = response.status();
    let body = response.bytes().await.unwrap();
    let json = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Reply { status, json }
}

/// A lead that is taken.
pub(crate) fn lead(key: &str) -> Value {
    json!({"External_Id__c": key, "LastName": "Ames", "Company": "Acme"})
}

/// A body of records of one type.
pub(crate) fn records_of(object: &str, records: impl IntoIterator<Item = Value>) -> Value {
    let records: Vec<Value> = records
        .into_iter()
        .map(|mut record| {
            record["attributes"] = json!({"type": object});
            record
        })
        .collect();
    json!({"allOrNone": false, "records": records})
}

/// The answer to who asks for a token and gets none.
pub(crate) fn login_refused(error: &str, description: &str) -> Reply {
    Reply {
        status: StatusCode::BAD_REQUEST,
        json: json!({"error": error, "error_description": description}),
    }
}

/// The answer to a request that is refused as a whole.
pub(crate) fn refused(status: u16, code: &str, message: &str) -> Reply {
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        json: json!([{"message": message, "errorCode": code}]),
    }
}

/// The result of a record that is refused.
pub(crate) fn failed(code: &str, message: &str, fields: &[&str]) -> Value {
    json!({
        "success": false,
        "errors": [{"statusCode": code, "message": message, "fields": fields}],
    })
}

/// Takes the ids out of results, after a look at their form.
pub(crate) fn without_ids(mut results: Value) -> Value {
    for result in results.as_array_mut().unwrap() {
        if let Some(id) = result.as_object_mut().unwrap().remove("id") {
            let id = id.as_str().unwrap();
            assert!(id.len() == 18 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        }
    }
    results
}
