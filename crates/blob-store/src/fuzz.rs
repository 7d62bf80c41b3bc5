//! What must hold for any text that is set as a connection string. The fuzz target in `fuzz/` calls
//! this function, and the test below replays the corpus through it.

use url::Url;

use crate::connection::{Connection, Credential};

/// A text is refused without a word of it being repeated, or it is an endpoint without secrets and
/// a credential that does not show itself.
pub fn connection_string(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Connection::from_string(&text, true) {
        Err(error) => {
            let said = format!("{error} {error:?}");
            assert!(!secrets(&text).any(|secret| said.contains(secret)), "{said}");
        }
        Ok(connection) => {
            let endpoint = &connection.endpoint;
            assert!(endpoint.query().is_none() && endpoint.password().is_none());
            assert!(endpoint.username().is_empty() && endpoint.fragment().is_none());
            let shown = format!("{connection:?}");
            match &connection.credential {
                Credential::AccountKey { key: secret, .. } | Credential::Sas(secret) => {
                    // The emulator's key is known to all, and stands in no text.
                    let secret = secret.secret();
                    let is_hidden = !shown.contains(secret) || !is_private(&text, secret);
                    assert!(secret.len() < 12 || is_hidden, "{shown}");
                }
                Credential::Identity => unreachable!("a connection string names no identity"),
            }
        }
    }
    if let Ok(url) = Url::parse(&text) {
        let _judged = Connection::from_account_url(&url);
    }
}

/// Values long enough not to stand in a sentence by chance.
fn secrets(text: &str) -> impl Iterator<Item = &str> {
    let values = text.split(';').filter_map(|part| Some(part.split_once('=')?.1.trim()));
    values.filter(|value| value.len() >= 12)
}

/// Whether it stands in the text as nothing but the secret.
fn is_private(text: &str, secret: &str) -> bool {
    text.matches(secret).count() == 1
}

#[cfg(test)]
mod tests {
    use super::connection_string;

    #[test]
    fn connection_strings_of_the_corpus_are_understood_or_refused_without_repeating_them() {
        test_support::replay_corpus("connection_string", 5, connection_string);
    }
}
