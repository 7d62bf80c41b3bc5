use bytes::Bytes;

use crate::{BlobError, BlobProperties};

/// Writes one blob in staged blocks. Dropped without a commit, it leaves nothing visible.
#[derive(Debug)]
pub struct BlobWriter {}

#[expect(clippy::unused_async, reason = "signatures first")]
impl BlobWriter {
    /// Takes more of the content; waits while too much is in flight.
    pub async fn write(&mut self, _bytes: Bytes) -> Result<(), BlobError> {
        unimplemented!()
    }

    /// Makes the blob visible, whole.
    pub async fn commit(self) -> Result<BlobProperties, BlobError> {
        unimplemented!()
    }
}
