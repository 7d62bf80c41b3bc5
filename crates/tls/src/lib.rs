//! What connections of every client have in common: the cryptography of TLS, and the forward proxy.
//!
//! TLS uses that of `ring`, in every program and in every test.
//! The clients of Redis, Azure and Salesforce all use rustls, which takes the cryptography from the
//! process. `ring` compiles in a tenth of the time of rustls' own choice, `aws-lc-rs`, and needs no
//! `cmake`.

mod authorities;
mod proxy;

pub use authorities::unreadable_authorities;
pub use proxy::{Proxy, unusable_proxy, unusable_proxy_to};

/// Provides the process with cryptography for TLS. Has to be called before a client is made, and may
/// be called any number of times.
pub fn provide() {
    // An error says that the process has one already: it keeps that.
    let _is_provided = rustls::crypto::ring::default_provider().install_default();
}

/// What rustls says of a server whose own certificate is marked as that of an authority, as `openssl req
/// -x509` makes one unless it is told otherwise.
const IS_AN_AUTHORITY: &str = "CaUsedAsEndEntity";

/// The words of a failed connection; with what can be done, where they say only what is wrong.
#[must_use]
pub fn with_advice(words: String) -> String {
    if !words.contains(IS_AN_AUTHORITY) {
        return words;
    }
    format!(
        "{words}: the server's certificate is marked as an authority (CA:TRUE), which no server's may be; \
         make it with `-addext basicConstraints=critical,CA:FALSE`, or sign one with that authority"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_shows_the_certificate_of_an_authority_is_explained() {
        let words = "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))";

        let advised = with_advice(words.to_owned());

        assert!(advised.starts_with(words) && advised.contains("CA:FALSE"), "{advised}");
        assert_eq!(with_advice("connection refused".to_owned()), "connection refused");
    }
}
