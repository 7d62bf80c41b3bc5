//! Other encodings → UTF-8.

use bytes::Bytes;
use encoding_rs::{Decoder, DecoderResult, Encoding};

use crate::utf_8_look::Utf8Look;

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
    told_by_start: Option<&'static str>,
    /// What the input is in if it does not begin with UTF-8.
    otherwise: Option<&'static Encoding>,
    malformed: u64,
    /// The encoding of one byte a character by which the input is read.
    read_as: Option<&'static Encoding>,
    look: Utf8Look,
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
        let encoding = encoding_of(label)?;
        let is_utf_8 = encoding == encoding_rs::UTF_8;
        let decoder = (!is_utf_8).then(|| encoding.new_decoder());
        Ok(Self {
            decoder,
            start: is_utf_8.then(Bytes::new),
            told_by_start: None,
            otherwise: None,
            malformed: 0,
            read_as: None,
            look: Utf8Look::default(),
        })
    }

    /// The same for an input that is entered behind its first byte: no byte order mark is there.
    #[must_use]
    pub fn entered_later(self) -> Self {
        Self { start: None, ..self }
    }

    /// The same for UTF-8, where the input is in an encoding of this label if its first chunk is not
    /// UTF-8.
    ///
    /// # Errors
    ///
    /// When no encoding has that name.
    pub fn utf_8_or(label: &str) -> Result<Self, UnknownEncoding> {
        let otherwise = encoding_of(label)?;
        Ok(Self { otherwise: Some(otherwise), ..Self::new("utf-8")? })
    }

    /// The encoding that a byte order mark, or the first chunk, told although the label was UTF-8. Bytes
    /// of the input and of the text are not the same ones then.
    #[must_use]
    pub fn told_by_start(&self) -> Option<&'static str> {
        self.told_by_start
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
        let told = match Encoding::for_bom(&chunk) {
            Some((encoding, _)) => Some(encoding),
            None => self.otherwise.filter(|_| Utf8Look::of(&chunk).is_other()),
        };
        if let Some(encoding) = told.filter(|encoding| *encoding != encoding_rs::UTF_8) {
            self.decoder = Some(encoding.new_decoder());
            self.told_by_start = Some(encoding.name());
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

    /// The encoding of one byte a character by which the input is read, although all of it so far is
    /// UTF-8, and not ASCII alone: each `ü` becomes `Ã¼`.
    #[must_use]
    pub fn is_mistaken_for(&self) -> Option<&'static str> {
        self.read_as.filter(|_| self.look.is_utf_8()).map(Encoding::name)
    }

    /// How many malformed sequences there were. Always 0 for UTF-8, which is not looked at here.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    fn decode(&mut self, input: &[u8], last: bool) -> Bytes {
        let Some(decoder) = &mut self.decoder else { return Bytes::new() };
        let mut chunk = input;
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
        // By now a byte order mark has told.
        self.read_as = Some(decoder.encoding()).filter(|encoding| encoding.is_single_byte());
        if self.read_as.is_some() {
            self.look.add(input);
        }
        text.truncate(end);
        text.into()
    }
}

fn encoding_of(label: &str) -> Result<&'static Encoding, UnknownEncoding> {
    Encoding::for_label_no_replacement(label.as_bytes())
        .ok_or_else(|| UnknownEncoding { label: label.chars().take(40).collect() })
}

/// Whether a label is one of UTF-8.
#[must_use]
pub fn is_utf_8(label: &str) -> bool {
    encoding_of(label).is_ok_and(|encoding| encoding == encoding_rs::UTF_8)
}

/// Enough bytes for this chunk as UTF-8, as long as nothing in it is malformed.
fn room(decoder: &Decoder, chunk: &[u8]) -> usize {
    decoder
        .max_utf8_buffer_length_without_replacement(chunk.len())
        .expect("a chunk in memory is far smaller than the address space")
}
