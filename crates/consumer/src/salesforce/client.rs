//! The few calls this program makes.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{self, HeaderMap, HeaderValue},
};
use serde::de::IgnoredAny;
use tokio::sync::watch;

use super::{
    Credentials, Describe, Destination, ErrorAnswer, LoginError, Payload, Refusal, RowResult,
    http::{self, NoTrust},
    refusal::{markup, page_instead_of_answer},
    session::{Session, Token},
    token_endpoint::TokenEndpoint,
    usage::{Usage, UsageMeter},
    wire::{DailyRequests, Limits},
};

/// Where rows go, and how.
#[derive(Clone, Debug)]
pub struct Connection {
    /// How to get in.
    pub credentials: Credentials,
    /// Such as `62.0`.
    pub api_version: String,
    /// What the org's event log calls this client.
    pub client_name: String,
    /// Whether what is sent is compressed.
    pub gzip: bool,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for an answer. Salesforce itself gives up after ten minutes.
    pub timeout: Duration,
}

/// A client of one org. All calls share one token and one pool of connections.
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) session: Session,
    api_version: String,
    gzip: bool,
    usage: UsageMeter,
}

/// A call that is refused for its token is sent with so many tokens at most.
const TOKENS_PER_CALL_MAX: u32 = 3;

/// One request below `/services/data/vXX.X/`.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) content: Option<Content>,
}

/// The body of a request.
#[derive(Clone)]
pub(super) enum Content {
    Json(Bytes),
    Csv(Bytes),
}

impl<'a> Call<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Self::new(Method::GET, path, None)
    }

    pub(super) fn new(method: Method, path: &'a str, content: Option<Content>) -> Self {
        Self { method, path, query: None, headers: HeaderMap::new(), content }
    }
}

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When there is nothing on this system to check certificates with.
    pub fn new(connection: Connection) -> Result<Self, NoTrust> {
        let http = http::client(&connection)?;
        let Connection { credentials, api_version, gzip, timeout, .. } = connection;
        let endpoint = TokenEndpoint::new(http.clone(), timeout);
        let session = Session::new(endpoint, credentials);
        Ok(Self { http, session, api_version, gzip, usage: UsageMeter::default() })
    }

    /// What an object looks like to the integration user.
    pub(crate) async fn describe(&self, object: &str) -> Result<Describe, Refusal> {
        let path = format!("sobjects/{object}/describe");
        let body = self.call(Call::get(&path)).await?;
        serde_json::from_slice(&body).map_err(|error| match markup(&body) {
            Some(page) => page_instead_of_answer(200, page),
            None => Refusal::OutcomeUnknown {
                cause: format!("the describe of {object} cannot be read: {error}"),
            },
        })
    }

    /// Sends so many `rows` of one object in one call. The results are in the order of the rows,
    /// one each.
    ///
    /// # Errors
    ///
    /// When the call as a whole brought no row results. An answer with another number of results
    /// than rows is one of unknown outcome: which result is whose cannot be said.
    pub async fn write(
        &self,
        destination: &Destination,
        payload: Payload,
        rows: usize,
    ) -> Result<Vec<RowResult>, Refusal> {
        let body = self.call(destination.call(payload)).await?;
        let results: Vec<RowResult> =
            serde_json::from_slice(&body).map_err(|error| match markup(&body) {
                Some(page) => page_instead_of_answer(200, page),
                // serde_json quotes what it found; position and kind of error tell nothing of a row.
                None => Refusal::OutcomeUnknown {
                    cause: format!("the answer is not readable at its byte {}", error.column()),
                },
            })?;
        if results.len() == rows {
            return Ok(results);
        }
        let cause = format!("the answer has {} results for {rows} rows", results.len());
        Err(Refusal::OutcomeUnknown { cause })
    }

    /// What is left of the day's calls; nothing, when the user may not ask.
    pub(crate) async fn daily_requests(&self) -> Result<Option<DailyRequests>, Refusal> {
        match self.call(Call::get("limits")).await {
            Ok(body) => Ok(serde_json::from_slice::<Limits>(&body).ok().map(|l| l.daily_requests)),
            Err(Refusal::Answered(answer)) if answer.status == 403 => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// What answers say of the day's calls.
    pub(crate) fn usage(&self) -> watch::Receiver<Option<Usage>> {
        self.usage.subscribe()
    }

    /// Whether the API gives sensible answers, whatever they say.
    pub async fn is_answering(&self) -> bool {
        match self.call(Call::get("limits")).await {
            // A captive portal answers everything, with a page.
            Ok(body) => serde_json::from_slice::<IgnoredAny>(&body).is_ok(),
            Err(Refusal::Answered(answer)) => answer.code.is_some() && answer.status < 500,
            Err(_) => false,
        }
    }

    /// Where the API of the org is, after a login.
    pub(crate) async fn instance(&self) -> Result<String, Refusal> {
        let token = self.session.token().await.map_err(Refusal::Login)?;
        Ok(token.instance_url.origin().ascii_serialization())
    }

    pub(super) async fn call(&self, call: Call<'_>) -> Result<Vec<u8>, Refusal> {
        http::body(self.answer(call).await?).await
    }

    /// An answer of success whose body is still to be read.
    pub(super) async fn answer(&self, call: Call<'_>) -> Result<Response, Refusal> {
        let mut token = self.session.token().await.map_err(Refusal::Login)?;
        for _ in 0..TOKENS_PER_CALL_MAX {
            match self.send(&call, &token).await {
                Err(Refusal::Answered(answer)) if is_about_the_token(&answer) => {
                    // A 401 is given before any work is done: also an insert may go again.
                    token = self.next_token(&token, answer).await?;
                }
                answer => {
                    if is_past_the_door(&answer) {
                        token.was_accepted();
                    }
                    return answer;
                }
            }
        }
        Err(Refusal::Login(LoginError::RefusedAgain))
    }

    async fn next_token(
        &self,
        refused: &Token,
        answer: ErrorAnswer,
    ) -> Result<Arc<Token>, Refusal> {
        if is_no_end_of_session(&answer.message) {
            return Err(Refusal::Login(LoginError::NotForThisApi { message: answer.message }));
        }
        self.session.renew(refused).await.map_err(Refusal::Login)
    }

    async fn send(&self, call: &Call<'_>, token: &Token) -> Result<Response, Refusal> {
        let mut url = token.instance_url.clone();
        url.set_path(&format!("/services/data/v{}/{}", self.api_version, call.path));
        url.set_query(call.query.as_deref());
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .headers(call.headers.clone())
            .header(header::AUTHORIZATION, token.authorization.clone());
        if let Some(content) = &call.content {
            request = http::with_content(request, content, self.gzip);
        }
        let response = request.send().await.map_err(http::refusal)?;
        let status = response.status();
        let retry_after = http::retry_after(response.headers());
        self.usage.take_in(response.headers());
        if status.is_success() && is_page(response.headers()) {
            return Err(page_instead_of_answer(status.as_u16(), "an HTML page"));
        }
        if status.is_success() {
            return Ok(response);
        }
        // The status alone says enough when the body does not come.
        let body = http::body(response).await.unwrap_or_default();
        Err(Refusal::Answered(ErrorAnswer::read(status.as_u16(), &body, retry_after)))
    }
}

/// The data API answers in JSON and CSV; pages are of whatever stands before it.
fn is_page(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|text| text.to_ascii_lowercase().starts_with(b"text/html"))
}

fn is_about_the_token(answer: &ErrorAnswer) -> bool {
    let code = answer.code.as_deref();
    // Without a code it is an answer of somebody on the way, who looks at no token of ours.
    code.is_some() && answer.status == 401
        || matches!(code, Some("INVALID_SESSION_ID" | "INVALID_AUTH_HEADER"))
}

/// Whether an answer that is not about the token comes from Salesforce itself, not from a gateway:
/// then the token was looked at, and taken.
fn is_past_the_door(answer: &Result<Response, Refusal>) -> bool {
    match answer {
        Ok(_) => true,
        Err(Refusal::Answered(refused)) => refused.code.is_some(),
        Err(_) => false,
    }
}

/// Texts that come as an ended session and do not go away with a new one.
fn is_no_end_of_session(message: &str) -> bool {
    message.contains("This session is not valid for use with the REST API")
        || message.contains("Connected app is not attached to Agent")
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("api_version", &self.api_version).finish()
    }
}
