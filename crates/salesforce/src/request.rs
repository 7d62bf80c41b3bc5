//! What one request is made of.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, header::HeaderMap};

use crate::{auth::credentials::Credentials, body::Body};

/// Where rows go, and how.
#[derive(Clone, Debug)]
pub struct Connection {
    /// How to get in.
    pub credentials: Credentials,
    /// Such as `62.0`.
    pub api_version: String,
    /// What the org's event log calls this client.
    pub client_name: String,
    /// Whether what is sent is compressed.
    pub gzip: bool,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for an answer. Salesforce itself gives up after ten minutes.
    pub timeout: Duration,
}

/// One request below `/services/data/vXX.X/`.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Option<Content>,
}

/// The body of a request.
#[derive(Clone)]
pub(crate) enum Content {
    Json(Bytes),
    Csv(Body),
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self::new(Method::GET, path, None)
    }

    pub(crate) fn new(method: Method, path: &'a str, content: Option<Content>) -> Self {
        Self { method, path, query: None, headers: HeaderMap::new(), content }
    }
}
