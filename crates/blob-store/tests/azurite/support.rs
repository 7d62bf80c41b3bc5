//! Stores, contents and hashes for the tests.

use std::{
    error::Error,
    ops::Deref,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use blob_store::{BlobArgs, BlobError, BlobProperties, BlobStore, Overwrite};
use bytes::{Bytes, BytesMut};
use futures::{Stream, TryStreamExt};
use test_support::{Azurite, azurite_connection_string};
use sha2::{Digest, Sha256};

/// The Azurite that all tests of this process share: it lives as long as any of
/// them holds it.
pub(crate) fn azurite() -> Arc<Azurite> {
    static SHARED: Mutex<Weak<Azurite>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap();
    shared.upgrade().unwrap_or_else(|| {
        let started = Arc::new(Azurite::start(&[]));
        *shared = Arc::downgrade(&started);
        started
    })
}

/// A container that no other test knows, and the Azurite that holds it.
pub(crate) struct OwnContainer {
    store: BlobStore,
    azurite: Arc<Azurite>,
}

impl OwnContainer {
    pub(crate) fn address(&self) -> String {
        self.azurite.address()
    }
}

impl Deref for OwnContainer {
    type Target = BlobStore;

    fn deref(&self) -> &BlobStore {
        &self.store
    }
}

pub(crate) async fn store() -> OwnContainer {
    let azurite = azurite();
    let store = connect(&azurite.connection_string(), &new_container()).unwrap();
    store.create_container().await.unwrap();
    OwnContainer { store, azurite }
}

/// The same container, through another address.
pub(crate) fn through(address: &str, store: &BlobStore) -> BlobStore {
    connect(&azurite_connection_string(address), store.container()).unwrap()
}

/// A container of its own at an address where Azurite may or may not be.
pub(crate) fn azurite_at(address: &str) -> BlobStore {
    connect(&azurite_connection_string(address), &new_container()).unwrap()
}

pub(crate) fn connect(connection_string: &str, container: &str) -> Result<BlobStore, BlobError> {
    BlobStore::connect(&BlobArgs {
        azure_storage_connection_string: Some(connection_string.to_owned().into()),
        azure_storage_account_url: None,
        azure_container: container.to_owned(),
        azure_allow_http: false,
    })
}

pub(crate) fn new_container() -> String {
    static CONTAINERS: AtomicU64 = AtomicU64::new(0);
    let number = CONTAINERS.fetch_add(1, Ordering::Relaxed);
    format!("test-{number}")
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
