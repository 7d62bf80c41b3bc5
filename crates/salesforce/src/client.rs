//! One org: each call is sent with the token that all calls share.

use std::{fmt, sync::Arc, time::Instant};

use reqwest::{
    Response,
    header::{self, HeaderMap, HeaderValue},
};
use serde::de::IgnoredAny;
use tokio::sync::watch;

use crate::{
    api_usage::{OrgLimits, Usage, UsageMeter},
    auth::{
        login_error::LoginError,
        session::{Session, Token},
        token_endpoint::TokenEndpoint,
    },
    body::Packer,
    error::{ErrorAnswer, Refusal, page_instead_of_answer},
    http::{self, NoClient},
    metrics::{Api, Metrics, Outcome},
    request::{Call, Connection},
};

/// A client of one org. All calls share one token and one pool of connections.
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) session: Session,
    api_version: String,
    pub(crate) packer: Packer,
    usage: UsageMeter,
    metrics: Metrics,
}

/// A call that is refused for its token is sent with so many tokens at most.
const TOKENS_PER_CALL_MAX: u32 = 3;

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When there is nothing on this system to check certificates with.
    pub fn new(connection: Connection) -> Result<Self, NoClient> {
        let http = http::client(&connection)?;
        let Connection { credentials, api_version, gzip, timeout, .. } = connection;
        let endpoint = TokenEndpoint::new(http.clone(), timeout);
        let metrics = Metrics::default();
        let session = Session::new(endpoint, credentials, metrics.clone());
        Ok(Self {
            http,
            session,
            api_version,
            packer: Packer::new(gzip),
            usage: UsageMeter::default(),
            metrics,
        })
    }

    /// What is measured of its requests.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What the org has left today; nothing, when the user may not ask.
    ///
    /// # Errors
    ///
    /// When there was no answer.
    pub async fn limits(&self) -> Result<Option<OrgLimits>, Refusal> {
        match self.call(Call::get("limits")).await {
            Ok(body) => match serde_json::from_slice(&body) {
                Ok(limits) => Ok(Some(limits)),
                Err(_) => Err(Refusal::OutcomeUnknown {
                    cause: "an answer that names no limits".to_owned(),
                }),
            },
            // That the day's calls are used up, or the API is off, is no matter of permissions.
            Err(Refusal::Answered(answer)) if answer.status == 403 && !is_for_all(&answer) => {
                Ok(None)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// What answers say of the day's calls.
    pub fn usage(&self) -> watch::Receiver<Option<Usage>> {
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
    ///
    /// # Errors
    ///
    /// When there is no token.
    pub async fn instance(&self) -> Result<String, Refusal> {
        let token = self.session.token().await.map_err(Refusal::Login)?;
        Ok(token.instance_url.origin().ascii_serialization())
    }

    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Vec<u8>, Refusal> {
        http::body(self.answer(call).await?).await
    }

    /// An answer of success whose body is still to be read.
    pub(crate) async fn answer(&self, call: Call<'_>) -> Result<Response, Refusal> {
        let mut token = self.session.token().await.map_err(Refusal::Login)?;
        for _ in 0..TOKENS_PER_CALL_MAX {
            match self.send(&call, &token).await {
                Err(Refusal::Answered(answer)) if is_about_the_token(&answer) => {
                    // A 401 is given before any work is done: also an insert may go again.
                    token = self.next_token(&token, answer).await?;
                }
                answer => {
                    if reached_salesforce(&answer) {
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
        let (api, since) = (Api::of(call.path), Instant::now());
        let answer = self.send_unmeasured(call, token, api).await;
        let outcome = answer.as_ref().map_or_else(Outcome::of_refusal, |_| Outcome::Ok);
        self.metrics.requested(api, outcome, since.elapsed());
        answer
    }

    async fn send_unmeasured(
        &self,
        call: &Call<'_>,
        token: &Token,
        api: Api,
    ) -> Result<Response, Refusal> {
        let mut url = token.instance_url.clone();
        url.set_path(&format!("/services/data/v{}/{}", self.api_version, call.path));
        url.set_query(call.query.as_deref());
        let mut request = self
            .http
            .request(call.method.clone(), url.clone())
            .headers(call.headers.clone())
            .header(header::AUTHORIZATION, token.authorization.clone());
        if let Some(content) = &call.content {
            let body;
            (request, body) = http::with_content(request, content, &self.packer);
            self.metrics.sent(api, body);
        }
        let response = request.send().await.map_err(http::refusal)?;
        let status = response.status();
        let retry_after = http::retry_after(response.headers());
        self.usage.track(response.headers());
        if status.is_success() && is_page(response.headers()) {
            return Err(page_instead_of_answer(status.as_u16(), "an HTML page"));
        }
        if status.is_success() {
            return Ok(response);
        }
        // The status alone says enough when the body does not come.
        let body = http::body(response).await.unwrap_or_default();
        let answer = ErrorAnswer::read(status.as_u16(), &body, retry_after);
        let of_a_proxy = || http::of_a_proxy(status.as_u16(), &url);
        Err(Refusal::Answered(answer.or_of_a_proxy(of_a_proxy)))
    }
}

/// The data API answers in JSON and CSV; pages are of whatever stands before it.
fn is_page(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|text| text.to_ascii_lowercase().starts_with(b"text/html"))
}

fn is_about_the_token(answer: &ErrorAnswer) -> bool {
    let code = answer.code.as_deref();
    // Without a code it is an answer of an intermediary, which checks no token.
    code.is_some() && answer.status == 401
        || matches!(code, Some("INVALID_SESSION_ID" | "INVALID_AUTH_HEADER"))
}

/// Whether an answer that is not about the token comes from Salesforce itself, not from a gateway:
/// then the token was checked and accepted.
fn reached_salesforce(answer: &Result<Response, Refusal>) -> bool {
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

/// Whether a 403 is said of the whole org, and not of what one user may do.
fn is_for_all(answer: &ErrorAnswer) -> bool {
    matches!(
        answer.code.as_deref(),
        Some("REQUEST_LIMIT_EXCEEDED" | "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED")
    )
}
