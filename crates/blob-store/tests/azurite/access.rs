use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use blob_store::{BlobError, BlobStore, Overwrite, ReadSettings};
use bytes::Bytes;
use futures::StreamExt;
use jiff::SignedDuration;
use test_support::{
    AZURITE_ACCOUNT, AZURITE_KEY, Azurite, azurite_connection_string, azurite_sas_connection_string,
};

use crate::{
    proxy::{Fault, Proxy},
    support::{collect, connect, everything_said, get, noise, put, store},
};

const OTHER_KEY: &str = "U0VDUkVULVNFQ1JFVC1TRUNSRVQ=";

#[tokio::test]
async fn a_sas_opens_what_the_key_opens() {
    let azurite = Azurite::shared();
    let sas = azurite_sas_connection_string(&azurite.address(), SignedDuration::from_hours(1));
    let store = connect(&sas, &Azurite::new_container()).unwrap();
    let content = noise(5_000_000);

    store.create_container().await.unwrap();
    put(&store, "ä/big.csv", &content).await;
    store.append_create("log", Bytes::from_static(b"head"), &HashMap::new()).await.unwrap();

    assert_eq!(get(&store, "ä/big.csv").await, content);
    assert_eq!(store.list("").count().await, 2);
    store.delete("log").await.unwrap();
}

#[tokio::test]
async fn the_emulators_own_connection_string_works() {
    let azurite = Azurite::shared();
    let address = azurite.address();
    let text =
        format!("UseDevelopmentStorage=true;BlobEndpoint=http://{address}/{AZURITE_ACCOUNT}");
    let store = connect(&text, &Azurite::new_container()).unwrap();

    store.create_container().await.unwrap();
    put(&store, "a.csv", &Bytes::from_static(b"a")).await;

    assert_eq!(get(&store, "a.csv").await, "a");
}

#[tokio::test]
async fn a_wrong_key_and_an_expired_sas_are_denied_not_the_end_of_the_blob() {
    let good = store().await;
    let blob = put(&good, "a.csv", &noise(100)).await;
    let wrong_key = azurite_connection_string(&good.address()).replace(AZURITE_KEY, OTHER_KEY);
    let expired = azurite_sas_connection_string(&good.address(), -SignedDuration::from_hours(1));

    for text in [wrong_key, expired] {
        let store = connect(&text, good.container()).unwrap();

        for error in [
            store.create_container().await.unwrap_err(),
            store.properties("a.csv").await.unwrap_err(),
            store.list("").next().await.unwrap().unwrap_err(),
            store.write("a.csv", Overwrite::Replace).await.unwrap_err(),
            store.append_create("b.csv", Bytes::new(), &HashMap::new()).await.unwrap_err(),
            collect(store.read("a.csv", &blob.etag, blob.bytes, 0, ReadSettings::default()))
                .await
                .unwrap_err(),
        ] {
            assert!(matches!(error, BlobError::Denied { .. }), "{error:?}");
            assert!(error.to_string().contains("has not expired"), "{error}");
            assert_nothing_secret(&everything_said(&error), &text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_answer_is_named_within_half_a_minute_and_nothing_secret_is() {
    let azurite = Azurite::shared();
    let cutting = Proxy::start(&azurite.address(), |_| Fault::CutAfter(0));
    let busy = Proxy::start(&azurite.address(), |_| Fault::Busy);
    let begun = Instant::now();

    let answers = ["127.0.0.1:1", &cutting.address, &busy.address].map(|address| {
        let text = azurite_sas_connection_string(address, SignedDuration::from_hours(1));
        let store = connect(&text, "container").unwrap();
        async move { (text, store.properties("a.csv").await.unwrap_err()) }
    });
    let answers = futures::future::join_all(answers).await;

    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    for (text, error) in answers {
        assert!(matches!(error, BlobError::Unreachable { .. }), "{error:?}");
        assert_nothing_secret(&everything_said(&error), &text);
    }
}

#[tokio::test]
async fn no_error_says_anything_secret() {
    let good = store().await;
    let blob = put(&good, "a.csv", &noise(100)).await;
    let text = azurite_sas_connection_string(&good.address(), SignedDuration::from_hours(1));
    let store = connect(&text, good.container()).unwrap();

    for error in [
        store.properties("none").await.unwrap_err(),
        store.write("a.csv", Overwrite::Refuse).await.unwrap_err(),
        store.append("a.csv", 100, Bytes::from_static(b"x")).await.unwrap_err(),
        collect(store.read("a.csv", &"0x0".to_owned().into(), 100, 0, ReadSettings::default()))
            .await
            .unwrap_err(),
        collect(store.read("a.csv", &blob.etag, 200, 150, ReadSettings::default()))
            .await
            .unwrap_err(),
    ] {
        assert_nothing_secret(&everything_said(&error), &text);
    }
}

#[tokio::test]
async fn no_debug_output_says_anything_secret() {
    let azurite = Azurite::shared();
    let key = azurite.connection_string();

    for text in
        [key, azurite_sas_connection_string(&azurite.address(), SignedDuration::from_hours(1))]
    {
        let store = connect(&text, &Azurite::new_container()).unwrap();
        store.create_container().await.unwrap();
        let writer = store.write("a.csv", Overwrite::Replace).await.unwrap();
        let reader = store.read("a.csv", &"x".to_owned().into(), 9, 0, ReadSettings::default());

        assert_nothing_secret(&format!("{store:#?} {writer:#?} {reader:#?}"), &text);
    }
}

#[tokio::test]
async fn no_log_line_says_anything_secret() {
    let azurite = Azurite::shared();
    let key = azurite.connection_string();
    let cutting = Proxy::start(&azurite.address(), |number| match number {
        0..3 => Fault::CutAfter(0),
        _ => Fault::None,
    });
    let sas = azurite_sas_connection_string(&cutting.address, SignedDuration::from_hours(1));
    let log = Log::default();
    // While there is only one subscriber, a line that another thread, where there is none, comes to
    // first is dropped for all threads.
    let _second = tracing::Dispatch::new(Log::default());
    let _guard = tracing::subscriber::set_default(log.clone());

    for text in [&key, &sas] {
        let store = connect(text, &Azurite::new_container()).unwrap();
        store.create_container().await.unwrap();
        put(&store, "a.csv", &noise(100)).await;
        store.properties("none.csv").await.unwrap_err();
    }

    let logged = log.0.lock().unwrap().clone();
    assert!(logged.contains("comp=block"), "the library's own lines were seen");
    for text in [&key, &sas] {
        assert_nothing_secret(&logged, text);
    }
    assert!(!logged.contains("SharedKey devstoreaccount1:"), "{logged}");
}

/// Every event of every library, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut self.clone());
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

impl tracing::field::Visit for Log {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!("{field}={value:?}\n"));
    }
}

#[test]
fn exactly_one_way_in_must_be_set() {
    let both = blob_store::BlobArgs {
        azure_storage_connection_string: Some("UseDevelopmentStorage=true".to_owned().into()),
        azure_storage_account_url: Some("https://a.blob.core.windows.net".parse().unwrap()),
        azure_container: "container".to_owned(),
        azure_allow_http: false,
    };
    let neither = blob_store::BlobArgs {
        azure_storage_connection_string: None,
        azure_storage_account_url: None,
        ..both.clone()
    };

    for args in [both, neither] {
        let error = BlobStore::connect(&args).unwrap_err().to_string();

        assert!(error.contains("AZURE_STORAGE_CONNECTION_STRING"), "{error}");
        assert!(error.contains("AZURE_STORAGE_ACCOUNT_URL"), "{error}");
    }
}

/// Neither the key nor any part of the SAS that opens something.
fn assert_nothing_secret(said: &str, connection_string: &str) {
    let secrets = connection_string
        .split([';', '&'])
        .filter_map(|part| part.strip_prefix("AccountKey=").or_else(|| part.strip_prefix("sig=")));
    for secret in secrets {
        let decoded = secret.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        assert!(!said.contains(secret) && !said.contains(&decoded), "{said}");
    }
    assert!(!said.replace("sig=REDACTED", "").contains("sig="), "{said}");
}
