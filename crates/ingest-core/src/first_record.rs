//! Reads the first record, within limits of its own: the names of columns are in memory as long as
//! anything of their file is, in every program that has to do with it.

use bytes::Bytes;

use crate::decode::RecordDecoder;
use crate::error::{PackedFormat, TooLong};
use crate::input::Input;
use crate::position::Cursor;
use crate::record::Shape;
use crate::scan::Misplaced;
use crate::settings::{HeaderLimits, IngestSettings, Manner};
use crate::{Dialect, Header, IngestError, ResumePoint, replay};

/// How far a header that is too large is looked at, to say how large it is.
const LIMITS_LOOKED_AHEAD: usize = 4;

/// How many bytes of the first record are looked at.
pub(crate) fn bytes_looked_at(settings: IngestSettings, manner: &Manner) -> usize {
    let header_limit = manner.as_it_stands(manner.header.bytes_max);
    manner.record_limit(settings).min(header_limit.saturating_mul(LIMITS_LOOKED_AHEAD))
}

/// What the first record says.
pub(crate) struct FirstRecord {
    pub(crate) header: Header,
    /// It is that of a copy for spreadsheets.
    pub(crate) for_spreadsheets: bool,
    /// Where the second one starts.
    pub(crate) from: ResumePoint,
}

/// Reads the first record; `None` when it is not all there.
pub(crate) fn read(
    settings: IngestSettings,
    manner: &Manner,
    dialect: Dialect,
    decoder: &mut RecordDecoder,
    input: &mut Input,
) -> Result<Option<FirstRecord>, IngestError> {
    let Some(record) = decoder.next(input) else {
        return match decoder.lost() {
            Some(error) => Err(error.clone()),
            None if input.ended() => Err(IngestError::Empty),
            None => Ok(None),
        };
    };
    let at = record.at;
    if let Some(format) = PackedFormat::of(record.raw) {
        return Err(IngestError::Packed { at, format });
    }
    let HeaderLimits { bytes_max, columns_max } = manner.header;
    let too_large = |bytes, is_all, open_quote| {
        let limit_bytes = bytes_max;
        IngestError::HeaderTooLarge { at, bytes, is_all, limit_bytes, open_quote }
    };
    match record.shape {
        Shape::TooLong(too_long) => {
            let open_quote = match too_long {
                TooLong::OpenQuote(quote) => Some(quote),
                TooLong::Line | TooLong::Whole => None,
            };
            let (bytes, limit_bytes) =
                (bytes_looked_at(settings, manner), settings.record_bytes_max);
            Err(if bytes > manner.as_it_stands(bytes_max) {
                too_large(bytes, false, open_quote)
            } else {
                IngestError::HeaderTooLong { at, limit_bytes, open_quote }
            })
        }
        Shape::Misplaced(Misplaced { quote, .. }) => {
            let quote = at.byte + quote as u64;
            Err(IngestError::HeaderUnclosedQuote { at, quote })
        }
        Shape::Whole { .. } if record.raw.len() > manner.as_it_stands(bytes_max) => {
            Err(too_large(record.raw.len(), true, None))
        }
        Shape::Whole { .. } => {
            let Cursor { line, byte, .. } = record.end;
            let (raw, for_spreadsheets) = match manner.replay {
                None => (Bytes::copy_from_slice(record.raw), false),
                Some(_) => replay::source_header(record.raw, dialect, at)?,
            };
            let header = Header::read(raw, dialect, at)?;
            let columns = header.columns().len();
            if columns > columns_max {
                return Err(IngestError::TooManyColumns { at, columns, limit: columns_max });
            }
            let from = ResumePoint { sequence: 0, record: 0, line, byte, skipped: 0 };
            Ok(Some(FirstRecord { header, for_spreadsheets, from }))
        }
    }
}
