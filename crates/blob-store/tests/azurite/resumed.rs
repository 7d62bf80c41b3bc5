use blob_store::{BlobError, BlobStore, BlobWriter, Overwrite};
use bytes::{Bytes, BytesMut};
use test_support::azurite_sas_connection_string;

use crate::{
    proxy::{Fault, Proxy},
    support::{get, hash, noise, put, store, through},
};

const MIB: usize = 1 << 20;

/// Stages `content`, and dies.
async fn break_off(store: &BlobStore, name: &str, content: &Bytes) {
    let mut writer = store.write(name, Overwrite::Replace).await.unwrap();
    writer.write(content.clone()).await.unwrap();
    writer.stage_all().await.unwrap();
}

async fn staged(store: &BlobStore, name: &str, content: &Bytes) -> BlobWriter {
    let mut writer = store.write(name, Overwrite::Refuse).await.unwrap();
    writer.write(content.clone()).await.unwrap();
    writer.stage_all().await.unwrap();
    writer
}

#[tokio::test]
async fn a_write_that_was_broken_off_goes_on_with_what_is_staged() {
    let store = store().await;
    let content = noise(40 * MIB + 1);
    break_off(&store, "big.csv", &content.slice(..32 * MIB)).await;
    let proxy = Proxy::start(&store.address(), |_| Fault::None);

    let writer = staged(&through(&proxy.address, &store), "big.csv", &content).await;

    assert_eq!((writer.blocks(), writer.blocks_reused()), (11, 8));
    assert_eq!(writer.commit().await.unwrap().bytes, content.len() as u64);
    assert_eq!(hash(&get(&store, "big.csv").await), hash(&content));
    let sent = proxy.uploaded();
    assert!((8 * MIB as u64..9 * MIB as u64).contains(&sent), "{sent} bytes were sent");
}

#[tokio::test]
async fn only_blocks_of_the_same_content_at_the_same_place_are_used_again() {
    let store = store().await;
    let old = noise(16 * MIB);
    break_off(&store, "big.csv", &old).await;
    // One cell has changed; and the last two blocks have changed places.
    let mut new = BytesMut::from(&old[..]);
    new[4 * MIB + 7] ^= 1;
    let (third, fourth) = (old.slice(8 * MIB..12 * MIB), old.slice(12 * MIB..));
    new[8 * MIB..12 * MIB].copy_from_slice(&fourth);
    new[12 * MIB..].copy_from_slice(&third);
    let new = new.freeze();

    let writer = staged(&store, "big.csv", &new).await;

    assert_eq!((writer.blocks(), writer.blocks_reused()), (4, 1));
    writer.commit().await.unwrap();
    assert_eq!(hash(&get(&store, "big.csv").await), hash(&new));
}

#[tokio::test]
async fn what_is_staged_of_another_name_or_of_blocks_of_another_size_is_not_used() {
    let store = store().await;
    let content = noise(16 * MIB);
    break_off(&store, "big.csv", &content).await;

    let other_name = staged(&store, "other.csv", &content).await;
    let writer = store.write("big.csv", Overwrite::Refuse).await.unwrap();
    let mut larger_blocks = writer.sized_for(200 << 30).unwrap();
    larger_blocks.write(content.clone()).await.unwrap();
    larger_blocks.stage_all().await.unwrap();

    assert_eq!((other_name.blocks(), other_name.blocks_reused()), (4, 0));
    assert_eq!((larger_blocks.blocks(), larger_blocks.blocks_reused()), (2, 0));
    larger_blocks.commit().await.unwrap();
    assert_eq!(hash(&get(&store, "big.csv").await), hash(&content));
}

#[tokio::test]
async fn of_two_writers_of_the_same_content_only_one_created_the_blob() {
    let store = store().await;
    let content = noise(5 * MIB);
    let first = staged(&store, "a.csv", &content).await;
    let second = staged(&store, "a.csv", &content).await;

    let (first, second) = tokio::join!(first.commit(), second.commit());

    let refused = [&first, &second].map(|won| matches!(won, Err(BlobError::AlreadyExists { .. })));
    assert_eq!(refused.iter().filter(|refused| **refused).count(), 1, "{first:?} {second:?}");
    assert!(first.or(second).is_ok());
    assert_eq!(hash(&get(&store, "a.csv").await), hash(&content));
}

#[tokio::test]
async fn a_writer_whose_blocks_a_commit_of_another_removed_says_so() {
    let store = store().await;
    let mut slow = store.write("a.csv", Overwrite::Replace).await.unwrap();
    slow.write(noise(5 * MIB)).await.unwrap();
    slow.stage_all().await.unwrap();
    put(&store, "a.csv", &Bytes::from_static(b"quick")).await;

    let lost = slow.commit().await.unwrap_err();

    assert!(matches!(&lost, BlobError::BlocksGone { name } if name == "a.csv"), "{lost:?}");
    assert!(lost.to_string().contains("write it again"), "{lost}");
    assert_eq!(get(&store, "a.csv").await, "quick");
}

#[tokio::test]
async fn content_that_fits_into_no_blob_is_refused_before_any_of_it_is_sent() {
    let store = store().await;
    let writer = store.write("a.csv", Overwrite::Refuse).await.unwrap();

    let error = writer.sized_for(800 << 30).unwrap_err();

    assert!(matches!(error, BlobError::TooLarge { bytes_max: 838_860_800_000, .. }), "{error:?}");
}

#[tokio::test]
async fn a_blob_has_the_content_type_that_its_writer_says() {
    let store = store().await;
    let writer = staged(&store, "a.csv", &Bytes::from_static(b"a\n1\n")).await;

    writer.with_content_type("text/csv").commit().await.unwrap();

    let sas = azurite_sas_connection_string(&store.address(), jiff::SignedDuration::from_hours(1));
    let part = |name: &str| sas.split(';').find_map(|part| part.strip_prefix(name)).unwrap();
    let (endpoint, sas) = (part("BlobEndpoint="), part("SharedAccessSignature="));
    let url = format!("{endpoint}/{}/a.csv?{sas}", store.container());
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/csv");
    assert_eq!(answer.text().await.unwrap(), "a\n1\n");
}
