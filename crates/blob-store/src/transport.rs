use std::{sync::Arc, time::Duration};

use azure_core::http::{Transport, Url};
use reqwest::redirect;

use crate::{BlobError, cause::Cause};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// From the start of a request to its answer, and between two pieces of a body.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The connections of one store.
///
/// The library's own client, which this resembles, panics on a machine without
/// certificate authorities. Ours can then be used for plain http, as with a
/// local Azurite; for anything else that is an error.
pub(crate) fn transport(endpoint: &Url) -> Result<Transport, BlobError> {
    let client = match settings().build() {
        Err(_) if endpoint.scheme() == "http" => settings().tls_certs_only([]).build(),
        built => built,
    };
    let client = client.map_err(|error| BlobError::NoTrust { source: Cause::any(&error) })?;
    Ok(Transport::new(Arc::new(client)))
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
