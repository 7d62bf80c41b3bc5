//! A server before Salesforce that fails calls by what is in them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Answers calls with these words in their address or body with an error (without a code: with a
/// page; with status 0: it hangs up), and passes on all others. Or passes on those too, and replaces
/// what comes back. Or says something else of records.
pub(crate) struct FailingProxy {
    login_url: String,
    is_over: Arc<AtomicBool>,
    serving: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Route {
    salesforce: String,
    words: &'static str,
    status: u16,
    code: &'static str,
    passes_on: bool,
    /// What is said instead of what.
    says: &'static [(&'static str, &'static str)],
    is_over: Arc<AtomicBool>,
    http: reqwest::Client,
}

const BODY_BYTES_MAX: usize = 1 << 20;

impl FailingProxy {
    pub(crate) async fn before(
        salesforce: &str,
        words: &'static str,
        status: u16,
        code: &'static str,
    ) -> Self {
        let salesforce = salesforce.to_owned();
        Self::with(Route { salesforce, words, status, code, ..Route::default() }).await
    }

    /// Salesforce does what is asked, and a page comes back.
    pub(crate) async fn behind(salesforce: &str, words: &'static str, status: u16) -> Self {
        let salesforce = salesforce.to_owned();
        Self::with(Route { salesforce, words, status, passes_on: true, ..Route::default() }).await
    }

    pub(crate) async fn that_says_created(salesforce: &str) -> Self {
        const CREATED: [(&str, &str); 3] = [
            (r#","created":false"#, ""),
            (r#""success":true"#, r#""success":true,"created":true"#),
            (r#"","false","#, r#"","true","#),
        ];
        Self::that_says(salesforce, &CREATED).await
    }

    /// Salesforce does what is asked, and what comes back has other words in place of these.
    pub(crate) async fn that_says(
        salesforce: &str,
        says: &'static [(&'static str, &'static str)],
    ) -> Self {
        let (salesforce, words) = (salesforce.to_owned(), "never in a body");
        Self::with(Route { salesforce, words, says, ..Route::default() }).await
    }

    async fn with(route: Route) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let login_url = format!("--salesforce-login-url=http://{}", listener.local_addr().unwrap());
        let is_over = Arc::clone(&route.is_over);
        let router = Router::new().fallback(pass_on).with_state(route);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { login_url, is_over, serving }
    }

    /// From now on everything is passed on.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// What a consumer is told to call through it; packed words could not be found.
    pub(crate) fn arguments(&self) -> [&str; 2] {
        [&self.login_url, "--salesforce-gzip=false"]
    }
}

impl Drop for FailingProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass_on(State(route): State<Route>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = to_bytes(body, BODY_BYTES_MAX).await.unwrap();
    let is_meant = head.uri.to_string().contains(route.words)
        || String::from_utf8_lossy(&body).contains(route.words);
    let is_failed = is_meant && !route.is_over.load(Ordering::Relaxed);
    if is_failed && !route.passes_on {
        return failed(&route);
    }
    let url = format!("{}{}", route.salesforce, head.uri);
    let passed_on = route.http.request(head.method, url).headers(head.headers).body(body);
    let answer = passed_on.send().await.unwrap();
    if is_failed {
        return failed(&route);
    }
    let status = answer.status();
    let body = answer.bytes().await.unwrap();
    if route.says.is_empty() {
        return (status, Body::from(body)).into_response();
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    let replaced = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
    (status, route.says.iter().fold(text, replaced)).into_response()
}

fn failed(route: &Route) -> Response {
    // Ends the connection.
    assert_ne!(route.status, 0, "it hangs up");
    let (code, status) = (route.code, StatusCode::from_u16(route.status).unwrap());
    if code.is_empty() {
        let page = "<!DOCTYPE html><html><h1>Request blocked</h1></html>";
        return (status, Html(page)).into_response();
    }
    let error = format!(r#"[{{"message":"An error occurred.","errorCode":"{code}"}}]"#);
    (status, error).into_response()
}
