use std::fmt;

use crate::BlobProperties;

/// How the content of a blob is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip, of one or more members.
    Gzip,
    /// Zstandard, of one or more frames, with a window of up to 8 MiB.
    Zstd,
}

impl Compression {
    /// Goes by the `Content-Encoding` and, without one, by the ending of the
    /// name: `.gz` or `.zst`.
    pub fn of(blob: &BlobProperties) -> Option<Self> {
        match blob.content_encoding.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("gzip" | "x-gzip") => Some(Self::Gzip),
            Some("zstd") => Some(Self::Zstd),
            _ => {
                let name = blob.name.to_ascii_lowercase();
                let of_ending = [(".gz", Self::Gzip), (".zst", Self::Zstd)];
                of_ending.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, is)| is)
            }
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
        })
    }
}
