use std::sync::Arc;

use async_trait::async_trait;
use azure_core::{
    credentials::Secret,
    http::{
        Context, Request,
        policies::{Policy, PolicyResult},
    },
};

/// Adds a shared access signature to each request, and to nothing else: the
/// URLs that we hold, print and log stay free of it.
#[derive(Debug)]
pub(crate) struct SasPolicy(Secret);

impl SasPolicy {
    /// Takes the query of the SAS, without `?`.
    pub(crate) fn new(query: Secret) -> Self {
        Self(query)
    }
}

#[async_trait]
impl Policy for SasPolicy {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let query = match request.url().query() {
            None | Some("") => self.0.secret().to_owned(),
            Some(query) => format!("{query}&{}", self.0.secret()),
        };
        request.url_mut().set_query(Some(&query));
        next[0].send(context, request, &next[1..]).await
    }
}
