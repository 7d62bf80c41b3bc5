//! The ways to sign in, one after another.

use std::{
    error::Error,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::{ClientOptions, Transport},
};
use azure_identity::{
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential,
};
use reqwest::redirect;
use tls::Proxy;
use tokio::{net::TcpStream, time::timeout};

/// Where virtual machines ask for their identity; nothing listens there outside
/// of Azure. <https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service>
const METADATA_SERVICE: &str = "169.254.169.254:80";
const METADATA_SERVICE_WAIT: Duration = Duration::from_secs(1);

/// The identity that this process has. The ways to sign in, in this order; the first one that gives
/// a token is kept:
///
/// 1. workload identity (AKS sets `AZURE_FEDERATED_TOKEN_FILE` and others),
/// 2. managed identity (App Service, Container Apps, virtual machines; of
///    several, the one that `AZURE_CLIENT_ID` names),
/// 3. the developer's `az login`, then `azd auth login`.
///
/// What the platform gives comes before what somebody left logged in.
///
/// # Errors
///
/// When a way to sign in is not set up as it should be.
pub fn credential() -> azure_core::Result<Arc<dyn TokenCredential>> {
    let mut sources: Vec<Source> = Vec::new();
    if let Ok(credential) = WorkloadIdentityCredential::new(None) {
        sources.push(Source { name: "workload identity", credential });
    }
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: variable("AZURE_CLIENT_ID").map(UserAssignedId::ClientId),
        client_options: ClientOptions { transport: Some(direct()?), ..Default::default() },
    };
    let credential = ManagedIdentityCredential::new(Some(options))?;
    sources.push(Source { name: MANAGED_IDENTITY, credential });
    let credential = DeveloperToolsCredential::new(None)?;
    sources.push(Source { name: "az or azd", credential });
    Ok(Arc::new(IdentityChain { sources, chosen: OnceLock::new() }))
}

/// Asks this machine, over plain http: behind a proxy another machine would answer, and be told the
/// token.
fn direct() -> azure_core::Result<Transport> {
    tls::provide();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tls_certs_only([])
        .build()
        .map_err(|error| azure_core::Error::new(ErrorKind::Credential, error))?;
    Ok(Transport::new(Arc::new(client)))
}

const MANAGED_IDENTITY: &str = "managed identity";

#[derive(Debug)]
struct Source {
    name: &'static str,
    credential: Arc<dyn TokenCredential>,
}

#[derive(Debug)]
struct IdentityChain {
    sources: Vec<Source>,
    /// Index of the source that gave the first token.
    chosen: OnceLock<usize>,
}

#[async_trait]
impl TokenCredential for IdentityChain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if let Some(source) = self.chosen.get().and_then(|&index| self.sources.get(index)) {
            return source.credential.get_token(scopes, options).await;
        }
        let mut problems = Vec::new();
        for (index, source) in self.sources.iter().enumerate() {
            match source.token(scopes, options.clone()).await {
                Ok(token) => {
                    if self.chosen.set(index).is_ok() {
                        tracing::info!("signed in to Entra ID through {}", source.name);
                    }
                    return Ok(token);
                }
                Err(error) => problems.push(format!("{}: {}", source.name, with_proxy(&error))),
            }
        }
        Err(azure_core::Error::with_message(ErrorKind::Credential, problems.join("; ")))
    }
}

/// What an error says; with the proxy's part in it, where a request got no answer.
fn with_proxy(error: &azure_core::Error) -> String {
    let innermost = std::iter::successors(Some(error as &dyn Error), |it| (**it).source()).last();
    let request = innermost.filter(|_| has_no_answer(error));
    match request.and_then(|innermost| Some((innermost, Proxy::to(&authority())?))) {
        Some((innermost, proxy)) => {
            format!("{error}: {}", proxy.explain(error, &innermost.to_string(), false))
        }
        None => error.to_string(),
    }
}

/// Whether it is one of a connection, below whatever stands around it.
fn has_no_answer(error: &azure_core::Error) -> bool {
    let mut causes = std::iter::successors(Some(error as &dyn Error), |it| (**it).source());
    causes.any(|cause| {
        let kind = cause.downcast_ref::<azure_core::Error>().map(azure_core::Error::kind);
        matches!(kind, Some(ErrorKind::Io | ErrorKind::Connection))
    })
}

/// Where tokens are asked for.
fn authority() -> String {
    variable("AZURE_AUTHORITY_HOST")
        .unwrap_or_else(|| "https://login.microsoftonline.com".to_owned())
}

impl Source {
    async fn token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if self.name == MANAGED_IDENTITY && !managed_identity_is_near().await {
            return Err(azure_core::Error::with_message(
                ErrorKind::Credential,
                "this machine has none",
            ));
        }
        self.credential.get_token(scopes, options).await
    }
}

/// Asking for a token where nobody listens would take a minute to fail.
async fn managed_identity_is_near() -> bool {
    variable("IDENTITY_ENDPOINT").is_some()
        || matches!(
            timeout(METADATA_SERVICE_WAIT, TcpStream::connect(METADATA_SERVICE)).await,
            Ok(Ok(_))
        )
}

#[expect(clippy::disallowed_methods, reason = "set by the platform we run on, not by a person")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
