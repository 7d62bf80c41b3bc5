use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task,
};

use async_compression::{
    tokio::bufread::{GzipDecoder, ZstdDecoder},
    zstd::DParameter,
};
use bytes::{Bytes, BytesMut};
use futures::{
    Stream, StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, ReadBuf};
use tokio_util::io::StreamReader;

use crate::{BlobError, Compression, cause::Cause};

/// Length of a chunk of decompressed content, at most.
const CHUNK_BYTES: usize = 128 << 10;

/// Levels up to 19 need 8 MiB, and more than that no decoder has to take (RFC 8878, 3.1.1.1.2); only
/// `--long` and `--ultra` ask for more, as much as 2 GiB. Two files may be read at once in 96 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// So many times larger what was read of a blob may become. Rows with a key of their own become 3 to
/// 100 times larger, the same row over and over some hundred times; gzip cannot do more than 1,032.
/// What passes this is the same few bytes for ever.
const RATIO_MAX: u64 = 1_000;

/// Before that, the ratio says nothing: a small file of few different rows is harmless.
const INFLATED_BYTES_MIN: u64 = 1 << 30;

/// Members and frames may be empty: so many are begun before others have their turn.
const MEMBERS_AT_A_STRETCH: u32 = 64;

/// The decompressed content of `chunks`, in bounded memory: some 128 KiB plus
/// the decompressor's window (gzip 32 KiB, Zstandard up to 8 MiB).
///
/// Zeros behind a gzip member or a Zstandard frame are passed over: tapes and some appliances fill
/// files up with them.
///
/// An error of `chunks` comes through as it is; content that is cut short gives
/// [`BlobError::CutShort`], and damaged content [`BlobError::Corrupt`]; content that becomes more than
/// 1,000 times larger [`BlobError::Inflated`], once 1 GiB of it was given, and a frame with a larger
/// window [`BlobError::WindowTooLarge`]. (Zstandard can tell damage for
/// certain only where the content has a checksum, as that of the program `zstd` has.)
pub fn decompress(
    chunks: impl Stream<Item = Result<Bytes, BlobError>> + Send + 'static,
    compression: Compression,
) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + Unpin + 'static {
    let read = Arc::new(AtomicU64::new(0));
    let ratio = Ratio { compression, stored: Arc::clone(&read), decoded: 0 };
    let chunks = chunks.inspect_ok(move |chunk| {
        read.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    });
    let compressed = StreamReader::new(chunks.map_err(io::Error::other).boxed());
    let member = Member::begin(compressed, compression);
    stream::try_unfold((member, ratio), move |(mut member, mut ratio)| async move {
        let mut content = BytesMut::with_capacity(CHUNK_BYTES);
        let mut begun = 0_u32;
        while member.read_buf(&mut content).await? == 0 {
            let mut compressed = member.end();
            if !pass_zeros(&mut compressed).await? {
                return Ok(None);
            }
            member = Member::begin(compressed, compression);
            begun += 1;
            if begun.is_multiple_of(MEMBERS_AT_A_STRETCH) {
                tokio::task::yield_now().await;
            }
        }
        ratio.check(content.len()).map_err(io::Error::other)?;
        Ok(Some((content.freeze(), (member, ratio))))
    })
    .map_err(move |error| blob_error(error, compression))
    .boxed()
}

/// How many times larger a blob has become so far.
struct Ratio {
    compression: Compression,
    /// Bytes of the blob, with those that the decompressor has not looked at yet.
    stored: Arc<AtomicU64>,
    decoded: u64,
}

impl Ratio {
    fn check(&mut self, more: usize) -> Result<(), BlobError> {
        self.decoded += more as u64;
        let (stored, decoded) = (self.stored.load(Ordering::Relaxed), self.decoded);
        if decoded <= INFLATED_BYTES_MIN || decoded <= stored.saturating_mul(RATIO_MAX) {
            return Ok(());
        }
        Err(BlobError::Inflated {
            compression: self.compression,
            stored,
            decoded,
            ratio_max: RATIO_MAX,
        })
    }
}

type Compressed = StreamReader<BoxStream<'static, io::Result<Bytes>>, Bytes>;

/// A part of the content that stands for itself. There may be many of them.
enum Member {
    Gzip(GzipDecoder<Compressed>),
    Zstd(ZstdDecoder<Compressed>),
}

impl Member {
    fn begin(compressed: Compressed, compression: Compression) -> Self {
        match compression {
            Compression::Gzip => Self::Gzip(GzipDecoder::new(compressed)),
            Compression::Zstd => {
                let window = DParameter::window_log_max(ZSTD_WINDOW_LOG_MAX);
                Self::Zstd(ZstdDecoder::with_params(compressed, &[window]))
            }
        }
    }

    /// What is behind it.
    fn end(self) -> Compressed {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.into_inner(),
        }
    }
}

impl AsyncRead for Member {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        content: &mut ReadBuf<'_>,
    ) -> task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Gzip(decoder) => Pin::new(decoder).poll_read(context, content),
            Self::Zstd(decoder) => Pin::new(decoder).poll_read(context, content),
        }
    }
}

/// Gives whether something is behind them.
async fn pass_zeros(compressed: &mut Compressed) -> io::Result<bool> {
    loop {
        let bytes = compressed.fill_buf().await?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros < bytes.len() || bytes.is_empty() {
            let is_left = !bytes.is_empty();
            compressed.consume(zeros);
            return Ok(is_left);
        }
        compressed.consume(zeros);
    }
}

/// An error of the blob travels through the decompressor inside an I/O error.
fn blob_error(error: io::Error, compression: Compression) -> BlobError {
    match error.downcast::<BlobError>() {
        Ok(error) => error,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            BlobError::CutShort { compression }
        }
        Err(error) if is_of_window(&error) => {
            BlobError::WindowTooLarge { window_bytes_max: 1 << ZSTD_WINDOW_LOG_MAX }
        }
        Err(error) => BlobError::Corrupt { compression, source: Cause::any(&error) },
    }
}

/// `ZSTD_error_frameParameter_windowTooLarge`, which comes as its text only.
fn is_of_window(error: &io::Error) -> bool {
    error.to_string().contains("Frame requires too much memory")
}
