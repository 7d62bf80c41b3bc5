use std::{fmt, sync::Arc};

use azure_core::http::{Etag, StatusCode};
use azure_storage_blob::{
    BlockBlobClient,
    models::{
        BlockBlobClientCommitBlockListOptions, BlockBlobClientCommitBlockListResultHeaders,
        BlockListType, BlockLookupList,
    },
};
use bytes::{Bytes, BytesMut};
use tokio::task::{JoinError, JoinSet};

use crate::{
    BlobError, BlobProperties, BlobStore, Overwrite,
    retry::{QUESTION, TRANSFER, retried},
};

/// 50,000 of them, the most that a blob can have, make 195 GiB.
const BLOCK_BYTES: usize = 4 << 20;
const BLOCKS_MAX: u64 = 50_000;

/// Blocks on their way; one more is being filled.
const BLOCKS_IN_FLIGHT_MAX: usize = 4;

impl BlobStore {
    /// Starts to write a blob. Nothing is visible before [`BlobWriter::commit`].
    ///
    /// # Errors
    /// [`BlobError::AlreadyExists`] with [`Overwrite::Refuse`],
    /// [`BlobError::NoSuchContainer`], [`BlobError::InvalidName`],
    /// [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn write(&self, name: &str, overwrite: Overwrite) -> Result<BlobWriter, BlobError> {
        let writer = BlobWriter::new(self.clone(), name, overwrite)?;
        match self.properties(name).await {
            Ok(_) if overwrite == Overwrite::Refuse => {
                Err(self.subject(Some(name)).already_exists())
            }
            Ok(_) | Err(BlobError::NoSuchBlob { .. }) => Ok(writer),
            Err(error) => Err(error),
        }
    }
}

/// Writes one blob in staged blocks. Dropped without a commit, it leaves
/// nothing visible. Takes up to 20 MiB of memory, and needs 300 kB/s: the HTTP
/// client below allows a block one minute.
pub struct BlobWriter {
    store: BlobStore,
    name: String,
    client: Arc<BlockBlobClient>,
    overwrite: Overwrite,
    /// Marks our blocks among those of other writers of the same name.
    writer: u64,
    blocks: u64,
    bytes: u64,
    block: BytesMut,
    in_flight: JoinSet<Result<Bytes, BlobError>>,
}

impl BlobWriter {
    pub(crate) fn new(
        store: BlobStore,
        name: &str,
        overwrite: Overwrite,
    ) -> Result<Self, BlobError> {
        Ok(Self {
            client: Arc::new(store.blob_client(name)?.block_blob_client()),
            store,
            name: name.to_owned(),
            overwrite,
            writer: fastrand::u64(..),
            blocks: 0,
            bytes: 0,
            block: BytesMut::new(),
            in_flight: JoinSet::new(),
        })
    }

    /// Takes more of the content; waits while too much is in flight. After an
    /// error the writer is of no more use.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], [`BlobError::OtherType`], [`BlobError::NoSuchContainer`],
    /// [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), BlobError> {
        while !bytes.is_empty() {
            if self.block.len() == BLOCK_BYTES {
                self.stage().await?;
            }
            // Allocates once per block at most: it is empty or has this capacity.
            self.block.reserve(BLOCK_BYTES - self.block.len());
            let part = bytes.split_to(bytes.len().min(BLOCK_BYTES - self.block.len()));
            self.block.extend_from_slice(&part);
            self.bytes += part.len() as u64;
        }
        Ok(())
    }

    /// Makes the blob visible, whole.
    ///
    /// # Errors
    /// [`BlobError::AlreadyExists`] when it was not to be replaced and somebody
    /// created it in the meantime, and those of [`write`](Self::write).
    pub async fn commit(mut self) -> Result<BlobProperties, BlobError> {
        if !self.block.is_empty() {
            self.stage().await?;
        }
        while let Some(staged) = self.in_flight.join_next().await {
            self.staged(staged)?;
        }
        match retried(TRANSFER, || self.commit_blocks()).await {
            Ok(Some(committed)) => Ok(committed),
            Ok(None) => self.store.properties(&self.name).await,
            Err(error) if self.is_conflict(&error) => self.who_was_first().await,
            Err(error) => Err(self.store.subject(Some(&self.name)).error(&error)),
        }
    }

    /// Sends the block that is full on its way, and takes up an empty one.
    async fn stage(&mut self) -> Result<(), BlobError> {
        if self.blocks == BLOCKS_MAX {
            let bytes_max = BLOCKS_MAX * BLOCK_BYTES as u64;
            return Err(BlobError::TooLarge { name: self.name.clone(), bytes_max });
        }
        let mut emptied = BytesMut::new();
        if self.in_flight.len() == BLOCKS_IN_FLIGHT_MAX
            && let Some(staged) = self.in_flight.join_next().await
        {
            emptied = self.staged(staged)?;
        }

        let block = std::mem::replace(&mut self.block, emptied).freeze();
        let (client, id) = (Arc::clone(&self.client), self.block_id(self.blocks));
        let subject = self.store.subject(Some(&self.name));
        self.blocks += 1;
        self.in_flight.spawn(async move {
            let length = block.len() as u64;
            retried(TRANSFER, || client.stage_block(&id, length, block.clone().into(), None))
                .await
                .map_err(|error| subject.error(&error))?;
            Ok(block)
        });
        Ok(())
    }

    /// The memory of a block that has arrived, for the next one.
    fn staged(
        &self,
        staged: Result<Result<Bytes, BlobError>, JoinError>,
    ) -> Result<BytesMut, BlobError> {
        match staged {
            Ok(block) => {
                let mut memory = block?.try_into_mut().unwrap_or_default();
                memory.clear();
                Ok(memory)
            }
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(BlobError::Stopped { name: self.name.clone() }),
            },
        }
    }

    /// Sixteen bytes, the length that Microsoft's own clients use: all blocks
    /// of a blob must have names of one length.
    fn block_id(&self, index: u64) -> Vec<u8> {
        [self.writer.to_be_bytes(), index.to_be_bytes()].concat()
    }

    async fn commit_blocks(&self) -> azure_core::Result<Option<BlobProperties>> {
        let list = BlockLookupList {
            latest: Some((0..self.blocks).map(|index| self.block_id(index)).collect()),
            ..Default::default()
        };
        let options = BlockBlobClientCommitBlockListOptions {
            if_none_match: (self.overwrite == Overwrite::Refuse).then(|| Etag::from("*")),
            ..Default::default()
        };
        let answer = self.client.commit_block_list(list.try_into()?, Some(options)).await?;
        let version = answer.etag()?.zip(answer.last_modified()?);
        Ok(version.map(|(etag, last_modified)| BlobProperties {
            name: self.name.clone(),
            bytes: self.bytes,
            etag: String::from(etag).into(),
            last_modified: last_modified.into(),
            content_encoding: None,
        }))
    }

    fn is_conflict(&self, error: &azure_core::Error) -> bool {
        self.overwrite == Overwrite::Refuse
            && matches!(
                error.http_status(),
                Some(StatusCode::Conflict | StatusCode::PreconditionFailed)
            )
    }

    /// The blob exists now: is it ours, from a try whose answer was lost?
    async fn who_was_first(&self) -> Result<BlobProperties, BlobError> {
        let there = self.store.properties(&self.name).await?;
        let committed = retried(QUESTION, || async {
            self.client.get_block_list(BlockListType::Committed, None).await?.into_model()
        });
        let committed = committed.await.map_err(|e| self.store.subject(Some(&self.name)).error(&e));
        let first = committed?.committed_blocks.unwrap_or_default().into_iter().next();
        let is_ours = match first {
            Some(block) => block.name.is_some_and(|id| id.starts_with(&self.writer.to_be_bytes())),
            None => self.blocks == 0 && there.bytes == 0,
        };
        if is_ours { Ok(there) } else { Err(self.store.subject(Some(&self.name)).already_exists()) }
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, bytes, overwrite, .. } = self;
        f.debug_struct("BlobWriter")
            .field("name", name)
            .field("bytes", bytes)
            .field("overwrite", overwrite)
            .finish_non_exhaustive()
    }
}
