//! `GET /api/openapi.json`: this API, described for programs.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::Value;

use crate::server::state::Api;

/// As it is in the repository; the version and whether a token is wanted are
/// filled in.
const DOCUMENT: &str = include_str!("openapi.json");

/// The document of a server that does or does not want a token.
fn document(wants_token: bool) -> Value {
    let mut document: Value =
        serde_json::from_str(DOCUMENT).expect("a test reads the embedded document");
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    if !wants_token {
        let members = document.as_object_mut().expect("a test reads the embedded document");
        members.remove("security");
    }
    document
}

pub(crate) async fn show(State(api): State<Arc<Api>>) -> Json<Value> {
    Json(document(api.auth.wants_token()))
}
