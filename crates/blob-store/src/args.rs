use secrecy::SecretString;
use url::Url;

/// Where the blobs are, and how to get in.
#[derive(Debug, Clone, clap::Args)]
pub struct BlobArgs {
    /// Connection string of the storage account.
    #[arg(long, env = "AZURE_STORAGE_CONNECTION_STRING", hide_env_values = true)]
    pub azure_storage_connection_string: Option<SecretString>,
    /// Blob endpoint of the storage account, for Entra ID instead of a connection string.
    #[arg(long, env = "AZURE_STORAGE_ACCOUNT_URL", hide_env_values = true)]
    pub azure_storage_account_url: Option<Url>,
    /// Container that holds the blobs.
    #[arg(long, env = "AZURE_CONTAINER", default_value = "high-volume-ingest")]
    pub azure_container: String,
}
