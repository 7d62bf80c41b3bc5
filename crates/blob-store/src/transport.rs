use std::{error::Error, sync::Arc, time::Duration};

use azure_core::{
    error::ErrorKind,
    http::{AsyncRawResponse, HttpClient, Request, Transport, Url, headers::HeaderName},
};
use bytes::Bytes;
use futures::{StreamExt, future::ready};
use reqwest::redirect;
use tls::Proxy;

use crate::{
    BlobError,
    cause::Cause,
    metrics::{Metrics, Outcome},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// From the start of a request to its answer, and between two pieces of a body.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// Bytes of an answer that is no part of a blob: the library collects it. The longest that there may
/// be is a list of 1,000 names, or of 50,000 blocks.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Counts requests, and ends answers that are longer than any that is asked for.
#[derive(Debug)]
struct Bounded {
    client: reqwest::Client,
    metrics: Metrics,
}

#[async_trait::async_trait]
impl HttpClient for Bounded {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let answer = self.client.execute_request(request).await;
        self.metrics.requested(match &answer {
            Ok(answer) => Outcome::of_status(answer.status().into()),
            Err(_) => Outcome::NoAnswer,
        });
        let proxy = || Proxy::to(request.url().as_str());
        let answer = answer.map_err(|error| match proxy() {
            Some(proxy) => explained(&proxy, error),
            None => error,
        })?;
        let (status, headers, body) = answer.deconstruct();
        // The service names each of its answers.
        let is_of_another = headers.get_optional_str(&REQUEST_ID).is_none();
        if is_of_another
            && matches!(u16::from(status), 401 | 403 | 407)
            && let Some(said) = proxy().and_then(|proxy| proxy.may_have_answered(status.into()))
        {
            let said = format!("HTTP {}: {said}", u16::from(status));
            return Err(azure_core::Error::with_message(ErrorKind::Connection, said));
        }
        let is_asked_for =
            |(name, _): (&HeaderName, _)| matches!(name.as_str(), "range" | "x-ms-range");
        // Whoever asks for a part of a blob takes it piece by piece.
        if status.is_success() && request.headers().iter().any(is_asked_for) {
            let metrics = self.metrics.clone();
            let count = move |piece: &azure_core::Result<Bytes>| {
                metrics.read(piece.as_ref().map_or(0, Bytes::len));
            };
            return Ok(AsyncRawResponse::new(status, headers, Box::pin(body.inspect(count))));
        }
        let pieces = body.scan(0, |bytes, piece| {
            *bytes += piece.as_ref().map_or(0, Bytes::len);
            let is_fine = *bytes <= ANSWER_BYTES_MAX;
            ready(Some(if is_fine { piece } else { Err(too_long()) }))
        });
        Ok(AsyncRawResponse::new(status, headers, Box::pin(pieces)))
    }
}

/// What a request says that failed on its way to a proxy, or behind it.
fn explained(proxy: &Proxy, error: azure_core::Error) -> azure_core::Error {
    let innermost = std::iter::successors(Some(&error as &dyn Error), |it| (**it).source()).last();
    let words = innermost.map(ToString::to_string).unwrap_or_default();
    let had_no_connection = matches!(error.kind(), ErrorKind::Connection);
    let said = proxy.explain(&error, &tls::with_advice(words), had_no_connection);
    azure_core::Error::with_message(error.kind().clone(), said)
}

fn too_long() -> azure_core::Error {
    let what = "the answer is longer than any that is asked for";
    azure_core::Error::with_message(ErrorKind::DataConversion, what)
}

/// The connections of one store.
///
/// The library's own client, which this resembles, panics on a machine without
/// certificate authorities. Ours can then be used for plain http, as with a
/// local Azurite; for anything else that is an error.
pub(crate) fn transport(endpoint: &Url, metrics: Metrics) -> Result<Transport, BlobError> {
    if let Some((setting, problem)) = tls::unusable_proxy_to(endpoint.as_str()) {
        return Err(BlobError::InvalidSetting { setting, problem });
    }
    let client = match settings().build() {
        Err(_) if endpoint.scheme() == "http" => settings().tls_certs_only([]).build(),
        built => built,
    };
    let client = client.map_err(|error| BlobError::NoTrust { source: Cause::any(&error) })?;
    Ok(Transport::new(Arc::new(Bounded { client, metrics })))
}

fn settings() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        // A redirect would carry the signature to another host.
        .redirect(redirect::Policy::none())
        // A blob with a Content-Encoding must arrive as it is stored: ranges
        // count those bytes.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
}
