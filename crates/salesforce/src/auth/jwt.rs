//! The signed statement of the JWT bearer flow.

use std::{fmt, fs, io, path::Path};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use url::Url;

/// The private key whose certificate the app holds.
#[derive(Clone)]
pub struct JwtKey(EncodingKey);

/// Why a key file cannot be used. Says nothing of what is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwtKeyError {
    /// It cannot be read.
    #[error("it cannot be read ({0})")]
    Unreadable(io::ErrorKind),
    /// It is something else.
    #[error(
        "it is no RSA private key in PEM (`-----BEGIN PRIVATE KEY-----`); make one with \
         `openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem`"
    )]
    NoRsaKey,
}

/// How long a statement is valid. Salesforce takes about three minutes at most; a clock may be a
/// minute ahead of its own.
const VALID_SECONDS: u64 = 120;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: String,
    exp: u64,
}

impl JwtKey {
    /// Reads an RSA private key, PKCS #8 or PKCS #1, from a PEM file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is no such key.
    pub fn load(path: &Path) -> Result<Self, JwtKeyError> {
        let pem = fs::read(path).map_err(|error| JwtKeyError::Unreadable(error.kind()))?;
        let key = EncodingKey::from_rsa_pem(&pem).map_err(|_| JwtKeyError::NoRsaKey)?;
        // Only signing shows whether a file with the right frame holds a key.
        let key = Self(key);
        key.sign(&Claims { iss: "", sub: "", aud: String::new(), exp: 0 })?;
        Ok(key)
    }

    /// A statement that this app acts for this user, valid for two minutes.
    pub(crate) fn assertion(
        &self,
        client_id: &str,
        username: &str,
        login_url: &Url,
    ) -> Result<String, JwtKeyError> {
        self.sign(&Claims {
            iss: client_id,
            sub: username,
            aud: audience(login_url),
            exp: jsonwebtoken::get_current_timestamp() + VALID_SECONDS,
        })
    }

    fn sign(&self, claims: &Claims<'_>) -> Result<String, JwtKeyError> {
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &self.0)
            .map_err(|_| JwtKeyError::NoRsaKey)
    }
}

/// For whom the statement is: one of the two login hosts, whatever the org's own name is. A host
/// that is not Salesforce's own is its own audience.
fn audience(login_url: &Url) -> String {
    let host = login_url.host_str().unwrap_or_default();
    let is_test = host == "test.salesforce.com"
        || [".sandbox.my.salesforce.com", ".scratch.my.salesforce.com"]
            .iter()
            .any(|domain| host.ends_with(domain));
    if is_test {
        "https://test.salesforce.com".to_owned()
    } else if host == "salesforce.com" || host.ends_with(".salesforce.com") {
        "https://login.salesforce.com".to_owned()
    } else {
        login_url.origin().ascii_serialization()
    }
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JwtKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audience_is_a_login_host() {
        for (login_url, expected) in [
            ("https://login.salesforce.com", "https://login.salesforce.com"),
            ("https://acme.my.salesforce.com/", "https://login.salesforce.com"),
            ("https://test.salesforce.com", "https://test.salesforce.com"),
            ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
            ("https://x.scratch.my.salesforce.com", "https://test.salesforce.com"),
            ("http://127.0.0.1:8081/", "http://127.0.0.1:8081"),
        ] {
            assert_eq!(audience(&login_url.parse().unwrap()), expected, "{login_url}");
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let refusal = || JwtKey::load(&path).unwrap_err().to_string();

        assert_eq!(refusal(), "it cannot be read (entity not found)");
        for text in [
            "hunter2",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            std::fs::write(&path, text).unwrap();
            let refusal = refusal();
            assert!(refusal.starts_with("it is no RSA private key"), "{text}: {refusal}");
            assert!(!refusal.contains("hunter2"));
        }
    }
}
