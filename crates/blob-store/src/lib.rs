//! Azure Blob Storage as this project uses it. The only crate that knows Azure.

mod args;
mod blob;
mod compression;
mod error;
mod read;
mod store;
mod write;

pub use args::BlobArgs;
pub use blob::{Appended, BlobEtag, BlobProperties, Overwrite};
pub use compression::{Compression, decompress};
pub use error::BlobError;
pub use read::{BlobReader, ReadSettings};
pub use store::BlobStore;
pub use write::BlobWriter;
