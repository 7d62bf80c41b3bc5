use bytes::Bytes;
use futures::Stream;

use crate::{
    Appended, BlobArgs, BlobError, BlobEtag, BlobProperties, BlobReader, BlobWriter, Overwrite,
    ReadSettings,
};

/// One container of one storage account. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct BlobStore {
    container: String,
}

#[expect(clippy::unused_async, reason = "signatures first")]
impl BlobStore {
    /// Checks the settings. Talks to nobody yet.
    pub fn connect(args: &BlobArgs) -> Result<Self, BlobError> {
        Ok(Self { container: args.azure_container.clone() })
    }

    /// Name of the container.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Creates the container, unless it exists.
    pub async fn create_container(&self) -> Result<(), BlobError> {
        unimplemented!()
    }

    /// What is known about a blob without reading it.
    pub async fn properties(&self, _name: &str) -> Result<BlobProperties, BlobError> {
        unimplemented!()
    }

    /// All blobs whose name starts with `prefix`, in order of name.
    pub fn list(
        &self,
        _prefix: &str,
    ) -> impl Stream<Item = Result<BlobProperties, BlobError>> + Send + Unpin + use<> {
        futures::stream::empty()
    }

    /// Deletes a blob.
    pub async fn delete(&self, _name: &str) -> Result<(), BlobError> {
        unimplemented!()
    }

    /// Reads the version `etag` of a blob of `bytes` bytes, from `from_byte` on.
    pub fn read(
        &self,
        _name: &str,
        _etag: &BlobEtag,
        _bytes: u64,
        _from_byte: u64,
        _settings: ReadSettings,
    ) -> BlobReader {
        unimplemented!()
    }

    /// Starts to write a blob. Nothing is visible before [`BlobWriter::commit`].
    pub async fn write(&self, _name: &str, _overwrite: Overwrite) -> Result<BlobWriter, BlobError> {
        unimplemented!()
    }

    /// Creates an append blob that holds `first`, unless it exists; answers its length either way.
    pub async fn append_create(&self, _name: &str, _first: Bytes) -> Result<u64, BlobError> {
        unimplemented!()
    }

    /// Appends at `position`, which must be the blob's end.
    pub async fn append(
        &self,
        _name: &str,
        _position: u64,
        _bytes: Bytes,
    ) -> Result<Appended, BlobError> {
        unimplemented!()
    }
}
