use std::{fmt, num::NonZero, sync::Arc, time::Duration};

use azure_core::http::{
    ClientOptions, NoFormat, Response, RetryOptions, Url,
    pager::PagerContinuation,
    policies::{Policy, auth::BearerTokenAuthorizationPolicy},
};
use azure_storage_blob::{
    BlobClient, BlobClientOptions, BlobContainerClient, BlobContainerClientOptions,
    models::{
        BlobClientGetPropertiesResult, BlobClientGetPropertiesResultHeaders,
        BlobContainerClientListBlobsOptions, BlobItem, BlobType, ListBlobsResponse,
    },
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use secrecy::ExposeSecret;

use crate::{
    BlobArgs, BlobError, BlobEtag, BlobPage, BlobProperties, BlobReader, ReadSettings,
    cause::Cause,
    connection::{Connection, Credential, is_loopback},
    error::{Subject, error_code},
    metrics::Metrics,
    name::{check_blob_name, check_container_name, url_of},
    retry::{QUESTION, retried},
    sas::SasPolicy,
    shared_key::SharedKeyPolicy,
    transport::transport,
};

/// What a token for Azure Storage must be good for.
const STORAGE_SCOPE: &str = "https://storage.azure.com/.default";

/// What the service answers to who asks what it knows about a blob.
type PropertiesAnswer = Response<BlobClientGetPropertiesResult, NoFormat>;

/// One container of one storage account. Cheap to clone; clones share their
/// connections.
#[derive(Clone)]
pub struct BlobStore {
    container: Arc<str>,
    container_url: Url,
    options: ClientOptions,
    metrics: Metrics,
}

impl BlobStore {
    /// Checks the settings. Talks to nobody yet.
    ///
    /// # Errors
    /// [`BlobError::InvalidSetting`]; [`BlobError::NoTrust`] for an https
    /// endpoint on a machine without certificate authorities.
    pub fn connect(args: &BlobArgs) -> Result<Self, BlobError> {
        check_container_name(&args.azure_container)?;
        tls::provide();
        let connection = connection(args)?;
        if connection.endpoint.scheme() == "http" && !is_loopback(&connection.endpoint) {
            tracing::warn!(
                "azure storage is reached over plain http, since AZURE_ALLOW_HTTP is set: \
                 signatures and rows travel readable"
            );
        }
        let metrics = Metrics::default();
        Ok(Self {
            container: args.azure_container.as_str().into(),
            container_url: url_of(&connection.endpoint, [args.azure_container.as_str()]),
            options: ClientOptions {
                // Shared by all clients made from these options.
                transport: Some(transport(&connection.endpoint, metrics.clone())?),
                per_try_policies: vec![authentication(connection.credential)?],
                // We try again ourselves, see `retry`.
                retry: RetryOptions::none(),
                ..Default::default()
            },
            metrics,
        })
    }

    /// What is measured of its requests.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Name of the container.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Creates the container, unless it exists.
    ///
    /// # Errors
    /// [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn create_container(&self) -> Result<(), BlobError> {
        let client = self.container_client()?;
        match retried(QUESTION, || client.create(None)).await {
            Ok(_) => Ok(()),
            Err(error) if error_code(&error) == "ContainerAlreadyExists" => Ok(()),
            Err(error) => Err(self.subject(None).error(&error)),
        }
    }

    /// What is known about a blob without reading it.
    ///
    /// # Errors
    /// [`BlobError::NoSuchBlob`], [`BlobError::NoSuchContainer`],
    /// [`BlobError::InvalidName`], [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn properties(&self, name: &str) -> Result<BlobProperties, BlobError> {
        self.properties_and_type(name, QUESTION).await.map(|(properties, _)| properties)
    }

    pub(crate) async fn properties_and_type(
        &self,
        name: &str,
        patience: Duration,
    ) -> Result<(BlobProperties, Option<BlobType>), BlobError> {
        let answer = self.ask_properties(name, patience).await?;
        self.properties_of(name, &answer)
    }

    pub(crate) async fn ask_properties(
        &self,
        name: &str,
        patience: Duration,
    ) -> Result<PropertiesAnswer, BlobError> {
        let client = self.blob_client(name)?;
        let answer = retried(patience, || client.get_properties(None)).await;
        answer.map_err(|error| self.subject(Some(name)).error(&error))
    }

    pub(crate) fn properties_of(
        &self,
        name: &str,
        answer: &PropertiesAnswer,
    ) -> Result<(BlobProperties, Option<BlobType>), BlobError> {
        let subject = self.subject(Some(name));
        let read = || -> azure_core::Result<_> {
            let bytes = answer.content_length()?;
            let version = answer.etag()?.zip(answer.last_modified()?);
            Ok((bytes, version, answer.content_encoding()?, answer.blob_type()?))
        };
        let (bytes, version, content_encoding, blob_type) =
            read().map_err(|error| subject.error(&error))?;
        let ((etag, last_modified), bytes) = version
            .zip(bytes)
            .ok_or_else(|| subject.nonsense("the answer has no length, ETag or date"))?;
        let properties = BlobProperties {
            name: name.to_owned(),
            bytes,
            etag: String::from(etag).into(),
            last_modified: last_modified.into(),
            content_encoding,
        };
        Ok((properties, blob_type))
    }

    /// All blobs whose name starts with `prefix`, in order of name, asked for
    /// page by page (up to 5,000 blobs each) as the stream is read.
    ///
    /// It ends with the first error: [`BlobError::NoSuchContainer`],
    /// [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub fn list(
        &self,
        prefix: &str,
    ) -> impl Stream<Item = Result<BlobProperties, BlobError>> + Send + Unpin + use<> {
        let (store, prefix) = (self.clone(), prefix.to_owned());
        let pages = stream::try_unfold(Some(None), move |next| {
            let (store, prefix) = (store.clone(), prefix.clone());
            async move {
                let Some(marker) = next else { return Ok(None) };
                let page = store.list_page(&prefix, marker, None).await?;
                Ok(Some((stream::iter(page.blobs.into_iter().map(Ok)), page.next.map(Some))))
            }
        });
        pages.try_flatten().boxed()
    }

    /// At most `blobs_max` (and 5,000) of the blobs whose name starts with `prefix`,
    /// in order of name: the first ones, or those that follow the page whose
    /// [`BlobPage::next`] is `after`.
    ///
    /// # Errors
    /// [`BlobError::NoSuchContainer`], [`BlobError::Denied`],
    /// [`BlobError::Unreachable`]; [`BlobError::Refused`] when `after` is nothing
    /// that the service has said.
    pub async fn list_some(
        &self,
        prefix: &str,
        after: Option<&str>,
        blobs_max: NonZero<u16>,
    ) -> Result<BlobPage, BlobError> {
        self.list_page(prefix, after.map(str::to_owned), Some(blobs_max)).await
    }

    async fn list_page(
        &self,
        prefix: &str,
        marker: Option<String>,
        blobs_max: Option<NonZero<u16>>,
    ) -> Result<BlobPage, BlobError> {
        let client = self.container_client()?;
        let subject = self.subject(None);
        let answer = retried(QUESTION, || list_once(&client, prefix, marker.as_deref(), blobs_max));
        let (page, continuation) = answer.await.map_err(|error| subject.error(&error))?;

        let items = page.map(|page| page.blob_items).unwrap_or_default();
        let blobs: Vec<_> = items
            .into_iter()
            .map(|item| {
                listed(item).ok_or_else(|| subject.nonsense("a listed blob has no name or length"))
            })
            .collect::<Result<_, _>>()?;
        let next = match continuation {
            Some(PagerContinuation::Token(marker)) => Some(marker),
            _ => None,
        };
        Ok(BlobPage { blobs, next })
    }

    /// Deletes a blob.
    ///
    /// # Errors
    /// [`BlobError::NoSuchBlob`], [`BlobError::NoSuchContainer`],
    /// [`BlobError::InvalidName`], [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn delete(&self, name: &str) -> Result<(), BlobError> {
        let client = self.blob_client(name)?;
        let mut tries = 0;
        let answer = retried(QUESTION, || {
            tries += 1;
            client.delete(None)
        })
        .await;
        match answer.map_err(|error| self.subject(Some(name)).error(&error)) {
            Ok(_) => Ok(()),
            // An earlier try did it, only its answer was lost.
            Err(BlobError::NoSuchBlob { .. }) if tries > 1 => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads the version `etag` of a blob of `bytes` bytes, from `from_byte` on.
    ///
    /// Nothing is requested before the first poll. From its end on (and from an
    /// empty blob) there is nothing to read, and nothing is asked.
    pub fn read(
        &self,
        name: &str,
        etag: &BlobEtag,
        bytes: u64,
        from_byte: u64,
        settings: ReadSettings,
    ) -> BlobReader {
        let client = self.blob_client(name);
        BlobReader::new(client, self.subject(Some(name)), etag, from_byte..bytes, settings)
    }

    pub(crate) fn blob_client(&self, name: &str) -> Result<BlobClient, BlobError> {
        check_blob_name(name)?;
        let options =
            BlobClientOptions { client_options: self.options.clone(), ..Default::default() };
        BlobClient::new(url_of(&self.container_url, name.split('/')), None, Some(options))
            .map_err(|error| self.subject(Some(name)).error(&error))
    }

    pub(crate) fn container_client(&self) -> Result<BlobContainerClient, BlobError> {
        let options = BlobContainerClientOptions {
            client_options: self.options.clone(),
            ..Default::default()
        };
        BlobContainerClient::new(self.container_url.clone(), None, Some(options))
            .map_err(|error| self.subject(None).error(&error))
    }

    pub(crate) fn subject(&self, blob: Option<&str>) -> Subject {
        Subject { container: self.container.to_string(), blob: blob.map(str::to_owned) }
    }
}

impl fmt::Debug for BlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobStore").field("url", &self.container_url.as_str()).finish()
    }
}

fn connection(args: &BlobArgs) -> Result<Connection, BlobError> {
    let problem = match (&args.azure_storage_connection_string, &args.azure_storage_account_url) {
        (Some(text), None) => {
            return Connection::from_string(text.expose_secret(), args.azure_allow_http);
        }
        (None, Some(url)) => return Connection::from_account_url(url),
        (Some(_), Some(_)) => "and AZURE_STORAGE_ACCOUNT_URL are both set; remove one of them",
        (None, None) => {
            "is not set; set it in the environment or in .env, or set AZURE_STORAGE_ACCOUNT_URL to \
             sign in through Entra ID"
        }
    };
    let setting = "AZURE_STORAGE_CONNECTION_STRING";
    Err(BlobError::InvalidSetting { setting, problem: problem.into() })
}

/// A page of the list, asked for once, and what says where it goes on.
pub(crate) async fn list_once(
    client: &BlobContainerClient,
    prefix: &str,
    marker: Option<&str>,
    blobs_max: Option<NonZero<u16>>,
) -> azure_core::Result<(Option<ListBlobsResponse>, Option<PagerContinuation>)> {
    let mut pages = client
        .list_blobs(Some(BlobContainerClientListBlobsOptions {
            prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
            marker: marker.map(str::to_owned),
            maxresults: blobs_max.map(|most| most.get().into()),
            ..Default::default()
        }))?
        .into_pages();
    let page = pages.try_next().await?.map(Response::into_model).transpose()?;
    Ok((page, pages.continuation().cloned()))
}

fn authentication(credential: Credential) -> Result<Arc<dyn Policy>, BlobError> {
    Ok(match credential {
        Credential::AccountKey { account, key } => Arc::new(SharedKeyPolicy::new(account, key)),
        Credential::Sas(query) => Arc::new(SasPolicy::new(query)),
        Credential::Identity => {
            let failed = |error| BlobError::NotSignedIn { source: Cause::of(&error) };
            let identity = entra::credential().map_err(failed)?;
            Arc::new(BearerTokenAuthorizationPolicy::new(identity, [STORAGE_SCOPE]))
        }
    })
}

fn listed(item: BlobItem) -> Option<BlobProperties> {
    let properties = item.properties?;
    Some(BlobProperties {
        name: item.name?,
        bytes: properties.content_length?,
        etag: String::from(properties.etag?).into(),
        last_modified: properties.last_modified?.into(),
        content_encoding: properties.content_encoding.filter(|encoding| !encoding.is_empty()),
    })
}
