//! The public half of the key that an app signs its logins with.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::de::IgnoredAny;

/// An RSA public key.
#[derive(Debug, Clone)]
pub struct PublicKey(DecodingKey);

/// A text is no public key: it is something else, a private key, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no public key in it; give a PEM file with BEGIN CERTIFICATE, BEGIN PUBLIC KEY or BEGIN RSA \
     PUBLIC KEY"
)]
pub struct PublicKeyError;

impl PublicKey {
    /// Reads a PEM text: a certificate, as an app in Salesforce is given one, or a
    /// bare public key.
    ///
    /// # Errors
    ///
    /// When there is neither in it.
    pub fn from_pem(text: &str) -> Result<Self, PublicKeyError> {
        let key = DecodingKey::from_rsa_pem(text.as_bytes()).map_err(|_| PublicKeyError)?;
        if text.contains("PRIVATE KEY") { Err(PublicKeyError) } else { Ok(Self(key)) }
    }

    /// Whether the owner of the key signed this token (RS256), whatever it says.
    pub(crate) fn signed(&self, token: &str) -> bool {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        decode::<IgnoredAny>(token, &self.0, &validation).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_public_key_is_refused() {
        for text in [
            "",
            "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----\nAA==\n",
            "-----BEGIN PUBLIC KEY-----\n?\n-----END PUBLIC KEY-----",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nMP////8=\n-----END CERTIFICATE-----",
        ] {
            assert_eq!(PublicKey::from_pem(text).unwrap_err(), PublicKeyError, "{text}");
        }
    }
}
