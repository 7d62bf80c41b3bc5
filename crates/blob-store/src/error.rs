use azure_core::{error::ErrorKind, http::StatusCode};

use crate::{cause::Cause, compression::Compression};

/// Why a blob operation did not succeed; each kind asks for another reaction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// A setting is missing or wrong. Its value is never repeated.
    #[error("{setting} {problem}")]
    InvalidSetting {
        /// The variable's name.
        setting: &'static str,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// Azure allows no such name, so nothing was asked of it.
    #[error("`{name}` is not a blob name: {problem}")]
    InvalidName {
        /// The name, shortened and escaped.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The name is mistyped (folders are part of it, and so are capitals), or the file is in
    /// another container.
    #[error("there is no blob `{name}` in container `{container}`")]
    NoSuchBlob {
        /// Name of the blob.
        name: String,
        /// Name of the container.
        container: String,
    },
    /// `AZURE_CONTAINER` is mistyped, or nothing was uploaded into the account yet.
    #[error("there is no container `{container}`; create it, or check AZURE_CONTAINER")]
    NoSuchContainer {
        /// Name of the container.
        container: String,
    },
    /// Somebody uploaded the file again, or deleted it, while it was read. A run never mixes two
    /// versions of a file.
    #[error(
        "blob `{name}` was changed or deleted while it was being read; start again with what is there now"
    )]
    BlobChanged {
        /// Name of the blob.
        name: String,
    },
    /// Nothing is overwritten unasked.
    #[error("blob `{name}` already exists in container `{container}`")]
    AlreadyExists {
        /// Name of the blob.
        name: String,
        /// Name of the container.
        container: String,
    },
    /// Two programs uploaded to the same name at the same time.
    #[error(
        "somebody else wrote blob `{name}` while it was being written, which removed what was \
         staged; write it again"
    )]
    BlocksGone {
        /// Name of the blob.
        name: String,
    },
    /// A blob keeps the type with which it was created, and outputs of a run are append blobs.
    #[error(
        "blob `{name}` exists as another type of blob (block, append or page) than is to be \
         written; delete it or use another name"
    )]
    OtherType {
        /// Name of the blob.
        name: String,
    },
    /// Azure keeps such a blob offline: mostly a lifecycle rule of the storage account moved it.
    #[error(
        "blob `{name}` is in the archive tier, so it cannot be read; set its tier to Hot or Cool, wait \
         until it is rehydrated (some hours), and start again"
    )]
    Archived {
        /// Name of the blob.
        name: String,
    },
    /// An append blob takes 50,000 appends. The outputs of a run go on in another file by
    /// themselves.
    #[error("append blob `{name}` is full: it took as many appends as it can")]
    Full {
        /// Name of the blob.
        name: String,
    },
    /// A block blob takes 50,000 blocks.
    #[error("blob `{name}` would be larger than {bytes_max} bytes; split it into several")]
    TooLarge {
        /// Name of the blob.
        name: String,
        /// The most that can be written, in bytes.
        bytes_max: u64,
    },
    /// The storage account answered, and refuses this key, SAS or identity.
    #[error(
        "the blob storage denied access to {subject}; check that the account key is right, that \
         the SAS has not expired and allows this, or that the identity has the role Storage Blob \
         Data Contributor; and that this machine's clock is right and the account's firewall \
         lets it in"
    )]
    Denied {
        /// The blob or container.
        subject: String,
        /// What the service answered.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// `AZURE_STORAGE_ACCOUNT_URL` was set, so the programs sign in to Entra ID; none of the ways to
    /// do so worked, and the causes name each.
    #[error(
        "could not sign in to the blob storage; run `az login`, or give this machine a managed \
         identity, or set AZURE_STORAGE_CONNECTION_STRING instead of AZURE_STORAGE_ACCOUNT_URL"
    )]
    NotSignedIn {
        /// What each way of signing in said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The machine or image has no list of certificate authorities, so no server's certificate
    /// could be checked.
    #[error(
        "could not prepare for https; install the package ca-certificates, or name a file of \
         certificate authorities with SSL_CERT_FILE"
    )]
    NoTrust {
        /// What the TLS library said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There was no answer, or only "try again", for as long as the program waits: the account's
    /// name is mistyped, or a firewall, private endpoint or proxy is in the way: [Corporate
    /// networks](networks.md).
    #[error(
        "could not get through to the blob storage for {subject}; check the endpoint in \
         AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_URL, and that it runs"
    )]
    Unreachable {
        /// The blob or container.
        subject: String,
        /// The last attempt's failure.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service answered with something that has no better name here; the cause has its code.
    #[error("the blob storage refused a request for {subject}")]
    Refused {
        /// The blob or container.
        subject: String,
        /// What the service answered.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is a part only. What was delivered before its end was met stays delivered.
    #[error(
        "the blob ends before its {compression} data does: the file was cut short before it was \
         uploaded, or while it was; upload all of it again, and load it as a new run"
    )]
    CutShort {
        /// What it is.
        compression: Compression,
    },
    /// Bytes of the file were changed after it was compressed, such as by an upload as text.
    #[error(
        "the blob is damaged {compression} data; compress and upload it again, and load it as a new \
         run"
    )]
    Corrupt {
        /// What it should have been.
        compression: Compression,
        /// What the decompressor said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The compressor was told to use more memory than a reader is given.
    #[error(
        "the blob is Zstandard data that needs a window of more than {} MiB to be read; compress it \
         without --long and --ultra, or with --long=23, and load it as a new run",
        window_bytes_max >> 20
    )]
    WindowTooLarge {
        /// The largest window that is taken, in bytes.
        window_bytes_max: u64,
    },
    /// No table of rows is so regular. It protects from files that were made to fill memory and
    /// queue.
    #[error(
        "the {compression} data becomes more than {ratio_max} times larger: its first {stored} bytes \
         are more than {decoded} bytes; it is not read any further. If these are rows, upload the file \
         without compression, and load it as a new run"
    )]
    Inflated {
        /// What it is.
        compression: Compression,
        /// Bytes that were read of the blob.
        stored: u64,
        /// Bytes that they are, decompressed.
        decoded: u64,
        /// How many times larger it may become.
        ratio_max: u64,
    },
    /// The program was ending. Run the command again.
    #[error("the transfer of blob `{name}` was stopped")]
    Stopped {
        /// Name of the blob.
        name: String,
    },
}

impl BlobError {
    /// Whether it passes only when a person acts, and the same request again is of no use.
    #[must_use]
    pub fn is_for_a_person(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::Archived { .. } | Self::InvalidSetting { .. })
    }
}

/// What a request was about.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) container: String,
    pub(crate) blob: Option<String>,
}

impl Subject {
    /// Sorts an error of the library by what it means to our caller.
    pub(crate) fn error(&self, error: &azure_core::Error) -> BlobError {
        let source = Cause::of(error);
        match (error.kind(), error_code(error)) {
            (_, "ContainerNotFound") => self.no_such_container(),
            (_, "BlobNotFound") => self.not_found(),
            (_, "BlobAlreadyExists" | "ConditionNotMet" | "UnauthorizedBlobOverwrite") => {
                self.already_exists()
            }
            (_, "BlockCountExceedsLimit") => BlobError::Full { name: self.name() },
            (_, "BlobArchived" | "BlobBeingRehydrated") => {
                BlobError::Archived { name: self.name() }
            }
            (_, "InvalidBlobType") => BlobError::OtherType { name: self.name() },
            (ErrorKind::HttpResponse { status, .. }, _) => match *status {
                StatusCode::NotFound => self.not_found(),
                StatusCode::Unauthorized | StatusCode::Forbidden => {
                    BlobError::Denied { subject: self.to_string(), source }
                }
                _ if is_transient(error) => {
                    BlobError::Unreachable { subject: self.to_string(), source }
                }
                _ => BlobError::Refused { subject: self.to_string(), source },
            },
            (ErrorKind::Credential, _) => BlobError::NotSignedIn { source },
            (ErrorKind::Io | ErrorKind::Connection, _) => {
                BlobError::Unreachable { subject: self.to_string(), source }
            }
            _ => BlobError::Refused { subject: self.to_string(), source },
        }
    }

    pub(crate) fn already_exists(&self) -> BlobError {
        BlobError::AlreadyExists { name: self.name(), container: self.container.clone() }
    }

    pub(crate) fn changed(&self) -> BlobError {
        BlobError::BlobChanged { name: self.name() }
    }

    pub(crate) fn name(&self) -> String {
        self.blob.clone().unwrap_or_default()
    }

    /// The service answered, but not what its documentation says.
    pub(crate) fn nonsense(&self, what: &str) -> BlobError {
        BlobError::Refused { subject: self.to_string(), source: Cause::words(what) }
    }

    fn not_found(&self) -> BlobError {
        match &self.blob {
            Some(name) => {
                BlobError::NoSuchBlob { name: name.clone(), container: self.container.clone() }
            }
            None => self.no_such_container(),
        }
    }

    fn no_such_container(&self) -> BlobError {
        BlobError::NoSuchContainer { container: self.container.clone() }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.blob {
            Some(name) => write!(f, "blob `{name}` in container `{}`", self.container),
            None => write!(f, "container `{}`", self.container),
        }
    }
}

/// The service's own name for what went wrong, such as `BlobNotFound`, or "".
/// <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>
pub(crate) fn error_code(error: &azure_core::Error) -> &str {
    match error.kind() {
        ErrorKind::HttpResponse { error_code: Some(code), .. } => code,
        _ => "",
    }
}

/// Whether the same request may well succeed a moment later.
pub(crate) fn is_transient(error: &azure_core::Error) -> bool {
    match error.kind() {
        ErrorKind::Connection | ErrorKind::Io => true,
        ErrorKind::HttpResponse { status, .. } => {
            matches!(u16::from(*status), 408 | 429 | 500 | 502 | 503 | 504)
                || error_code(error) == "ContainerBeingDeleted"
        }
        _ => false,
    }
}
