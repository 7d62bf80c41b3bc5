use std::collections::HashMap;

use blob_store::{Appended, BlobError, Overwrite};
use bytes::Bytes;

use crate::{
    proxy::{Fault, Proxy},
    support::{get, noise, put, store, through},
};

const NAME: &str = "rejects/run-1.csv";

#[tokio::test]
async fn what_is_appended_stands_behind_what_was_there() {
    let store = store().await;

    let created =
        store.append_create(NAME, Bytes::from_static(b"head\n"), &HashMap::new()).await.unwrap();
    let again =
        store.append_create(NAME, Bytes::from_static(b"other\n"), &HashMap::new()).await.unwrap();
    let appended = store.append(NAME, 5, Bytes::from_static(b"row\n")).await.unwrap();

    assert_eq!((created.bytes, again.bytes), (5, 5));
    assert_eq!(appended, Appended::Done);
    assert_eq!(get(&store, NAME).await, "head\nrow\n");
}

#[tokio::test]
async fn an_append_that_is_repeated_happens_once() {
    let store = store().await;
    store.append_create(NAME, Bytes::new(), &HashMap::new()).await.unwrap();

    for (position, bytes) in [(0, "one\n"), (0, "one\n"), (4, "two\n"), (0, "one\n"), (4, "two\n")]
    {
        let answer = store.append(NAME, position, Bytes::from(bytes)).await.unwrap();
        assert_eq!(answer, Appended::Done);
    }

    assert_eq!(get(&store, NAME).await, "one\ntwo\n");
}

#[tokio::test]
async fn an_append_at_a_position_that_others_took_does_nothing() {
    let store = store().await;
    store.append_create(NAME, Bytes::from_static(b"theirs"), &HashMap::new()).await.unwrap();

    for (position, bytes) in [(0, "ours!!"), (3, "ours"), (0, "their"), (7, "gap"), (6, "")] {
        let answer = store.append(NAME, position, Bytes::from(bytes)).await.unwrap();

        let expected = match (position, bytes) {
            // Theirs begins with the same bytes; and nothing is always there.
            (0, "their") | (6, "") => Appended::Done,
            _ => Appended::PositionTaken { length: 6 },
        };
        assert_eq!(answer, expected, "{position} {bytes}");
    }

    assert_eq!(get(&store, NAME).await, "theirs");
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_happens_once() {
    let store = store().await;
    store.append_create(NAME, Bytes::from_static(b"head\n"), &HashMap::new()).await.unwrap();
    let proxy = Proxy::start(&store.address(), |number| match number {
        0 => Fault::LoseAnswerTo("comp=appendblock"),
        _ => Fault::None,
    });

    let answer =
        through(&proxy.address, &store).append(NAME, 5, Bytes::from_static(b"row\n")).await;

    assert_eq!(answer.unwrap(), Appended::Done);
    assert_eq!(proxy.faults(), 1);
    assert_eq!(get(&store, NAME).await, "head\nrow\n");
}

#[tokio::test]
async fn an_append_blob_that_was_created_but_not_begun_gets_its_beginning() {
    let store = store().await;
    store.append_create(NAME, Bytes::new(), &HashMap::new()).await.unwrap();

    let there =
        store.append_create(NAME, Bytes::from_static(b"head\n"), &HashMap::new()).await.unwrap();

    assert_eq!(there.bytes, 5);
    assert_eq!(get(&store, NAME).await, "head\n");
}

#[tokio::test]
async fn megabytes_are_appended_at_once() {
    let store = store().await;
    let content = noise(10_000_000);
    store.append_create(NAME, Bytes::new(), &HashMap::new()).await.unwrap();

    let first = store.append(NAME, 0, content.clone()).await.unwrap();
    let repeated = store.append(NAME, 0, content.clone()).await.unwrap();

    assert_eq!((first, repeated), (Appended::Done, Appended::Done));
    assert_eq!(get(&store, NAME).await, content);
}

#[tokio::test]
async fn a_blob_of_another_type_is_neither_appended_to_nor_replaced() {
    let store = store().await;
    put(&store, NAME, &Bytes::from_static(b"block blob")).await;

    for error in [
        store.append_create(NAME, Bytes::from_static(b"head"), &HashMap::new()).await.unwrap_err(),
        store.append(NAME, 10, Bytes::from_static(b"row")).await.unwrap_err(),
    ] {
        assert!(matches!(error, BlobError::OtherType { .. }), "{error:?}");
    }

    store.append_create("append.csv", Bytes::new(), &HashMap::new()).await.unwrap();
    let error = store.write("append.csv", Overwrite::Replace).await.unwrap_err();
    assert!(matches!(error, BlobError::OtherType { .. }), "{error:?}");

    let error = store.append("none.csv", 0, Bytes::from_static(b"row")).await.unwrap_err();
    assert!(matches!(error, BlobError::NoSuchBlob { .. }), "{error:?}");
}

#[tokio::test]
async fn an_append_blob_bears_what_its_creator_noted() {
    let store = store().await;
    let noted: HashMap<_, _> = [("source".to_owned(), "0x8DD".to_owned())].into();

    let created = store.append_create(NAME, Bytes::from_static(b"head\n"), &noted).await.unwrap();
    let again = store.append_create(NAME, Bytes::new(), &HashMap::new()).await.unwrap();

    assert_eq!((created.metadata, again.metadata), (noted.clone(), noted));
    assert_eq!(store.append_blob("none.csv").await.unwrap(), None);
}

#[tokio::test]
async fn an_append_blob_is_emptied_only_as_it_was_seen() {
    let store = store().await;
    let seen =
        store.append_create(NAME, Bytes::from_static(b"head\n"), &HashMap::new()).await.unwrap();
    store.append(NAME, 5, Bytes::from_static(b"row\n")).await.unwrap();

    assert!(!store.append_empty(NAME, &seen.etag, &seen.metadata).await.unwrap());
    assert_eq!(get(&store, NAME).await, "head\nrow\n");

    let now = store.append_blob(NAME).await.unwrap().unwrap();
    assert!(store.append_empty(NAME, &now.etag, &now.metadata).await.unwrap());
    assert_eq!(get(&store, NAME).await, "");
    assert!(!store.append_empty("none.csv", &now.etag, &now.metadata).await.unwrap());
}
