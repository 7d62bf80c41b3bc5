use std::{error::Error, fmt, iter};

use azure_core::{error::ErrorKind, http::headers::HeaderName};

/// The text of another error and of its causes, without anything secret.
///
/// The libraries below us print the whole URL of a failed request, and a URL
/// may carry a SAS; a service's answer may quote what it was sent. So an error
/// of theirs is never passed on: only its scrubbed words are.
#[derive(Debug)]
pub(crate) struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    /// What an error of the Azure crates says.
    pub(crate) fn of(error: &azure_core::Error) -> Box<dyn Error + Send + Sync> {
        match error.kind() {
            ErrorKind::HttpResponse { status, error_code, raw_response } => {
                let mut text = format!("status {}", u16::from(*status));
                if let Some(code) = error_code {
                    text.push_str(&format!(" {}", scrubbed(code)));
                }
                let id = HeaderName::from_static("x-ms-request-id");
                if let Some(id) =
                    raw_response.as_ref().and_then(|r| r.headers().get_optional_str(&id))
                {
                    text.push_str(&format!(" (request {})", scrubbed(id)));
                }
                Box::new(Self { text, source: None })
            }
            _ => Box::new(Self::chain(error)),
        }
    }

    /// What an error of the Azure crates and its causes say, in one line for a log.
    pub(crate) fn line(error: &azure_core::Error) -> String {
        let cause = Self::of(error);
        let first: &(dyn Error + 'static) = &*cause;
        let causes = iter::successors(Some(first), |cause| (*cause).source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }

    /// What any error and its causes say.
    pub(crate) fn any(error: &(dyn Error + 'static)) -> Box<dyn Error + Send + Sync> {
        Box::new(Self::chain(error))
    }

    pub(crate) fn words(text: &str) -> Box<dyn Error + Send + Sync> {
        Box::new(Self { text: text.to_owned(), source: None })
    }

    fn chain(error: &(dyn Error + 'static)) -> Self {
        let text = scrubbed(&error.to_string());
        let mut source = error.source();
        // Some wrappers say just what the error inside them says.
        while let Some(same) = source.filter(|source| scrubbed(&source.to_string()) == text) {
            source = same.source();
        }
        // Said once, by the innermost.
        let text = if source.is_none() { tls::with_advice(text) } else { text };
        Self { text, source: source.map(|source| Box::new(Self::chain(source))) }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// `text` on one line, with everything cut out that may be the query of a URL.
pub(crate) fn scrubbed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_query = false;
    for c in text.chars() {
        match c {
            '?' if !in_query => {
                in_query = true;
                out.push_str("?…");
            }
            _ if c.is_whitespace() || "\"'`()<>".contains(c) => {
                in_query = false;
                out.push(if c.is_control() { ' ' } else { c });
            }
            _ if in_query || c.is_control() => {}
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_url_is_cut_out_wherever_it_stands() {
        for (text, expected) in [
            ("no URL, a question? yes", "no URL, a question?… yes"),
            ("for url (http://a/b?sv=1&sig=x%3D)", "for url (http://a/b?…)"),
            ("GET \"https://a/b?sig=x?y\": refused", "GET \"https://a/b?…\": refused"),
            ("a?sig=x b?sig=y", "a?… b?…"),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(scrubbed(text), expected);
        }
    }

    #[test]
    fn a_cause_that_repeats_its_wrapper_is_left_out() {
        let inner = std::io::Error::other("refused at http://a?sig=SECRET");
        let outer = azure_core::Error::new(ErrorKind::Io, inner);

        let cause = Cause::chain(&outer);

        assert_eq!(cause.to_string(), "refused at http://a?…");
        assert!(cause.source.is_none());
        assert!(!format!("{cause:?}").contains("SECRET"));
    }
}
