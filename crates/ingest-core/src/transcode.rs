//! Other encodings → UTF-8.

use bytes::Bytes;
use encoding_rs::{Decoder, DecoderResult, Encoding};

/// Turns chunks in any encoding of the web into chunks of UTF-8, for [`Ingest`](crate::Ingest).
///
/// A byte order mark decides over the label, and is left out. With the label UTF-8, and no mark of
/// another encoding, everything passes as it is: [`Ingest`](crate::Ingest) looks at it.
///
/// A sequence that means nothing in the encoding becomes the byte 0xFF, which is never UTF-8: so
/// the record it stands in becomes a reject ([`RejectCode::InvalidUtf8`](crate::RejectCode::InvalidUtf8)),
/// and no row is delivered with a replacement character in it.
///
/// ```
/// # use ingest_core::Transcoder;
/// let mut transcoder = Transcoder::new("windows-1252")?;
/// assert_eq!(transcoder.push(b"caf\xE9".as_slice().into()), "café");
/// assert_eq!(transcoder.finish(), "");
/// # Ok::<(), ingest_core::UnknownEncoding>(())
/// ```
#[derive(Debug)]
pub struct Transcoder {
    /// None for UTF-8.
    decoder: Option<Decoder>,
    /// What may be the first byte of UTF-16's mark; nothing any more once that is known.
    start: Option<Bytes>,
    told_by_mark: Option<&'static str>,
    malformed: u64,
}

/// `CSV_ENCODING` is mistyped; names are those of the web, such as those that browsers know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown encoding {label:?}; use a name such as utf-8, windows-1252 or utf-16le")]
pub struct UnknownEncoding {
    label: String,
}

/// What stands for a malformed sequence.
const NOT_TEXT: u8 = 0xFF;

impl Transcoder {
    /// Takes a name of the [Encoding Standard](https://encoding.spec.whatwg.org/#names-and-labels),
    /// such as `utf-8`, `latin1`, `windows-1252` or `utf-16le`, in any case.
    ///
    /// # Errors
    ///
    /// When no encoding has that name.
    pub fn new(label: &str) -> Result<Self, UnknownEncoding> {
        let encoding = Encoding::for_label_no_replacement(label.as_bytes())
            .ok_or_else(|| UnknownEncoding { label: label.chars().take(40).collect() })?;
        let is_utf_8 = encoding == encoding_rs::UTF_8;
        let decoder = (!is_utf_8).then(|| encoding.new_decoder());
        Ok(Self { decoder, start: is_utf_8.then(Bytes::new), told_by_mark: None, malformed: 0 })
    }

    /// The same for an input that is entered behind its first byte: no byte order mark is there.
    #[must_use]
    pub fn entered_later(self) -> Self {
        Self { start: None, ..self }
    }

    /// The encoding that a byte order mark told although the label was UTF-8. Bytes of the input and
    /// of the text are not the same ones then.
    #[must_use]
    pub fn told_by_mark(&self) -> Option<&'static str> {
        self.told_by_mark
    }

    /// The chunk as UTF-8. A character that is cut by its end comes with the next one.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        let chunk = match self.start.take() {
            None => chunk,
            Some(start) if start.is_empty() => self.look_for_mark(chunk),
            Some(start) => self.look_for_mark([start, chunk].concat().into()),
        };
        if self.decoder.is_some() { self.decode(&chunk, false) } else { chunk }
    }

    /// Gives the bytes that can be decoded.
    fn look_for_mark(&mut self, chunk: Bytes) -> Bytes {
        if matches!(&chunk[..], [] | [0xFE | 0xFF]) {
            self.start = Some(chunk);
            return Bytes::new();
        }
        if let Some((encoding, _)) = Encoding::for_bom(&chunk)
            && encoding != encoding_rs::UTF_8
        {
            self.decoder = Some(encoding.new_decoder());
            self.told_by_mark = Some(encoding.name());
        }
        chunk
    }

    /// What is left when the input has ended. To be called once; after it, the transcoder is used up.
    pub fn finish(&mut self) -> Bytes {
        let start = self.start.take().unwrap_or_default();
        let rest = self.decode(&[], true);
        self.decoder = None;
        if start.is_empty() { rest } else { start }
    }

    /// How many malformed sequences there were. Always 0 for UTF-8, which is not looked at here.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    fn decode(&mut self, mut chunk: &[u8], last: bool) -> Bytes {
        let Some(decoder) = &mut self.decoder else { return Bytes::new() };
        let mut text = vec![0; room(decoder, chunk)];
        let mut end = 0;
        loop {
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(chunk, &mut text[end..], last);
            chunk = &chunk[read..];
            end += written;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => text.resize(end + room(decoder, chunk), 0),
                DecoderResult::Malformed(..) => {
                    self.malformed += 1;
                    text.resize(text.len().max(end + 1), 0);
                    text[end] = NOT_TEXT;
                    end += 1;
                }
            }
        }
        text.truncate(end);
        text.into()
    }
}

/// Enough bytes for this chunk as UTF-8, as long as nothing in it is malformed.
fn room(decoder: &Decoder, chunk: &[u8]) -> usize {
    decoder
        .max_utf8_buffer_length_without_replacement(chunk.len())
        .expect("a chunk in memory is far smaller than the address space")
}
