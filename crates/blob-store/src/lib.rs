//! Azure Blob Storage as this project uses it. The only crate that knows Azure.
//!
//! ```text
//! BlobArgs ──▶ BlobStore ─┬─ read ──▶ BlobReader ──▶ decompress ──▶ chunks
//!                         ├─ write ─▶ BlobWriter ──▶ staged blocks ──▶ commit (resumable)
//!                         └─ append, list, properties, delete
//! ```
//!
//! It is built on Microsoft's own `azure_storage_blob`, which has neither
//! connection strings nor account keys nor a download that survives a broken
//! connection: those are here. Every request goes through one policy that signs
//! it (account key, SAS, or a token of Entra ID) and one rule for trying again.
//!
//! No error, log line or `Debug` output of this crate holds a key, a SAS or a
//! token.

mod append;
mod args;
mod blob;
mod blocks;
mod cause;
mod compression;
mod connection;
mod decompress;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod metrics;
mod name;
mod probe;
mod read;
mod retry;
mod sas;
mod shared_key;
mod store;
mod transport;
mod write;

pub use args::BlobArgs;
pub use blob::{AppendBlob, Appended, BlobEtag, BlobPage, BlobProperties, Overwrite};
pub use compression::Compression;
pub use decompress::decompress;
pub use error::BlobError;
pub use metrics::Metrics;
pub use probe::BlobOutage;
pub use read::{BlobReader, ReadSettings};
pub use store::BlobStore;
pub use write::BlobWriter;
