//! A server before Salesforce that fails calls by what is in them.

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Answers calls with these words in their body with an error, and passes on all others.
pub(crate) struct Spoiler {
    login_url: String,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Route {
    salesforce: String,
    words: &'static str,
    status: u16,
    code: &'static str,
    http: reqwest::Client,
}

const BODY_BYTES_MAX: usize = 1 << 20;

impl Spoiler {
    pub(crate) async fn before(
        salesforce: &str,
        words: &'static str,
        status: u16,
        code: &'static str,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let login_url = format!("--salesforce-login-url=http://{}", listener.local_addr().unwrap());
        let http = reqwest::Client::new();
        let route = Route { salesforce: salesforce.to_owned(), words, status, code, http };
        let router = Router::new().fallback(pass_on).with_state(route);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { login_url, serving }
    }

    /// What a consumer is told to call through it; packed words could not be found.
    pub(crate) fn arguments(&self) -> [&str; 2] {
        [&self.login_url, "--salesforce-gzip=false"]
    }
}

impl Drop for Spoiler {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass_on(State(route): State<Route>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = to_bytes(body, BODY_BYTES_MAX).await.unwrap();
    if String::from_utf8_lossy(&body).contains(route.words) {
        let code = route.code;
        let error = format!(r#"[{{"message":"An error occurred.","errorCode":"{code}"}}]"#);
        return (StatusCode::from_u16(route.status).unwrap(), error).into_response();
    }
    let url = format!("{}{}", route.salesforce, head.uri);
    let passed_on = route.http.request(head.method, url).headers(head.headers).body(body);
    let answer = passed_on.send().await.unwrap();
    let status = answer.status();
    (status, Body::from(answer.bytes().await.unwrap())).into_response()
}
