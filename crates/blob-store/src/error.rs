/// Why a blob operation did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The container holds no such blob.
    #[error("no blob `{name}` in container `{container}`")]
    NoSuchBlob {
        /// Name of the blob.
        name: String,
        /// Name of the container.
        container: String,
    },
    /// The account holds no such container.
    #[error("no container `{container}`")]
    NoSuchContainer {
        /// Name of the container.
        container: String,
    },
    /// Somebody wrote to the blob while it was being read.
    #[error("blob `{name}` changed while it was being read")]
    BlobChanged {
        /// Name of the blob.
        name: String,
    },
    /// A blob of this name exists and must not be replaced.
    #[error("blob `{name}` already exists in container `{container}`")]
    AlreadyExists {
        /// Name of the blob.
        name: String,
        /// Name of the container.
        container: String,
    },
}
