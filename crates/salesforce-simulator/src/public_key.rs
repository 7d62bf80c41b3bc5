//! The public half of the key that an app signs its logins with.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use crate::base64;

/// An RSA public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// As in `BEGIN PUBLIC KEY` or `BEGIN RSA PUBLIC KEY`.
    der: Vec<u8>,
}

/// Why a text is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Something else, or a private key.
    #[error(
        "no public key in it; give a PEM file with BEGIN CERTIFICATE, BEGIN PUBLIC KEY or BEGIN \
         RSA PUBLIC KEY"
    )]
    NotPublic,
    /// The frame is right, what is in it is not.
    #[error("the certificate or key in it is damaged")]
    Damaged,
}

impl PublicKey {
    /// Reads a PEM text: a certificate, as an app in Salesforce is given one, or a
    /// bare public key.
    ///
    /// # Errors
    ///
    /// When there is neither in it.
    pub fn from_pem(text: &str) -> Result<Self, PublicKeyError> {
        let (kind, der) = pem(text)?;
        let der = match kind {
            "PUBLIC KEY" | "RSA PUBLIC KEY" => der,
            "CERTIFICATE" => key_of_certificate(&der).ok_or(PublicKeyError::Damaged)?.to_vec(),
            _ => return Err(PublicKeyError::NotPublic),
        };
        Ok(Self { der })
    }

    /// Whether the owner of the key signed `message` (RS256).
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.der);
        key.verify(message, signature).is_ok()
    }
}

/// Kind and content of the first block.
fn pem(text: &str) -> Result<(&str, Vec<u8>), PublicKeyError> {
    let (_, rest) = text.split_once("-----BEGIN ").ok_or(PublicKeyError::NotPublic)?;
    let (kind, rest) = rest.split_once("-----").ok_or(PublicKeyError::Damaged)?;
    let (packed, _) = rest.split_once("-----END ").ok_or(PublicKeyError::Damaged)?;
    let packed: String = packed.split_ascii_whitespace().collect();
    Ok((kind, base64::decoded(&packed).ok_or(PublicKeyError::Damaged)?))
}

/// The key in a certificate (RFC 5280, 4.1): the sixth part of what is signed,
/// after serial number, algorithm, issuer, validity and subject; a version may
/// stand before them.
fn key_of_certificate(der: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (tag, certificate, _) = element(der)?;
    let (_, signed, _) = element(certificate.content).filter(|_| tag == SEQUENCE)?;
    let mut rest = signed.content;
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    for _ in 0..5 {
        rest = element(rest)?.2;
    }
    let (tag, key, _) = element(rest)?;
    (tag == SEQUENCE).then_some(key.whole)
}

struct Element<'a> {
    whole: &'a [u8],
    content: &'a [u8],
}

/// Tag and content of the first element, and what follows it.
fn element(der: &[u8]) -> Option<(u8, Element<'_>, &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    let whole = &der[..der.len() - after.len()];
    Some((*tag, Element { whole, content }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_public_key_is_refused() {
        let damaged = PublicKeyError::Damaged;
        for (text, expected) in [
            ("", PublicKeyError::NotPublic),
            (
                "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----",
                PublicKeyError::NotPublic,
            ),
            ("-----BEGIN PUBLIC KEY-----\nAA==\n", damaged),
            ("-----BEGIN PUBLIC KEY-----\n?\n-----END PUBLIC KEY-----", damaged),
            ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", damaged),
            ("-----BEGIN CERTIFICATE-----\nMP////8=\n-----END CERTIFICATE-----", damaged),
        ] {
            assert_eq!(PublicKey::from_pem(text), Err(expected), "{text}");
        }
    }
}
