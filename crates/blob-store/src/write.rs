use std::{fmt, sync::Arc};

use azure_core::http::{Etag, StatusCode};
use azure_storage_blob::{
    BlockBlobClient,
    models::{
        Block, BlockBlobClientCommitBlockListOptions, BlockBlobClientCommitBlockListResultHeaders,
        BlockListType, BlockLookupList,
    },
};
use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use tokio::task::{JoinError, JoinSet};

use crate::{
    BlobError, BlobProperties, BlobStore, Overwrite,
    blocks::{BLOCKS_MAX, BlockId, BlockSizes, StagedBlocks},
    error::error_code,
    retry::{QUESTION, TRANSFER, retried},
};

impl BlobStore {
    /// Starts to write a blob. Nothing is visible before [`BlobWriter::commit`].
    /// Blocks that an earlier write of the same content has staged, and that were
    /// never committed, are not sent again.
    ///
    /// # Errors
    /// [`BlobError::AlreadyExists`] with [`Overwrite::Refuse`],
    /// [`BlobError::NoSuchContainer`], [`BlobError::InvalidName`], [`BlobError::OtherType`],
    /// [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn write(&self, name: &str, overwrite: Overwrite) -> Result<BlobWriter, BlobError> {
        let mut writer = BlobWriter::new(self.clone(), name, overwrite)?;
        match self.properties(name).await {
            Ok(_) if overwrite == Overwrite::Refuse => {
                return Err(self.subject(Some(name)).already_exists());
            }
            Ok(there) if overwrite == Overwrite::RefuseOther => {
                let ids = writer.committed().await?;
                return Ok(BlobWriter { there: Some(There { ids, blob: there }), ..writer });
            }
            Ok(_) | Err(BlobError::NoSuchBlob { .. }) => {}
            Err(error) => return Err(error),
        }
        writer.staged_before = match writer.listed(BlockListType::Uncommitted).await {
            Ok(blocks) => blocks.into_iter().filter_map(name_and_length).collect(),
            Err(BlobError::NoSuchBlob { .. }) => StagedBlocks::default(),
            Err(error) => return Err(error),
        };
        Ok(writer)
    }

    /// The same, and creates the container only when it turns out to be missing:
    /// the credential may well be one that cannot create any.
    ///
    /// # Errors
    /// Those of [`write`](Self::write), but for the missing container.
    pub async fn write_creating_container(
        &self,
        name: &str,
        overwrite: Overwrite,
    ) -> Result<BlobWriter, BlobError> {
        match self.write(name, overwrite).await {
            Err(BlobError::NoSuchContainer { .. }) => {
                self.create_container().await?;
                self.write(name, overwrite).await
            }
            opened => opened,
        }
    }
}

/// Writes one blob in staged blocks. Dropped without a commit, it leaves
/// nothing visible, and its blocks to the next write of the same content. Takes
/// up to 20 MiB of memory (32 MiB for more than 195 GiB), and needs 300 kB/s: the
/// HTTP client below allows a block one minute.
pub struct BlobWriter {
    store: BlobStore,
    name: String,
    client: Arc<BlockBlobClient>,
    overwrite: Overwrite,
    content_type: Option<&'static str>,
    sizes: BlockSizes,
    staged_before: StagedBlocks,
    /// What the content is compared with, instead of being sent.
    there: Option<There>,
    reused: u64,
    ids: Vec<BlockId>,
    bytes: u64,
    block: BytesMut,
    /// Of `block`.
    hash: Sha256,
    in_flight: JoinSet<Result<Bytes, BlobError>>,
}

/// A blob that exists.
struct There {
    ids: Vec<Vec<u8>>,
    blob: BlobProperties,
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
            content_type: None,
            sizes: BlockSizes::usual(),
            staged_before: StagedBlocks::default(),
            there: None,
            reused: 0,
            ids: Vec::new(),
            bytes: 0,
            block: BytesMut::new(),
            hash: Sha256::new(),
            in_flight: JoinSet::new(),
        })
    }

    /// Cuts blocks so that content of this length fits. Say it before the first
    /// [`write`](Self::write); without it, 195 GiB fit.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] when it fits into no blob.
    pub fn sized_for(self, content_bytes: u64) -> Result<Self, BlobError> {
        self.with_sizes(BlockSizes::of(content_bytes))
    }

    /// The same in 3 MiB of memory, for up to 48 GiB; more takes up to 32 MiB.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] when it fits into no blob.
    pub fn in_small_blocks_for(self, content_bytes: u64) -> Result<Self, BlobError> {
        self.with_sizes(BlockSizes::small_of(content_bytes))
    }

    fn with_sizes(mut self, sizes: Option<BlockSizes>) -> Result<Self, BlobError> {
        self.sizes = sizes.ok_or_else(|| BlobError::TooLarge {
            name: self.name.clone(),
            bytes_max: BlockSizes::CONTENT_BYTES_MAX,
        })?;
        Ok(self)
    }

    /// The blob's `Content-Type`; without it, the service says that it is any bytes.
    #[must_use]
    pub fn with_content_type(mut self, content_type: &'static str) -> Self {
        self.content_type = Some(content_type);
        self
    }

    /// Blocks of the content so far.
    pub fn blocks(&self) -> usize {
        self.ids.len()
    }

    /// Whether the content is that of a blob which was there before, as far as was compared.
    pub fn is_there(&self) -> bool {
        self.there.is_some()
    }

    /// Those of them that had been staged before, and were not sent again.
    pub fn blocks_reused(&self) -> u64 {
        self.reused
    }

    /// Takes more of the content; waits while too much is in flight. After an
    /// error the writer is of no more use.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], [`BlobError::NoSuchContainer`],
    /// [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), BlobError> {
        let block_bytes = usize::try_from(self.sizes.block_bytes).expect("it has 16 MiB at most");
        while !bytes.is_empty() {
            if self.block.len() == block_bytes {
                self.stage().await?;
            }
            // Allocates once per block at most: it is empty or has this capacity.
            self.block.reserve(block_bytes - self.block.len());
            let part = bytes.split_to(bytes.len().min(block_bytes - self.block.len()));
            self.block.extend_from_slice(&part);
            self.hash.update(&part);
            self.bytes += part.len() as u64;
        }
        Ok(())
    }

    /// Waits until all of the content so far is staged. Only [`commit`](Self::commit)
    /// makes it visible.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn stage_all(&mut self) -> Result<(), BlobError> {
        if !self.block.is_empty() {
            self.stage().await?;
        }
        while let Some(staged) = self.in_flight.join_next().await {
            self.staged(staged)?;
        }
        Ok(())
    }

    /// Makes the blob visible, whole.
    ///
    /// # Errors
    /// [`BlobError::AlreadyExists`] when it was not to be replaced and somebody
    /// created it in the meantime; [`BlobError::BlocksGone`] when somebody else
    /// wrote it; and those of [`write`](Self::write).
    pub async fn commit(mut self) -> Result<BlobProperties, BlobError> {
        self.stage_all().await?;
        if let Some(There { ids, blob }) = self.there {
            let is_all = ids.len() == self.ids.len() && blob.bytes == self.bytes;
            let other = || self.store.subject(Some(&self.name)).already_exists();
            return is_all.then_some(blob).ok_or_else(other);
        }
        let mut tries = 0;
        let committed = retried(TRANSFER, || {
            tries += 1;
            self.commit_blocks()
        });
        let subject = self.store.subject(Some(&self.name));
        match committed.await {
            Ok(Some(committed)) => Ok(committed),
            Ok(None) => self.store.properties(&self.name).await,
            // Is it ours, from a try whose answer was lost?
            Err(error) if tries > 1 && self.is_conflict(&error) => self.who_was_first().await,
            Err(error) if self.is_conflict(&error) => Err(subject.already_exists()),
            Err(error) if error_code(&error) == "InvalidBlockList" => {
                Err(BlobError::BlocksGone { name: self.name })
            }
            Err(error) => Err(subject.error(&error)),
        }
    }

    /// Sends the block that is full on its way, unless it is there, and takes up
    /// an empty one.
    async fn stage(&mut self) -> Result<(), BlobError> {
        if self.ids.len() as u64 == BLOCKS_MAX {
            let bytes_max = self.sizes.content_bytes_max();
            return Err(BlobError::TooLarge { name: self.name.clone(), bytes_max });
        }
        let id = BlockId::new(self.ids.len(), std::mem::take(&mut self.hash));
        self.ids.push(id);
        if let Some(there) = &self.there {
            if there.ids.get(self.ids.len() - 1) != Some(&id.to_vec()) {
                return Err(self.store.subject(Some(&self.name)).already_exists());
            }
            self.reused += 1;
            self.block.clear();
            return Ok(());
        }
        if self.staged_before.contain(id, self.block.len() as u64) {
            self.reused += 1;
            self.block.clear();
            return Ok(());
        }
        let mut emptied = BytesMut::new();
        if self.in_flight.len() == self.sizes.in_flight_max
            && let Some(staged) = self.in_flight.join_next().await
        {
            emptied = self.staged(staged)?;
        }

        let block = std::mem::replace(&mut self.block, emptied).freeze();
        let (client, id) = (Arc::clone(&self.client), id.to_vec());
        let subject = self.store.subject(Some(&self.name));
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

    async fn commit_blocks(&self) -> azure_core::Result<Option<BlobProperties>> {
        let list = BlockLookupList {
            latest: Some(self.ids.iter().map(|id| id.to_vec()).collect()),
            ..Default::default()
        };
        let options = BlockBlobClientCommitBlockListOptions {
            if_none_match: (self.overwrite != Overwrite::Replace).then(|| Etag::from("*")),
            blob_content_type: self.content_type.map(str::to_owned),
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
        self.overwrite != Overwrite::Replace
            && matches!(
                error.http_status(),
                Some(StatusCode::Conflict | StatusCode::PreconditionFailed)
            )
    }

    /// Somebody committed this blob: we, when it has just our blocks.
    async fn who_was_first(&self) -> Result<BlobProperties, BlobError> {
        let there = self.store.properties(&self.name).await?;
        let ids = self.committed().await?.into_iter();
        let is_ours = ids.eq(self.ids.iter().map(|id| id.to_vec())) && there.bytes == self.bytes;
        if is_ours { Ok(there) } else { Err(self.store.subject(Some(&self.name)).already_exists()) }
    }

    /// Ids of the blocks of the blob that is there, in order.
    async fn committed(&self) -> Result<Vec<Vec<u8>>, BlobError> {
        let committed = self.listed(BlockListType::Committed).await?;
        Ok(committed.into_iter().map(|block| block.name.unwrap_or_default()).collect())
    }

    /// Blocks of the blob, in the order in which the service has them.
    async fn listed(&self, of: BlockListType) -> Result<Vec<Block>, BlobError> {
        let listing = retried(QUESTION, || async {
            self.client.get_block_list(of, None).await?.into_model()
        });
        let listing = listing.await;
        let listing = listing.map_err(|e| self.store.subject(Some(&self.name)).error(&e))?;
        let kinds = [listing.committed_blocks, listing.uncommitted_blocks];
        Ok(kinds.into_iter().flatten().flatten().collect())
    }
}

fn name_and_length(block: Block) -> Option<(Vec<u8>, u64)> {
    Some((block.name?, block.size?.try_into().ok()?))
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
