//! Which cryptography TLS uses: that of `ring`, in every program and in every test.
//!
//! The clients of Redis, Azure and Salesforce all use rustls, which takes the cryptography from the
//! process. `ring` compiles in a tenth of the time of rustls' own choice, `aws-lc-rs`, and needs no
//! `cmake`.

/// Provides the process with cryptography for TLS. Has to be called before a client is made, and may
/// be called any number of times.
pub fn provide() {
    // An error says that the process has one already: it keeps that.
    let _is_provided = rustls::crypto::ring::default_provider().install_default();
}
