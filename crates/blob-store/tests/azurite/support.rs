//! Stores, contents and hashes for the tests.

use std::{error::Error, ops::Deref};

use blob_store::{BlobArgs, BlobError, BlobProperties, BlobStore, Overwrite};
use bytes::{Bytes, BytesMut};
use futures::{Stream, TryStreamExt};
use sha2::{Digest, Sha256};
use test_support::{Azurite, azurite_connection_string};

/// A container that no other test knows.
pub(crate) struct OwnContainer {
    store: BlobStore,
}

impl OwnContainer {
    pub(crate) fn address(&self) -> String {
        Azurite::shared().address()
    }
}

impl Deref for OwnContainer {
    type Target = BlobStore;

    fn deref(&self) -> &BlobStore {
        &self.store
    }
}

pub(crate) async fn store() -> OwnContainer {
    let connection_string = Azurite::shared().connection_string();
    let store = connect(&connection_string, &Azurite::new_container()).unwrap();
    store.create_container().await.unwrap();
    OwnContainer { store }
}

/// The same container, through another address.
pub(crate) fn through(address: &str, store: &BlobStore) -> BlobStore {
    connect(&azurite_connection_string(address), store.container()).unwrap()
}

/// A container of its own at an address where Azurite may or may not be.
pub(crate) fn azurite_at(address: &str) -> BlobStore {
    connect(&azurite_connection_string(address), &Azurite::new_container()).unwrap()
}

pub(crate) fn connect(connection_string: &str, container: &str) -> Result<BlobStore, BlobError> {
    BlobStore::connect(&BlobArgs {
        azure_storage_connection_string: Some(connection_string.to_owned().into()),
        azure_storage_account_url: None,
        azure_container: container.to_owned(),
        azure_allow_http: false,
    })
}

/// Content that is no repetition of anything, always the same.
pub(crate) fn noise(bytes: usize) -> Bytes {
    let mut random = fastrand::Rng::with_seed(7);
    let mut content = BytesMut::zeroed(bytes);
    random.fill(&mut content);
    content.freeze()
}

pub(crate) async fn put(store: &BlobStore, name: &str, content: &Bytes) -> BlobProperties {
    let mut writer = store.write(name, Overwrite::Replace).await.unwrap();
    writer.write(content.clone()).await.unwrap();
    writer.commit().await.unwrap()
}

pub(crate) async fn get(store: &BlobStore, name: &str) -> Bytes {
    let blob = store.properties(name).await.unwrap();
    collect(store.read(name, &blob.etag, blob.bytes, 0, Default::default())).await.unwrap()
}

pub(crate) async fn collect(
    chunks: impl Stream<Item = Result<Bytes, BlobError>>,
) -> Result<Bytes, BlobError> {
    chunks
        .try_fold(BytesMut::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await
        .map(BytesMut::freeze)
}

pub(crate) fn hash(content: &[u8]) -> Vec<u8> {
    Sha256::digest(content).to_vec()
}

/// All that a program could print of an error.
pub(crate) fn everything_said(error: &BlobError) -> String {
    let mut text = format!("{error:?} {error:#?} {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause} {cause:?}"));
        source = cause.source();
    }
    text
}
