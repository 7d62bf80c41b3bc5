use std::{collections::HashMap, num::NonZero};

use blob_store::{BlobError, BlobProperties, Overwrite, ReadSettings};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use test_support::azurite_sas_connection_string;

use crate::{
    proxy::{Fault, Proxy},
    support::{azurite_at, collect, connect, get, hash, noise, put, store},
};

#[tokio::test]
async fn what_was_written_is_read_from_any_byte_on() {
    let store = store().await;
    let content = noise(9_000_001);

    let blob = put(&store, "big.csv", &content).await;

    assert_eq!(blob, store.properties("big.csv").await.unwrap());
    assert_eq!(blob.bytes, 9_000_001);
    for from in [0, 1, 4_259_839, 4_259_840, 4_259_841, 9_000_000, 9_000_001, u64::MAX] {
        let reader = store.read("big.csv", &blob.etag, blob.bytes, from, ReadSettings::default());
        let read = collect(reader).await.unwrap();
        let expected = content.slice(usize::try_from(from).unwrap().min(content.len())..);
        assert_eq!(hash(&read), hash(&expected), "from byte {from}");
    }
}

#[tokio::test]
async fn an_empty_blob_is_written_and_read() {
    let store = store().await;

    let blob = put(&store, "empty.csv", &Bytes::new()).await;

    assert_eq!(blob.bytes, 0);
    assert_eq!(get(&store, "empty.csv").await, Bytes::new());
}

#[tokio::test]
async fn names_keep_their_slashes_spaces_and_letters() {
    let store = store().await;
    let names = [
        "plain.csv",
        "dir//a.csv",
        "dir/a.csv",
        "rejects/2026/run-1.csv",
        "ä ö/日本語 🙂.csv",
        "100% #1?&+=;'.csv",
    ];

    for name in names {
        put(&store, name, &Bytes::from(name.to_owned())).await;
    }

    for name in names {
        assert_eq!(get(&store, name).await, name.as_bytes());
    }
    let mut listed = names_of(&store.list("").try_collect::<Vec<_>>().await.unwrap());
    let mut expected = names.map(str::to_owned).to_vec();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn a_listing_goes_past_its_first_page_and_tells_what_properties_tell() {
    let store = store().await;
    let expected: Vec<_> = (0..7).map(|n| format!("many/{n}")).collect();
    for name in expected.iter().rev().map(String::as_str).chain(["other"]) {
        put(&store, name, &Bytes::from_static(b"content")).await;
    }
    let proxy = Proxy::start(&store.address(), |_| Fault::SmallPages);
    let sas = azurite_sas_connection_string(&proxy.address, time::Duration::hours(1));

    let paged = connect(&sas, store.container()).unwrap();
    let listed: Vec<BlobProperties> = paged.list("many/").try_collect().await.unwrap();

    assert_eq!(names_of(&listed), expected);
    for blob in listed {
        assert_eq!(blob, store.properties(&blob.name).await.unwrap());
    }
    assert_eq!(names_of(&paged.list("o").try_collect::<Vec<_>>().await.unwrap()), ["other"]);
    assert!(paged.list("nothing").next().await.is_none());
    assert_eq!(paged.list("").count().await, 8);
}

#[tokio::test]
async fn a_listing_can_be_read_in_pages_of_any_size() {
    let store = store().await;
    let expected: Vec<_> = (0..7).map(|n| format!("many/{n}")).collect();
    for name in expected.iter().map(String::as_str).chain(["other"]) {
        put(&store, name, &Bytes::from_static(b"content")).await;
    }

    let (mut listed, mut sizes, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let three = NonZero::new(3).unwrap();
        let page = store.list_some("many/", after.as_deref(), three).await.unwrap();
        sizes.push(page.blobs.len());
        listed.extend(page.blobs);
        after = page.next;
        if after.is_none() {
            break;
        }
    }

    assert_eq!(names_of(&listed), expected);
    assert_eq!(sizes, [3, 3, 1]);
}

#[tokio::test]
async fn a_blob_is_only_replaced_when_that_is_asked_for() {
    let store = store().await;
    put(&store, "a.csv", &Bytes::from_static(b"first")).await;

    let refused = store.write("a.csv", Overwrite::Refuse).await.unwrap_err();
    let kept = get(&store, "a.csv").await;
    put(&store, "a.csv", &Bytes::from_static(b"second")).await;

    assert!(matches!(refused, BlobError::AlreadyExists { .. }), "{refused:?}");
    assert_eq!(kept, "first");
    assert_eq!(get(&store, "a.csv").await, "second");
}

#[tokio::test]
async fn of_two_writers_that_may_not_replace_the_first_to_commit_wins() {
    let store = store().await;
    let mut first = store.write("a.csv", Overwrite::Refuse).await.unwrap();
    let mut second = store.write("a.csv", Overwrite::Refuse).await.unwrap();
    first.write(Bytes::from_static(b"first")).await.unwrap();
    second.write(Bytes::from_static(b"second")).await.unwrap();

    let won = first.commit().await;
    let lost = second.commit().await.unwrap_err();

    assert_eq!(won.unwrap().bytes, 5);
    assert!(matches!(lost, BlobError::AlreadyExists { .. }), "{lost:?}");
    assert_eq!(get(&store, "a.csv").await, "first");
}

#[tokio::test]
async fn a_write_that_is_never_committed_leaves_nothing() {
    let store = store().await;
    let mut writer = store.write("a.csv", Overwrite::Replace).await.unwrap();
    writer.write(noise(20_000_000)).await.unwrap();

    drop(writer);

    let error = store.properties("a.csv").await.unwrap_err();
    assert!(matches!(error, BlobError::NoSuchBlob { .. }), "{error:?}");
    assert!(store.list("").next().await.is_none());
}

#[tokio::test]
async fn a_blob_overwritten_while_it_is_read_is_never_mixed() {
    let store = store().await;
    let blob = put(&store, "a.csv", &noise(20_000_000)).await;
    let mut reader = store.read("a.csv", &blob.etag, blob.bytes, 0, ReadSettings::default());
    reader.next().await.unwrap().unwrap();

    put(&store, "a.csv", &noise(20_000_001)).await;
    let rest: Vec<_> = reader.map(|chunk| chunk.map(|bytes| bytes.len())).collect().await;

    let (last, before) = rest.split_last().unwrap();
    assert!(matches!(last, Err(BlobError::BlobChanged { name }) if name == "a.csv"), "{last:?}");
    assert!(before.iter().all(Result::is_ok), "it ends with the first error");
}

#[tokio::test]
async fn a_blob_deleted_while_it_is_read_is_an_error() {
    let store = store().await;
    let blob = put(&store, "a.csv", &noise(30_000_000)).await;
    let mut reader = store.read("a.csv", &blob.etag, blob.bytes, 0, ReadSettings::default());
    reader.next().await.unwrap().unwrap();

    store.delete("a.csv").await.unwrap();
    let error = collect(reader).await.unwrap_err();

    // The service may look at the condition first, or for the blob.
    assert!(
        matches!(error, BlobError::BlobChanged { .. } | BlobError::NoSuchBlob { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let store = store().await;
    let elsewhere = azurite_at(&store.address());

    for error in [
        store.properties("none.csv").await.unwrap_err(),
        store.delete("none.csv").await.unwrap_err(),
    ] {
        assert!(matches!(error, BlobError::NoSuchBlob { .. }), "{error:?}");
        assert!(error.to_string().contains("`none.csv`"), "{error}");
    }
    for error in [
        elsewhere.properties("none.csv").await.unwrap_err(),
        elsewhere.list("").next().await.unwrap().unwrap_err(),
        elsewhere.write("none.csv", Overwrite::Replace).await.unwrap_err(),
        elsewhere.append_create("none.csv", Bytes::new(), &HashMap::new()).await.unwrap_err(),
    ] {
        assert!(matches!(error, BlobError::NoSuchContainer { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn creating_a_container_again_is_fine() {
    let store = store().await;

    store.create_container().await.unwrap();

    put(&store, "a.csv", &Bytes::from_static(b"a")).await;
    store.create_container().await.unwrap();
    assert_eq!(get(&store, "a.csv").await, "a");
}

#[tokio::test]
async fn a_name_that_is_no_name_is_refused_everywhere() {
    let store = store().await;

    for error in [
        store.properties("a/../b").await.unwrap_err(),
        store.delete("a/../b").await.unwrap_err(),
        store.write("a/../b", Overwrite::Replace).await.unwrap_err(),
        store.append_create("a/../b", Bytes::new(), &HashMap::new()).await.unwrap_err(),
        store.append("a/../b", 0, Bytes::new()).await.unwrap_err(),
        collect(store.read("a/../b", &"e".to_owned().into(), 9, 0, ReadSettings::default()))
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, BlobError::InvalidName { .. }), "{error:?}");
    }
}

fn names_of(blobs: &[BlobProperties]) -> Vec<String> {
    blobs.iter().map(|blob| blob.name.clone()).collect()
}
