use std::io::Write;

use async_compression::{Level, tokio::write::ZstdEncoder, zstd::CParameter};
use azure_storage_blob::{BlobClient, models::BlobClientSetPropertiesOptions};
use blob_store::{BlobError, BlobStore, Compression, ReadSettings, decompress};
use bytes::Bytes;
use futures::{Stream, TryStreamExt, stream};
use test_support::azurite_sas_connection_string;
use tokio::io::AsyncWriteExt;

use crate::support::{OwnContainer, collect, get, hash, noise, put, store};

#[tokio::test]
async fn a_compressed_blob_is_read_as_what_it_holds() {
    let store = store().await;
    let content = csv();
    let (first, second) = (content.slice(..7_000_001), content.slice(7_000_001..));

    put(&store, "one.csv.gz", &gzip(&content)).await;
    put(&store, "two.csv.GZ", &[gzip(&first), gzip(&second)].concat().into()).await;
    put(&store, "one.csv.zst", &zstd(&content).await).await;
    put(&store, "two.csv.zst", &[zstd(&first).await, zstd(&second).await].concat().into()).await;

    for name in ["one.csv.gz", "two.csv.GZ", "one.csv.zst", "two.csv.zst"] {
        let read = read(&store, name).await.unwrap();
        assert_eq!(hash(&read), hash(&content), "{name}");
    }
}

#[tokio::test]
async fn a_blob_with_a_content_encoding_is_read_as_it_is_stored() {
    let store = store().await;
    let content = csv();
    for (name, encoding, compressed) in
        [("gzip.csv", "gzip", gzip(&content)), ("zstd.csv", "zstd", zstd(&content).await)]
    {
        put(&store, name, &compressed).await;
        declare_encoding(&store, name, encoding).await;

        let blob = store.properties(name).await.unwrap();
        let listed: Vec<_> = store.list(name).try_collect().await.unwrap();

        assert_eq!(blob.content_encoding.as_deref(), Some(encoding));
        assert_eq!(listed, [blob]);
        assert_eq!(hash(&get(&store, name).await), hash(&compressed), "{name}");
        assert_eq!(hash(&read(&store, name).await.unwrap()), hash(&content), "{name}");
    }
}

#[tokio::test]
async fn a_compressed_blob_that_is_cut_short_or_damaged_is_an_error() {
    let store = store().await;
    let content = csv();

    for (name, mut compressed) in
        [("a.gz", gzip(&content).to_vec()), ("a.zst", zstd(&content).await.to_vec())]
    {
        let half = Bytes::copy_from_slice(&compressed[..compressed.len() / 2]);
        put(&store, &format!("half.{name}"), &half).await;
        let middle = compressed.len() / 2;
        compressed[middle..middle + 100].fill(0);
        put(&store, &format!("damaged.{name}"), &compressed.into()).await;
        put(&store, &format!("plain.{name}"), &content).await;

        for kind in ["half", "damaged", "plain"] {
            let read = read(&store, &format!("{kind}.{name}")).await.map(|content| content.len());
            match read {
                Err(BlobError::CutShort { .. }) if kind == "half" => {}
                Err(BlobError::Corrupt { .. }) if kind != "half" => {}
                other => panic!("{kind}.{name}: {other:?}"),
            }
        }
    }
}

/// As tar and tapes fill files up, and between the members of one that was joined.
#[tokio::test]
async fn zeros_behind_compressed_content_are_passed_over() {
    let store = store().await;
    let content = csv();
    let zeros = vec![0; 3_000_000];
    for (name, compressed) in [("a.gz", gzip(&content)), ("a.zst", zstd(&content).await)] {
        let (end, few) = (zeros.as_slice(), &zeros[..1]);
        put(&store, name, &[&compressed, end].concat().into()).await;
        assert_eq!(hash(&read(&store, name).await.unwrap()), hash(&content), "{name}");

        put(&store, name, &[&compressed, few, &compressed, few].concat().into()).await;
        let twice = [&content[..], &content].concat();
        assert_eq!(hash(&read(&store, name).await.unwrap()), hash(&twice), "{name}");

        put(&store, name, &[&compressed[..], few, b"x"].concat().into()).await;
        assert!(read(&store, name).await.is_err(), "{name}: something else is behind them");
    }
}

#[tokio::test]
async fn an_error_of_the_blob_comes_through_the_decompressor() {
    let store = store().await;
    let blob = put(&store, "a.gz", &gzip(&csv())).await;
    put(&store, "a.gz", &Bytes::from_static(b"other")).await;

    let chunks = store.read("a.gz", &blob.etag, blob.bytes, 0, ReadSettings::default());
    let error = collect(decompress(chunks, Compression::Gzip)).await.unwrap_err();

    assert!(matches!(error, BlobError::BlobChanged { .. }), "{error:?}");
}

async fn read(store: &BlobStore, name: &str) -> Result<Bytes, BlobError> {
    let blob = store.properties(name).await.unwrap();
    let chunks = store.read(name, &blob.etag, blob.bytes, 0, ReadSettings::default());
    collect(decompress(chunks, Compression::of(&blob).unwrap())).await
}

/// What our own writer never does.
async fn declare_encoding(store: &OwnContainer, name: &str, encoding: &str) {
    let sas = azurite_sas_connection_string(&store.address(), time::Duration::hours(1));
    let (endpoint, query) = sas
        .strip_prefix("BlobEndpoint=")
        .and_then(|rest| rest.split_once(";SharedAccessSignature="))
        .unwrap();
    let url = format!("{endpoint}/{}/{name}?{query}", store.container()).parse().unwrap();
    let options = BlobClientSetPropertiesOptions {
        blob_content_encoding: Some(encoding.to_owned()),
        ..Default::default()
    };
    BlobClient::new(url, None, None).unwrap().set_properties(Some(options)).await.unwrap();
}

/// Compresses to something that still is several chunks long.
fn csv() -> Bytes {
    noise(10_000_000).iter().map(|byte| b"0123456789abcdef,\"\n"[usize::from(byte % 19)]).collect()
}

fn gzip(content: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap().into()
}

/// With a checksum, as the program `zstd` does.
async fn zstd(content: &[u8]) -> Bytes {
    let checksum = CParameter::checksum_flag(true);
    let mut encoder = ZstdEncoder::with_quality_and_params(Vec::new(), Level::Fastest, &[checksum]);
    encoder.write_all(content).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner().into()
}

/// Content that was read already, in one piece.
fn of(content: impl Into<Bytes>) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + 'static {
    stream::iter([Ok(content.into())])
}

#[tokio::test]
async fn content_that_becomes_a_thousand_times_larger_is_given_up_after_a_gigabyte() {
    let frame = zstd(&"\n".repeat(16 << 20).into_bytes()).await;
    assert!(frame.len() < 16_000, "16 MiB become {} bytes", frame.len());
    let count = |frames: usize| {
        let content = decompress(of(frame.repeat(frames)), Compression::Zstd);
        content.try_fold(0, async |bytes, chunk| Ok(bytes + chunk.len()))
    };

    assert_eq!(count(64).await.unwrap(), 1 << 30, "a gigabyte says nothing yet");

    match count(1_000).await {
        Err(BlobError::Inflated { stored, decoded, ratio_max, .. }) => {
            assert_eq!((stored, ratio_max), (frame.len() as u64 * 1_000, 1_000));
            let least = (1 << 30).max(stored * 1_000);
            assert!((least + 1..least + (1 << 20)).contains(&decoded), "{decoded}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_frame_that_needs_a_large_window_is_refused_by_name() {
    for (log, fits) in [(23, true), (24, false), (27, false)] {
        let parameters = [CParameter::window_log(log)];
        let mut encoder =
            ZstdEncoder::with_quality_and_params(Vec::new(), Level::Fastest, &parameters);
        encoder.write_all(&noise(1 << 20)).await.unwrap();
        encoder.shutdown().await.unwrap();

        match collect(decompress(of(encoder.into_inner()), Compression::Zstd)).await {
            Ok(content) if fits => assert_eq!(content.len(), 1 << 20),
            Err(error @ BlobError::WindowTooLarge { .. }) if !fits => {
                let words = error.to_string();
                assert!(words.contains("a window of more than 8 MiB"), "{words}");
            }
            other => panic!("a window of 2^{log} bytes: {other:?}"),
        }
    }
}

#[tokio::test]
async fn others_have_their_turn_while_empty_members_are_passed() {
    let members = gzip(b"").repeat(1_000);
    let passing = collect(decompress(of(members), Compression::Gzip));

    tokio::select! {
        biased;
        _ = passing => panic!("nobody else had a turn"),
        () = std::future::ready(()) => {}
    }
}
