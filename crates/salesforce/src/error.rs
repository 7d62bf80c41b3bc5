//! Why a call brought no row results.

use std::{fmt, time::Duration};

use ingest_core::{code_and_message, is_code};

use crate::{auth::login_error::LoginError, wire::RequestError};

/// Why a call brought no row results.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// There was no connection: nothing was sent.
    NotSent {
        /// What the network said.
        cause: String,
    },
    /// The request went out and no usable answer came back: what became of its rows is unknown.
    OutcomeUnknown {
        /// What came instead of an answer.
        cause: String,
    },
    /// An answer that is about the call as a whole.
    Answered(ErrorAnswer),
    /// There is no token to call with.
    Login(LoginError),
}

/// An HTTP answer that is about the call as a whole.
#[derive(Clone)]
pub struct ErrorAnswer {
    /// HTTP status.
    pub status: u16,
    /// Such as `REQUEST_LIMIT_EXCEEDED`, or `ExceededQuota` of Bulk's; `OTHER` for what is no word,
    /// which the message begins with then. `None` when the body is not Salesforce's, for example a
    /// gateway's page.
    pub code: Option<String>,
    /// What Salesforce says, or the head of a body that is not its own. May quote a row's values.
    pub message: String,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// How much of a body is kept that is not Salesforce's.
const EXCERPT_CHARACTERS_MAX: usize = 200;

impl ErrorAnswer {
    /// Reads the body of an error, whatever it is.
    pub fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let (code, message) = match first_error(body) {
            Some(error) if error.code.is_empty() => (None, error.message),
            // It stands in log lines, and a message does not.
            Some(error) if is_code(&error.code.to_ascii_uppercase()) => {
                (Some(error.code), error.message)
            }
            Some(error) => {
                let (code, message) = code_and_message(&error.code, error.message);
                (Some(code), message)
            }
            None => (None, markup(body).map_or_else(|| excerpt(body), str::to_owned)),
        };
        Self { status, code, message, retry_after }
    }

    /// Says besides of an answer that is not Salesforce's that it may be of this proxy.
    pub(crate) fn or_of_a_proxy(mut self, proxy: impl FnOnce() -> Option<String>) -> Self {
        if self.code.is_none()
            && let Some(proxy) = proxy()
        {
            self.message = match self.message.is_empty() {
                true => proxy,
                false => format!("{}; {proxy}", self.message),
            };
        }
        self
    }

    /// The number by which Salesforce's support finds an unexpected error in its logs.
    fn error_id(&self) -> Option<&str> {
        let (_, after) = self.message.split_once("ErrorId: ")?;
        after.split_whitespace().next().map(|id| id.trim_end_matches('.'))
    }
}

impl Refusal {
    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered(answer) => answer.retry_after,
            _ => None,
        }
    }
}

/// Errors are a list of objects; some parts of the platform answer one bare object.
fn first_error(body: &[u8]) -> Option<RequestError> {
    serde_json::from_slice::<Vec<RequestError>>(body)
        .ok()
        .and_then(|errors| errors.into_iter().next())
        .or_else(|| serde_json::from_slice(body).ok())
}

/// What a body is that people read in a browser: it is named, for its text says nothing in a log.
pub(crate) fn markup(body: &[u8]) -> Option<&'static str> {
    let head = String::from_utf8_lossy(&body[..body.len().min(1_024)]).to_ascii_lowercase();
    let head = head.trim_start_matches('\u{feff}').trim_start();
    if !head.starts_with('<') {
        return None;
    }
    let is_html = head.contains("<html") || head.contains("<!doctype html");
    Some(if is_html { "an HTML page" } else { "an XML document" })
}

/// A page instead of an answer, though nothing is said to be wrong.
pub(crate) fn page_instead_of_answer(status: u16, page: &str) -> Refusal {
    Refusal::OutcomeUnknown { cause: format!("HTTP {status} with {page} instead of an answer") }
}

/// The head of a body as one line of text.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let head = &body[..body.len().min(4 * EXCERPT_CHARACTERS_MAX)];
    let text = String::from_utf8_lossy(head);
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(EXCERPT_CHARACTERS_MAX).collect()
}

/// For logs: a message of Salesforce stays out, since it may quote a row's values.
impl fmt::Display for ErrorAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HTTP {}", self.status)?;
        match (&self.code, self.error_id()) {
            (Some(code), Some(id)) => write!(formatter, " {code} (ErrorId {id})"),
            (Some(code), None) => write!(formatter, " {code}"),
            (None, _) if self.message.is_empty() => Ok(()),
            (None, _) => write!(formatter, ": {}", self.message),
        }
    }
}

impl fmt::Debug for ErrorAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent { cause } => write!(formatter, "no connection: {cause}"),
            Self::OutcomeUnknown { cause } => formatter.write_str(cause),
            Self::Answered(answer) => answer.fmt(formatter),
            Self::Login(error) => error.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> ErrorAnswer {
        ErrorAnswer::read(status, body.as_bytes(), None)
    }

    #[test]
    fn a_list_and_a_bare_object_are_read_alike() {
        let list = r#"[{"message":"Session expired","errorCode":"INVALID_SESSION_ID"}]"#;
        let object = r#"{"message":"Session expired","errorCode":"INVALID_SESSION_ID"}"#;

        assert_eq!(read(401, list).code.as_deref(), Some("INVALID_SESSION_ID"));
        assert_eq!(read(401, object).code.as_deref(), Some("INVALID_SESSION_ID"));
    }

    #[test]
    fn a_page_is_named_and_not_quoted() {
        for (page, name) in [
            ("<html>\r\n<h1>Bad gateway</h1>", "an HTML page"),
            ("\u{feff}\n <!DOCTYPE HTML PUBLIC><HEAD>", "an HTML page"),
            ("<!-- cached --><HTML lang=de>", "an HTML page"),
            ("<?xml version='1.0'?><soapenv:Envelope/>", "an XML document"),
        ] {
            assert_eq!(read(502, page).to_string(), format!("HTTP 502: {name}"));
            assert_eq!(read(403, page).message, name);
        }
    }

    #[test]
    fn a_text_of_a_gateway_is_cut_to_one_line_of_200_characters() {
        let page = format!("upstream:\r\nBad <b>gateway</b>\0{}", "ü".repeat(5_000));

        let answer = read(502, &page);

        assert_eq!(answer.code, None);
        assert_eq!(answer.message.chars().count(), EXCERPT_CHARACTERS_MAX);
        assert!(answer.to_string().starts_with("HTTP 502: upstream: Bad <b>gateway</b> üüü"));
    }

    #[test]
    fn a_row_value_quoted_by_salesforce_is_not_displayed() {
        let answer = read(
            400,
            r#"[{"message":"Cannot deserialize instance of date from VALUE_STRING value ada@example","errorCode":"JSON_PARSER_ERROR"}]"#,
        );

        assert_eq!(
            format!("{answer} {answer:?}"),
            "HTTP 400 JSON_PARSER_ERROR HTTP 400 JSON_PARSER_ERROR"
        );
    }

    #[test]
    fn the_error_id_is_kept_for_support() {
        let answer = read(
            500,
            r#"[{"message":"An unexpected error occurred. Please include this ErrorId if you contact support: 12-3 (4). ErrorId: 1838-4711 (99)","errorCode":"UNKNOWN_EXCEPTION"}]"#,
        );

        assert_eq!(answer.to_string(), "HTTP 500 UNKNOWN_EXCEPTION (ErrorId 1838-4711)");
    }

    #[test]
    fn what_is_no_code_is_other_in_logs_and_rejects_and_told_in_the_message() {
        let body = r#"[{"message":"no","errorCode":"=A\u001b[2J ada@example.org"}]"#;
        let answer = read(400, body);

        assert_eq!(answer.to_string(), "HTTP 400 OTHER");
        assert_eq!(answer.code.as_deref(), Some("OTHER"));
        assert_eq!(answer.message, "=A\u{1b}[2J ada@example.org: no");
        let quota = read(400, r#"{"message":"no","errorCode":"ExceededQuota"}"#);
        assert_eq!(quota.code.as_deref(), Some("ExceededQuota"), "as Bulk writes it");
    }

    #[test]
    fn an_empty_body_leaves_the_status() {
        assert_eq!(read(504, "").to_string(), "HTTP 504");
    }
}
