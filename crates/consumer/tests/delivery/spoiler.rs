//! A server before Salesforce that fails calls by what is in them.

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Answers 500 to calls with these words in their body, and passes on all others.
pub(crate) struct Spoiler {
    pub(crate) url: String,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Route {
    salesforce: String,
    words: &'static str,
    http: reqwest::Client,
}

const BODY_BYTES_MAX: usize = 1 << 20;

impl Spoiler {
    pub(crate) async fn before(salesforce: &str, words: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let route =
            Route { salesforce: salesforce.to_owned(), words, http: reqwest::Client::new() };
        let router = Router::new().fallback(pass_on).with_state(route);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, serving }
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
        let error =
            r#"[{"message":"An unexpected error occurred.","errorCode":"UNKNOWN_EXCEPTION"}]"#;
        return (StatusCode::INTERNAL_SERVER_ERROR, error).into_response();
    }
    let url = format!("{}{}", route.salesforce, head.uri);
    let passed_on = route.http.request(head.method, url).headers(head.headers).body(body);
    let answer = passed_on.send().await.unwrap();
    let status = answer.status();
    (status, Body::from(answer.bytes().await.unwrap())).into_response()
}
