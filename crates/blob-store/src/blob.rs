use std::{collections::HashMap, fmt, time::SystemTime};

/// The version of a blob's content; every write changes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobEtag(String);

/// Takes it with or without its quotes: a listing gives it without, a header
/// with, and both are the same version.
impl From<String> for BlobEtag {
    fn from(etag: String) -> Self {
        Self(format!("\"{}\"", etag.trim_matches('"')))
    }
}

impl fmt::Display for BlobEtag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known about a blob without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobProperties {
    /// Its name in the container, slashes included.
    pub name: String,
    /// Length of the content as stored (compressed, if it is).
    pub bytes: u64,
    /// The version of the content.
    pub etag: BlobEtag,
    /// When it was written last, to the second.
    pub last_modified: SystemTime,
    /// The `Content-Encoding` that its writer declared.
    pub content_encoding: Option<String>,
}

/// What is known about an append blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendBlob {
    /// Its length.
    pub bytes: u64,
    /// The version of its content.
    pub etag: BlobEtag,
    /// What its creator noted with it, by name.
    pub metadata: HashMap<String, String>,
}

/// Some of the blobs of a container, in order of name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobPage {
    /// The blobs. May be none though more follow.
    pub blobs: Vec<BlobProperties>,
    /// Where the next page starts, in the service's own words; `None` on the last
    /// one.
    pub next: Option<String>,
}

/// What a write does when the blob exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// Fail with [`BlobError::AlreadyExists`](crate::BlobError::AlreadyExists).
    Refuse,
    /// The same, unless the blob was written in blocks of this content by [`BlobWriter`](crate::BlobWriter):
    /// then nothing is sent, and the blob is as it was.
    RefuseOther,
    /// Take its place when the write is committed.
    Replace,
}

/// What became of an append at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The bytes are in the blob at that position, exactly once.
    Done,
    /// Nothing was appended: the blob does not end at that position.
    PositionTaken {
        /// Length of the blob now, in bytes.
        length: u64,
    },
}
