use std::time::{Duration, Instant};

use blob_store::{BlobError, Overwrite, ReadSettings};
use bytes::Bytes;
use futures::StreamExt;

use crate::{
    proxy::{Fault, Proxy},
    support::{collect, get, hash, noise, put, store, through},
};

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_download_through_cuts_and_stalls_arrives_whole() {
    let store = store().await;
    let content = noise(110 * MIB);
    let blob = put(&store, "big.csv", &content).await;
    let proxy = Proxy::start(&store.address(), |number| match number {
        2 | 20 => Fault::StallAfter(MIB),
        3 => Fault::StallAfter(100),
        7 => Fault::CutAfter(0),
        _ => Fault::CutAfter(3 * MIB),
    });
    let settings = ReadSettings { stalled_after: Duration::from_secs(1), ..Default::default() };

    let mut reader =
        through(&proxy.address, &store).read("big.csv", &blob.etag, blob.bytes, 0, settings);
    let read = collect(&mut reader).await.unwrap();

    assert_eq!(hash(&read), hash(&content));
    assert!(proxy.faults() >= 35, "{} faults", proxy.faults());
    assert!(reader.retries() >= 35, "{} retries", reader.retries());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_makes_progress_never_gives_up() {
    let store = store().await;
    let content = noise(4 * MIB);
    let blob = put(&store, "big.csv", &content).await;
    let proxy = Proxy::start(&store.address(), |_| Fault::CutAfter(100_000));
    let settings =
        ReadSettings { gives_up_after: Duration::from_millis(500), ..Default::default() };
    let begun = Instant::now();

    let mut reader =
        through(&proxy.address, &store).read("big.csv", &blob.etag, blob.bytes, 0, settings);
    let read = collect(&mut reader).await.unwrap();

    assert_eq!(hash(&read), hash(&content));
    assert!(begun.elapsed() > 2 * settings.gives_up_after, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_without_progress_gives_up() {
    let store = store().await;
    let blob = put(&store, "big.csv", &noise(40 * MIB)).await;
    let proxy = Proxy::start(&store.address(), |number| match number {
        0..3 => Fault::CutAfter(5 * MIB),
        _ => Fault::CutAfter(0),
    });
    let settings = ReadSettings { gives_up_after: Duration::from_secs(2), ..Default::default() };

    let reader =
        through(&proxy.address, &store).read("big.csv", &blob.etag, blob.bytes, 0, settings);
    let chunks: Vec<_> = reader.map(|chunk| chunk.map(|bytes| bytes.len())).collect().await;

    let (last, before) = chunks.split_last().unwrap();
    assert!(matches!(last, Err(BlobError::Unreachable { .. })), "{last:?}");
    assert!(before.iter().all(Result::is_ok), "it ends with the first error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_503_is_waited_out() {
    let store = store().await;
    let content = noise(9 * MIB);
    let blob = put(&store, "big.csv", &content).await;
    let proxy = Proxy::start(&store.address(), |number| match number {
        0..12 => Fault::Busy,
        _ => Fault::None,
    });

    let broken = through(&proxy.address, &store);
    let mut reader = broken.read("big.csv", &blob.etag, blob.bytes, 0, ReadSettings::default());
    let read = collect(&mut reader).await.unwrap();

    assert_eq!(hash(&read), hash(&content));
    assert_eq!((proxy.faults(), reader.retries()), (12, 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_pauses_holds_no_more_than_its_window_and_goes_on() {
    let store = store().await;
    let content = noise(40 * MIB);
    let blob = put(&store, "big.csv", &content).await;
    let proxy = Proxy::start(&store.address(), |_| Fault::None);
    let settings = ReadSettings {
        chunk_bytes: 1_000_000.try_into().unwrap(),
        window: 2.try_into().unwrap(),
        stalled_after: Duration::from_secs(1),
        ..Default::default()
    };
    let mut reader =
        through(&proxy.address, &store).read("big.csv", &blob.etag, blob.bytes, 0, settings);

    let first = reader.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let while_paused = proxy.downloaded();
    let rest = collect(&mut reader).await.unwrap();

    assert!(while_paused < 3 * 1_010_000, "{while_paused} bytes");
    assert_eq!(hash(&[first, rest].concat()), hash(&content));
    assert_eq!(reader.retries(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_through_cuts_arrives_whole() {
    let store = store().await;
    let content = noise(40 * MIB);
    let proxy = Proxy::start(&store.address(), |number| match number {
        0..3 => Fault::LoseAnswerTo("comp=block"),
        3..5 => Fault::Busy,
        5..7 => Fault::CutAfter(10),
        _ => Fault::None,
    });

    let committed = put(&through(&proxy.address, &store), "big.csv", &content).await;

    assert_eq!(committed, store.properties("big.csv").await.unwrap());
    assert_eq!(hash(&get(&store, "big.csv").await), hash(&content));
    assert!(proxy.faults() >= 5, "{} faults", proxy.faults());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_not_taken_for_somebody_elses() {
    for content in [Bytes::new(), Bytes::from_static(b"content")] {
        let store = store().await;
        let proxy = Proxy::start(&store.address(), |_| Fault::LoseAnswerTo("if-none-match"));
        // Every answer to a commit is lost: after the first one only reading gets through.
        let broken = through(&proxy.address, &store);

        let mut writer = broken.write("a.csv", Overwrite::Refuse).await.unwrap();
        writer.write(content.clone()).await.unwrap();
        let commit = tokio::spawn(writer.commit());
        while proxy.faults() == 0 {
            tokio::task::yield_now().await;
        }
        proxy.heal();
        let committed = commit.await.unwrap().unwrap();

        assert_eq!(committed.bytes, content.len() as u64);
        assert_eq!(get(&store, "a.csv").await, content);
    }
}

#[tokio::test]
async fn a_delete_whose_answer_was_lost_is_done() {
    let store = store().await;
    put(&store, "a.csv", &Bytes::from_static(b"a")).await;
    let proxy = Proxy::start(&store.address(), |number| match number {
        0 => Fault::LoseAnswerTo("DELETE "),
        _ => Fault::None,
    });

    through(&proxy.address, &store).delete("a.csv").await.unwrap();

    assert_eq!(proxy.faults(), 1);
    let error = store.properties("a.csv").await.unwrap_err();
    assert!(matches!(error, BlobError::NoSuchBlob { .. }), "{error:?}");
}
