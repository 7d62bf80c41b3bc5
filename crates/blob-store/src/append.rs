use std::collections::HashMap;

use azure_core::{
    error::ErrorKind,
    http::{Etag, StatusCode},
};
use azure_storage_blob::{
    AppendBlobClient,
    models::{
        AppendBlobClientAppendBlockOptions, AppendBlobClientCreateOptions,
        BlobClientGetPropertiesResultHeaders, BlobType,
    },
};
use bytes::Bytes;
use futures::TryStreamExt;

use crate::{
    AppendBlob, Appended, BlobError, BlobEtag, BlobProperties, BlobStore, ReadSettings,
    error::error_code,
    retry::{TRANSFER, retried},
};

/// Append blobs: what is appended is there exactly once, whatever happens to
/// the connection or to the process.
impl BlobStore {
    /// Creates an append blob that holds `first` and bears `metadata`, unless it exists; answers
    /// what is there either way.
    ///
    /// An append blob that exists but is empty gets `first` too: whoever
    /// created it did not come to write it. Names of metadata are words of lower-case letters,
    /// values are ASCII.
    ///
    /// # Errors
    /// [`BlobError::OtherType`] when it exists as something else,
    /// [`BlobError::NoSuchContainer`], [`BlobError::InvalidName`],
    /// [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn append_create(
        &self,
        name: &str,
        first: Bytes,
        metadata: &HashMap<String, String>,
    ) -> Result<AppendBlob, BlobError> {
        let anew = AppendBlobClientCreateOptions {
            if_none_match: Some(Etag::from("*")),
            metadata: Some(metadata.clone()),
            ..Default::default()
        };
        match self.create_append_blob(name, anew).await {
            Ok(()) | Err(BlobError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error),
        }

        let there = self.append_properties(name).await?;
        if there.bytes > 0 || first.is_empty() {
            return Ok(there);
        }
        let bytes = match self.append(name, 0, first.clone()).await? {
            Appended::Done => first.len() as u64,
            Appended::PositionTaken { length } => length,
        };
        Ok(AppendBlob { bytes, ..there })
    }

    /// What is known of an append blob; `None` when there is no blob of that name.
    ///
    /// # Errors
    /// [`BlobError::OtherType`] when it is something else,
    /// [`BlobError::NoSuchContainer`], [`BlobError::InvalidName`],
    /// [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn append_blob(&self, name: &str) -> Result<Option<AppendBlob>, BlobError> {
        match self.append_properties(name).await {
            Ok(there) => Ok(Some(there)),
            Err(BlobError::NoSuchBlob { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes all content out of the append blob, if it still is what `etag` says, and gives it
    /// `metadata`. Answers whether it was.
    ///
    /// # Errors
    /// [`BlobError::NoSuchContainer`], [`BlobError::InvalidName`], [`BlobError::Unreachable`], and
    /// [`BlobError::Denied`], also to who may only create blobs and add to them.
    pub async fn append_empty(
        &self,
        name: &str,
        etag: &BlobEtag,
        metadata: &HashMap<String, String>,
    ) -> Result<bool, BlobError> {
        let in_its_place = AppendBlobClientCreateOptions {
            if_match: Some(Etag::from(etag.to_string())),
            metadata: Some(metadata.clone()),
            ..Default::default()
        };
        match self.create_append_blob(name, in_its_place).await {
            Ok(()) => Ok(true),
            // The condition was not met.
            Err(BlobError::AlreadyExists { .. } | BlobError::NoSuchBlob { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn create_append_blob(
        &self,
        name: &str,
        options: AppendBlobClientCreateOptions<'static>,
    ) -> Result<(), BlobError> {
        let client = self.blob_client(name)?.append_blob_client();
        let created = retried(TRANSFER, || client.create(Some(options.clone()))).await;
        created.map(|_| ()).map_err(|error| self.subject(Some(name)).error(&error))
    }

    /// Appends at `position`, in bytes, which must be the blob's end.
    ///
    /// Safe to repeat with the same arguments, also by another process after a
    /// crash: bytes that are in the blob at that position already are answered
    /// with [`Appended::Done`] and not written again. One call may append up to
    /// 100 MiB, and a blob takes 50,000 of them.
    ///
    /// # Errors
    /// [`BlobError::Full`] after that many, [`BlobError::NoSuchBlob`], [`BlobError::OtherType`],
    /// [`BlobError::NoSuchContainer`], [`BlobError::InvalidName`],
    /// [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn append(
        &self,
        name: &str,
        position: u64,
        bytes: Bytes,
    ) -> Result<Appended, BlobError> {
        if bytes.is_empty() {
            // The service takes no empty block.
            let length = self.append_properties(name).await?.bytes;
            let done = length >= position;
            return Ok(if done { Appended::Done } else { Appended::PositionTaken { length } });
        }
        let client = self.blob_client(name)?.append_blob_client();
        match retried(TRANSFER, || append_block(&client, position, bytes.clone())).await {
            Ok(()) => Ok(Appended::Done),
            Err(error) if is_position_conflict(&error) => {
                self.who_took(name, position, &bytes).await
            }
            Err(error) => Err(self.subject(Some(name)).error(&error)),
        }
    }

    /// The blob goes on past `position`: was it us, in a try whose answer was
    /// lost, or somebody else?
    async fn who_took(
        &self,
        name: &str,
        position: u64,
        ours: &Bytes,
    ) -> Result<Appended, BlobError> {
        let end = position + ours.len() as u64;
        loop {
            let (there, _) = self.properties_and_type(name, TRANSFER).await?;
            let taken = Appended::PositionTaken { length: there.bytes };
            if there.bytes < end {
                return Ok(taken);
            }
            match self.holds(&there, position, ours).await {
                Ok(is_ours) => return Ok(if is_ours { Appended::Done } else { taken }),
                // Somebody appended behind it.
                Err(BlobError::BlobChanged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn holds(
        &self,
        blob: &BlobProperties,
        position: u64,
        content: &Bytes,
    ) -> Result<bool, BlobError> {
        let end = position + content.len() as u64;
        let mut reader = self.read(&blob.name, &blob.etag, end, position, ReadSettings::default());
        let mut rest = &content[..];
        while let Some(chunk) = reader.try_next().await? {
            match rest.strip_prefix(&chunk[..]) {
                Some(after) => rest = after,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn append_properties(&self, name: &str) -> Result<AppendBlob, BlobError> {
        let subject = self.subject(Some(name));
        let answer = self.ask_properties(name, TRANSFER).await?;
        let (there, blob_type) = self.properties_of(name, &answer)?;
        let metadata = answer.metadata().map_err(|error| subject.error(&error))?;
        match blob_type {
            Some(BlobType::AppendBlob) => {
                Ok(AppendBlob { bytes: there.bytes, etag: there.etag, metadata })
            }
            _ => Err(BlobError::OtherType { name: there.name }),
        }
    }
}

/// Always with the position: without it, a try whose answer got lost would be
/// repeated and append twice.
async fn append_block(
    client: &AppendBlobClient,
    position: u64,
    bytes: Bytes,
) -> azure_core::Result<()> {
    let position = i64::try_from(position)
        .map_err(|error| azure_core::Error::new(ErrorKind::DataConversion, error))?;
    let options = AppendBlobClientAppendBlockOptions {
        append_position: Some(position),
        ..Default::default()
    };
    let length = bytes.len() as u64;
    client.append_block(bytes.into(), length, Some(options)).await.map(|_| ())
}

fn is_position_conflict(error: &azure_core::Error) -> bool {
    error.http_status() == Some(StatusCode::PreconditionFailed)
        || error_code(error) == "AppendPositionConditionNotMet"
}
