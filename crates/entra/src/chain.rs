//! The ways to sign in, one after another.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};
use azure_identity::{
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential,
};
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
        ..Default::default()
    };
    let credential = ManagedIdentityCredential::new(Some(options))?;
    sources.push(Source { name: MANAGED_IDENTITY, credential });
    let credential = DeveloperToolsCredential::new(None)?;
    sources.push(Source { name: "az or azd", credential });
    Ok(Arc::new(IdentityChain { sources, chosen: OnceLock::new() }))
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
                Err(error) => problems.push(format!("{}: {error}", source.name)),
            }
        }
        Err(azure_core::Error::with_message(ErrorKind::Credential, problems.join("; ")))
    }
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
