//! The signed statement of the JWT bearer flow.

use std::{fmt, fs, io, path::Path, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::{
    error::KeyRejected,
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use serde::Serialize;
use url::Url;

/// The private key whose certificate the app holds.
#[derive(Clone)]
pub struct JwtKey(Arc<RsaKeyPair>);

/// Why a key file cannot be used. Says nothing of what is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwtKeyError {
    /// The file is not there, or the user of the program may not read it: in a container, look at
    /// the mount and its mode.
    #[error("it cannot be read ({0})")]
    Unreadable(io::ErrorKind),
    /// The file has a certificate, a public key, a key of another kind, or text around the key. JWT
    /// bearer signs with the private key.
    #[error(
        "it is no RSA private key of 2048, 3072 or 4096 bits in PEM (`-----BEGIN PRIVATE KEY-----`); \
         make one with `openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem`"
    )]
    NoRsaKey,
    /// The key was made with a password, which the programs cannot type in.
    #[error(
        "the key is encrypted, and there is no setting for its password; decrypt it with `openssl pkey -in \
         encrypted.pem -out key.pem`"
    )]
    Encrypted,
    /// It is an RSA key of a kind that `ring`, the library that signs, does not take.
    #[error(
        "the RSA private key has another size or public exponent than those that are accepted: 2048, 3072 \
         or 4096 bits, two primes, and an exponent from 65537 to 33 bits; make one with `openssl req -x509 \
         -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem`, and give its certificate to the app"
    )]
    UnusableRsaKey,
}

/// `{"typ":"JWT","alg":"RS256"}`: the one algorithm that Salesforce takes (RFC 7515, 3.1).
const HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9";

/// How long a statement is valid. Salesforce takes about three minutes at most; a clock may be a
/// minute ahead of its own.
const VALID_SECONDS: i64 = 120;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: String,
    exp: i64,
}

impl JwtKey {
    /// Reads an RSA private key, PKCS #8 or PKCS #1, from a PEM file: the first private key in it, whatever
    /// else is there, such as its certificate.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, when its key is encrypted, is none of RSA, or one that cannot be used.
    pub fn load(path: &Path) -> Result<Self, JwtKeyError> {
        let pem = fs::read(path).map_err(|error| JwtKeyError::Unreadable(error.kind()))?;
        // A section that is broken is no key; one behind it may be one.
        let key = match PrivateKeyDer::pem_slice_iter(&pem).find_map(Result::ok) {
            Some(PrivateKeyDer::Pkcs8(key)) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            Some(PrivateKeyDer::Pkcs1(key)) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            None if is_encrypted(&pem) => return Err(JwtKeyError::Encrypted),
            _ => return Err(JwtKeyError::NoRsaKey),
        };
        let key = key.map_err(|rejected| why_rejected(&rejected))?;
        // Only signing shows whether its numbers belong together.
        let key = Self(Arc::new(key));
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
            exp: Timestamp::now().as_second() + VALID_SECONDS,
        })
    }

    /// The claims, with header and signature (RFC 7515, 3.1).
    fn sign(&self, claims: &Claims<'_>) -> Result<String, JwtKeyError> {
        let claims = serde_json::to_vec(claims).expect("texts and a number become JSON");
        let signed = format!("{HEADER}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| JwtKeyError::NoRsaKey)?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Whether a key is there, in either way that `openssl` encrypts one: in a section of its own, or behind
/// a header line.
fn is_encrypted(pem: &[u8]) -> bool {
    let is_mark = |line: &[u8]| {
        let line = line.trim_ascii_end();
        line == b"-----BEGIN ENCRYPTED PRIVATE KEY-----" || line == b"Proc-Type: 4,ENCRYPTED"
    };
    pem.split(|byte| matches!(byte, b'\n' | b'\r')).any(is_mark)
}

/// `ring` takes primes of a multiple of 512 bits.
fn why_rejected(rejected: &KeyRejected) -> JwtKeyError {
    match &*rejected.to_string() {
        "TooSmall"
        | "TooLarge"
        | "PrivateModulusLenNotMultipleOf512Bits"
        | "VersionNotSupported" => JwtKeyError::UnusableRsaKey,
        _ => JwtKeyError::NoRsaKey,
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

    /// Made with `openssl dgst -sha256 -sign`.
    const SIGNATURE: &str = "\
         vuyz_tYlv4e_OrvqQIGNO3is6IhllcAiuxmcBDW4aEMGEpGncJWOVK-WGuam7etcmMtocMMgIIQE1yghblcs\
         qCxb6WqW7KZwWggHytO_gPDR5bap1ZkPRcRcuwUAuEs8ZhrSdp3jayfdghr8PBRztS0pJ1J7_v7sxS5r05_6\
         WPlZG9b1TTxaPOC04h3RTfRr1RzV8lGpUAXZOWxDuojOAfeQo-6UFHGzBGnZduMHlD760eMK43y6rPxJRxZw\
         7AmP-K5ximSn2p8nLlWJ4wgwdNBBCxygj18w__VsToUlVy0lY5FM4onHbQhfzZ8-pzAXHgez3BEijofuXn_v\
         RY4Vmw";

    #[test]
    fn both_kinds_of_key_files_sign_as_openssl_does() {
        // PKCS #8 wraps a key of PKCS #1 into 26 bytes.
        let key = test_support::RSA_KEYS[0];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        for (kind, key) in [("PRIVATE KEY", key), ("RSA PRIVATE KEY", &key[26..])] {
            // As `openssl pkcs12` writes it.
            let file = format!("Bag Attributes\n{}", pem::encode(&pem::Pem::new(kind, key)));
            std::fs::write(&path, file).unwrap();

            let assertion = JwtKey::load(&path).unwrap().sign(&Claims {
                iss: "3MVG9",
                sub: "ada@acme.example",
                aud: "https://login.salesforce.com".to_owned(),
                exp: 1_750_000_000,
            });

            assert_eq!(assertion.unwrap().rsplit('.').next().unwrap(), SIGNATURE, "{kind}");
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

    fn pem_of(kind: &str, der: &[u8]) -> String {
        pem::encode(&pem::Pem::new(kind, der))
    }

    fn load(text: &str) -> Result<JwtKey, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        std::fs::write(&path, text).unwrap();
        JwtKey::load(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_private_key_of_a_file_counts_whatever_else_is_there() {
        let [first, second] = test_support::RSA_KEYS;
        let [key, other] = [first, second].map(|key| pem_of("PRIVATE KEY", key));
        let certificate = pem_of("CERTIFICATE", b"any");
        let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        let encrypted = pem_of("ENCRYPTED PRIVATE KEY", b"any");
        let modulus = |key: &JwtKey| key.0.public().as_ref().to_vec();
        let expected = modulus(&load(&key).unwrap());

        for before in [&certificate, broken, &encrypted, "Key:\r\n"] {
            let file = format!("{before}{key}{certificate}{other}");
            assert_eq!(modulus(&load(&file).unwrap()), expected, "{before}");
        }
        assert_ne!(modulus(&load(&format!("{other}{key}")).unwrap()), expected);
    }

    #[test]
    fn an_encrypted_key_is_called_so_and_how_it_is_decrypted() {
        let certificate = pem_of("CERTIFICATE", b"any");
        let pkcs8 = pem_of("ENCRYPTED PRIVATE KEY", b"any");
        let pkcs1 = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                     DEK-Info: AES-256-CBC,A5ADA0ACAC096FC985BE90264A8BD54A\n\nAAAA\n\
                     -----END RSA PRIVATE KEY-----\n";
        for encrypted in [&pkcs8, &pkcs8.replace('\n', "\r\n"), pkcs1] {
            let refusal = load(&format!("{certificate}{encrypted}")).unwrap_err();
            assert!(refusal.starts_with("the key is encrypted"), "{refusal}");
            assert!(refusal.contains("`openssl pkey -in encrypted.pem -out key.pem`"), "{refusal}");
        }
    }

    #[test]
    fn a_key_of_another_size_or_exponent_hears_what_is_accepted() {
        for key in test_support::UNUSUAL_RSA_KEYS {
            let refusal = load(&pem_of("PRIVATE KEY", key)).unwrap_err();
            assert!(refusal.contains("2048, 3072 or 4096 bits, two primes"), "{refusal}");
            assert!(refusal.contains("an exponent from 65537"), "{refusal}");
        }
        let no_rsa = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert!(load(&no_rsa).unwrap_err().starts_with("it is no RSA private key"));
    }
}
