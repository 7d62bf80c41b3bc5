use azure_core::{
    error::ErrorKind,
    http::{Etag, StatusCode},
};
use azure_storage_blob::{
    AppendBlobClient,
    models::{AppendBlobClientAppendBlockOptions, AppendBlobClientCreateOptions, BlobType},
};
use bytes::Bytes;
use futures::TryStreamExt;

use crate::{
    Appended, BlobError, BlobProperties, BlobStore, ReadSettings,
    error::error_code,
    retry::{TRANSFER, retried},
};

/// Append blobs: what is appended is there exactly once, whatever happens to
/// the connection or to the process.
impl BlobStore {
    /// Creates an append blob that holds `first`, unless it exists; answers its
    /// length either way, in bytes.
    ///
    /// An append blob that exists but is empty gets `first` too: whoever
    /// created it did not come to write it.
    ///
    /// # Errors
    /// [`BlobError::OtherType`] when it exists as something else,
    /// [`BlobError::NoSuchContainer`], [`BlobError::InvalidName`],
    /// [`BlobError::Denied`], [`BlobError::Unreachable`].
    pub async fn append_create(&self, name: &str, first: Bytes) -> Result<u64, BlobError> {
        let client = self.blob_client(name)?.append_blob_client();
        let subject = self.subject(Some(name));
        let created = retried(TRANSFER, || {
            client.create(Some(AppendBlobClientCreateOptions {
                if_none_match: Some(Etag::from("*")),
                ..Default::default()
            }))
        })
        .await;
        match created.map_err(|error| subject.error(&error)) {
            Ok(_) | Err(BlobError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error),
        }

        let length = self.append_length(name).await?;
        if length > 0 || first.is_empty() {
            return Ok(length);
        }
        let first_bytes = first.len() as u64;
        match self.append(name, 0, first).await? {
            Appended::Done => Ok(first_bytes),
            Appended::PositionTaken { length } => Ok(length),
        }
    }

    /// Appends at `position`, in bytes, which must be the blob's end.
    ///
    /// Safe to repeat with the same arguments, also by another process after a
    /// crash: bytes that are in the blob at that position already are answered
    /// with [`Appended::Done`] and not written again. One call may append up to
    /// 100 MiB, and a blob takes 50,000 of them.
    ///
    /// # Errors
    /// [`BlobError::NoSuchBlob`], [`BlobError::OtherType`],
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
            let length = self.append_length(name).await?;
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

    async fn append_length(&self, name: &str) -> Result<u64, BlobError> {
        match self.properties_and_type(name, TRANSFER).await? {
            (blob, Some(BlobType::AppendBlob)) => Ok(blob.bytes),
            (blob, _) => Err(BlobError::OtherType { name: blob.name }),
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
