//! The public half of the key that an app signs its logins with, and what is signed with it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use pem::Pem;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::{Deserialize, de::DeserializeOwned};

/// An RSA public key.
#[derive(Debug, Clone)]
pub struct PublicKey(UnparsedPublicKey<Vec<u8>>);

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
        if text.contains("PRIVATE KEY") {
            return Err(PublicKeyError);
        }
        let pem = pem::parse(text).map_err(|_| PublicKeyError)?;
        let key = key_in(&pem).ok_or(PublicKeyError)?;
        Ok(Self(UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.to_vec())))
    }

    /// Whether the owner of the key signed this token (RS256), whatever it says.
    pub(crate) fn signed(&self, token: &str) -> bool {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
        }

        let Some((signed, signature)) = token.rsplit_once('.') else { return false };
        let is_rs256 = part::<Header>(token, 0).is_some_and(|header| header.alg == "RS256");
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature);
        is_rs256 && signature.is_ok_and(|bytes| self.0.verify(signed.as_bytes(), &bytes).is_ok())
    }
}

/// What a token says, whoever signed it; nothing for what is no token, or says something else.
pub(crate) fn claims<T: DeserializeOwned>(token: &str) -> Option<T> {
    part(token, 1)
}

/// One of the three parts of a token: header, claims, signature (RFC 7515, 3.1).
fn part<T: DeserializeOwned>(token: &str, index: usize) -> Option<T> {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, _, _] = parts[..] else { return None };
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[index]).ok()?).ok()
}

/// The key as PKCS #1 writes it down, out of what there is around it.
fn key_in(pem: &Pem) -> Option<&[u8]> {
    match pem.tag() {
        "RSA PUBLIC KEY" => {
            let mut outer = pem.contents();
            element(&mut outer, SEQUENCE)?;
            Some(pem.contents())
        }
        "PUBLIC KEY" => key_of_any_kind(&mut pem.contents()),
        "CERTIFICATE" => {
            // RFC 5280, 4.1.
            let mut certificate = element(&mut pem.contents(), SEQUENCE)?;
            let mut signed = element(&mut certificate, SEQUENCE)?;
            // No version stands for the first one.
            let _version = element(&mut signed, VERSION);
            element(&mut signed, INTEGER)?;
            // Algorithm, issuer, validity, and for whom it is.
            for _ in 0..4 {
                element(&mut signed, SEQUENCE)?;
            }
            key_of_any_kind(&mut signed)
        }
        _ => None,
    }
}

/// That in a `SubjectPublicKeyInfo` (RFC 5280, 4.1.2.7), when it is an RSA key.
fn key_of_any_kind<'a>(der: &mut &'a [u8]) -> Option<&'a [u8]> {
    /// 1.2.840.113549.1.1.1
    const RSA_ENCRYPTION: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";

    let mut info = element(der, SEQUENCE)?;
    let mut algorithm = element(&mut info, SEQUENCE)?;
    if element(&mut algorithm, OBJECT_IDENTIFIER)? != RSA_ENCRYPTION {
        return None;
    }
    // The first byte says how many bits of the last one do not count.
    element(&mut info, BIT_STRING)?.strip_prefix(&[0])
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// Takes an element with this tag off the front (DER: X.690, 8.1), and gives what is in it; takes
/// nothing, and gives nothing, when there is no such element.
fn element<'a>(der: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&[found, short], rest) = der.split_first_chunk()?;
    // From 128 on, the byte says of how many bytes the length is.
    let (length, rest) = match usize::from(short) {
        length @ ..0x80 => (length, rest),
        long => {
            let (length, rest) = rest.split_at_checked(long - 0x80)?;
            let more = |sum: usize, byte: &u8| sum.checked_mul(256)?.checked_add((*byte).into());
            (length.iter().try_fold(0, more)?, rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    if found != tag {
        return None;
    }
    *der = rest;
    Some(content)
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
