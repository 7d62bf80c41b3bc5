//! Bytes → batches.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;

use crate::batch::Batcher;
use crate::decode::RecordDecoder;
use crate::input::Input;
use crate::position::Cursor;
use crate::preamble::{Opened, Opening};
use crate::record::{FieldCount, Shape};
use crate::reject::RowRules;
use crate::replay::{Replayed, Replayer};
use crate::sep_line::SepLine;
use crate::settings::{HeaderLimits, IngestSettings, Manner};
use crate::skip_limit;
use crate::{
    Batch, Cells, Dialect, Header, IngestError, Replay, ResumePoint,
    first_record::{self, FirstRecord},
};

/// Turns bytes into batches: a plain state machine without I/O.
///
/// [`push`](Self::push) a chunk, take batches until there is none, push the next one. What it holds
/// is bounded: the chunks that were pushed and not read, one record, one batch.
///
/// How the input is cut into chunks changes nothing. Nor does going on at the
/// [`end`](Batch::end) of any batch: all later batches are the same.
pub struct Ingest {
    settings: IngestSettings,
    manner: Manner,
    input: Input,
    state: State,
}

enum State {
    Opening(Opening),
    Header(Dialect, Box<RecordDecoder>),
    Rows(Box<RowReader>),
    /// It is over, and every further call says why.
    Failed(IngestError),
}

impl Ingest {
    /// Reads an input from its first byte.
    #[must_use]
    pub fn start(settings: IngestSettings) -> Self {
        let manner = Manner::default();
        let state = State::opening(settings, &manner);
        Self { settings, manner, input: Input::default(), state }
    }

    /// Goes on at `from`: the first byte pushed is the one at `from.byte`.
    ///
    /// The header's dialect counts, not the one in the settings. At byte 0 the header line is still
    /// to come, so that a run which died before its first batch does not take it for a row.
    #[must_use]
    pub fn resume(settings: IngestSettings, header: Header, from: ResumePoint) -> Self {
        let Dialect { delimiter, quote, escape } = header.dialect();
        let settings = IngestSettings { delimiter: Some(delimiter), quote, escape, ..settings };
        if from.byte == 0 {
            return Self::start(settings);
        }
        let manner = Manner::default();
        let state = State::rows(settings, &manner, header, from);
        Self { settings, manner, input: Input::default(), state }
    }

    /// Takes the input for a rejects file: header and records lose the three columns that
    /// [`reject_line`](crate::reject_line) put behind them, and are read as if they stood in the
    /// source. [`header`](Self::header) is the source's then, and so is the one to resume with.
    ///
    /// A person may have edited the file: quotes, line ends, empty cells at the end of a line and
    /// the delimiter may have changed. Records of other codes than the wanted ones, and records of
    /// empty cells only, are passed over and have no number. A record whose text is not in the file
    /// ([`RECORD_TOO_LONG`](crate::RejectCode::RecordTooLong)) becomes a reject once more.
    #[must_use]
    pub fn replaying(self, replay: Replay) -> Self {
        let manner = Manner { replay: Some(replay), ..self.manner.clone() };
        self.read_in(manner)
    }

    /// Keeps rows that stand one after the other and have the same cell in this column in one batch,
    /// such as the children of one parent in a file that is sorted by parent.
    ///
    /// A batch ends before such a group when not all of the group fits in; a group that is larger
    /// than a batch is cut where a batch is full. Cells count without quotes and without blanks
    /// around them, and rows with an empty one are in no group. A record that is rejected ends no
    /// group. An input without the column fails with
    /// [`NoColumnToKeepTogether`](IngestError::NoColumnToKeepTogether).
    #[must_use]
    pub fn keeping_together(self, column: String) -> Self {
        let manner = Manner { together: Some(column), ..self.manner.clone() };
        self.read_in(manner)
    }

    /// Takes headers up to these limits, instead of those that are the default.
    #[must_use]
    pub fn limiting_header(self, limits: HeaderLimits) -> Self {
        let manner = Manner { header: limits, ..self.manner.clone() };
        self.read_in(manner)
    }

    /// The same from where it began.
    fn read_in(self, manner: Manner) -> Self {
        let state = match self.state {
            State::Rows(rows) => State::rows(self.settings, &manner, rows.header, rows.from),
            State::Opening(_) => State::opening(self.settings, &manner),
            state => state,
        };
        Self { manner, state, ..self }
    }

    /// Hands over the next bytes. An empty chunk changes nothing.
    ///
    /// # Panics
    ///
    /// After [`finish`](Self::finish): the input has been said to have ended.
    pub fn push(&mut self, chunk: Bytes) {
        assert!(!self.input.ended(), "bytes were pushed behind the end of the input");
        self.input.push(chunk);
    }

    /// The next full batch, or `None` when more input is needed.
    ///
    /// # Errors
    ///
    /// When the header cannot be used: see [`IngestError`]. Every further call gives the same one.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, IngestError> {
        loop {
            self.state = match &mut self.state {
                State::Rows(rows) => {
                    match (rows.next_batch(&mut self.input), rows.decoder.lost()) {
                        (None, Some(error)) => State::Failed(error.clone()),
                        (batch, _) => return Ok(batch),
                    }
                }
                State::Failed(error) => return Err(error.clone()),
                State::Opening(opening) => match opening.open(&mut self.input) {
                    _ if opening.passed() > skip_limit::IN_A_ROW_MAX => {
                        State::Failed(skip_limit::only_empty_lines(0))
                    }
                    Some(opened) => self.read_header_at(opened),
                    None => return Ok(None),
                },
                State::Header(dialect, decoder) => {
                    let (manner, input) = (&self.manner, &mut self.input);
                    match first_record::read(self.settings, manner, *dialect, decoder, input) {
                        Ok(Some(FirstRecord { header, for_spreadsheets, from })) => {
                            if let Some(replay) = &mut self.manner.replay {
                                replay.for_spreadsheets = for_spreadsheets;
                            }
                            State::rows(self.settings, &self.manner, header, from)
                        }
                        Ok(None) => return Ok(None),
                        Err(error) => State::Failed(error),
                    }
                }
            };
        }
    }

    /// Says that the input ends here, and gives what is left: call it until it answers `None`.
    ///
    /// # Errors
    ///
    /// As [`next_batch`](Self::next_batch), and when there is no header at all. A header without
    /// rows is not an error here.
    pub fn finish(&mut self) -> Result<Option<Batch>, IngestError> {
        self.input.end();
        self.next_batch()
    }

    /// The header, once it has been read.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        match &self.state {
            State::Rows(rows) => Some(&rows.header),
            State::Opening(_) | State::Header(..) | State::Failed(_) => None,
        }
    }

    /// Whether the input is a [copy for spreadsheets](crate::SpreadsheetCopy) that is replayed, once the
    /// header has been read: what [`Replay::for_spreadsheets`] has to say behind it.
    #[must_use]
    pub fn is_for_spreadsheets(&self) -> bool {
        match &self.state {
            State::Rows(rows) => rows.replayer.as_ref().is_some_and(Replayer::is_for_spreadsheets),
            State::Opening(_) | State::Header(..) | State::Failed(_) => false,
        }
    }

    /// Lines without data that were passed over since the input began: those of delimiters and
    /// blanks only, `sep=;` before a repeated header, and a last one with nothing but a Ctrl-Z. Empty
    /// lines are not counted.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        match &self.state {
            State::Rows(rows) => rows.batcher.skipped() + u64::from(rows.decoder.skipped_ctrl_z()),
            State::Opening(_) | State::Header(..) | State::Failed(_) => 0,
        }
    }

    fn read_header_at(&self, opened: Opened) -> State {
        let IngestSettings { quote, escape, .. } = self.settings;
        let dialect = Dialect { delimiter: opened.delimiter, quote, escape };
        if !dialect.is_usable() {
            return State::Failed(IngestError::UnusableDialect(dialect));
        }
        let limit = first_record::bytes_looked_at(self.settings, &self.manner);
        let decoder = RecordDecoder::new(dialect, FieldCount::Unknown, limit, 0, opened.cursor);
        State::Header(dialect, Box::new(decoder))
    }
}

impl State {
    fn opening(settings: IngestSettings, manner: &Manner) -> Self {
        let head_bytes_max = first_record::bytes_looked_at(settings, manner);
        Self::Opening(Opening::new(settings, head_bytes_max))
    }

    /// Behind the header.
    fn rows(settings: IngestSettings, manner: &Manner, header: Header, from: ResumePoint) -> Self {
        match RowReader::new(settings, manner, header, from) {
            Ok(rows) => Self::Rows(Box::new(rows)),
            Err(error) => Self::Failed(error),
        }
    }
}

/// Shows the settings and never what is being read: rows do not belong into logs.
impl fmt::Debug for Ingest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ingest").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Reads everything behind the header.
struct RowReader {
    header: Header,
    rules: RowRules,
    decoder: RecordDecoder,
    replayer: Option<Replayer>,
    batcher: Batcher,
    sep_line: SepLine,
    /// Batches before the open one that nobody asked for yet.
    ready: VecDeque<Batch>,
    /// Where it began.
    from: ResumePoint,
}

impl RowReader {
    fn new(
        settings: IngestSettings,
        manner: &Manner,
        header: Header,
        from: ResumePoint,
    ) -> Result<Self, IngestError> {
        let cursor = Cursor::at(from.line, from.byte);
        let dialect = header.dialect();
        let limit = manner.record_limit(settings);
        let batcher = Batcher::new(settings.batch, from);
        let batcher = match &manner.together {
            None => batcher,
            Some(name) => match Cells::of(&header, name) {
                Some(cells) => batcher.keeping_together(cells),
                None => return Err(IngestError::NoColumnToKeepTogether { name: name.clone() }),
            },
        };
        let replay = manner.replay.clone();
        let fields = match replay {
            None => FieldCount::Known(header.cells()),
            Some(_) => FieldCount::Unknown,
        };
        Ok(Self {
            rules: RowRules {
                header: header.clone(),
                record_bytes_max: limit,
                is_replay: replay.is_some(),
            },
            decoder: RecordDecoder::new(dialect, fields, limit, from.record + 1, cursor),
            replayer: replay.map(|replay| Replayer::new(replay, header.clone())),
            batcher,
            sep_line: SepLine::default(),
            ready: VecDeque::new(),
            header,
            from,
        })
    }

    fn next_batch(&mut self, input: &mut Input) -> Option<Batch> {
        if let Some(ready) = self.ready.pop_front() {
            return Some(ready);
        }
        loop {
            if !self.sep_line.is_held() {
                let batch = self.read_batch(input);
                if !self.sep_line.is_held() {
                    return batch;
                }
            }
            let is_read = self.read_behind_sep_line(input);
            if !is_read || !self.ready.is_empty() {
                return self.ready.pop_front();
            }
        }
    }

    /// Reads the record behind a line that is held, and gives whether it was there.
    #[cold]
    #[inline(never)]
    fn read_behind_sep_line(&mut self, input: &mut Input) -> bool {
        let (rules, batcher) = (&self.rules, &mut self.batcher);
        let Some(mut record) = self.decoder.next(input) else {
            if input.ended() || self.decoder.lost().is_some() {
                self.sep_line.add_held(rules, batcher, &mut self.ready);
                self.ready.extend(batcher.close());
            }
            return false;
        };
        let skipped = self.sep_line.add(&mut record, rules, batcher, &mut self.ready);
        (0..skipped).for_each(|_| self.decoder.forget_number());
        true
    }

    /// The next batch, up to a line that has to be held.
    fn read_batch(&mut self, input: &mut Input) -> Option<Batch> {
        while !self.batcher.is_full() {
            let Some(mut record) = self.decoder.next(input) else {
                let is_over = input.ended() || self.decoder.lost().is_some();
                return if is_over { self.batcher.close() } else { None };
            };
            let rejected = match &mut self.replayer {
                None if self.sep_line.hold(&record) => return None,
                None => None,
                Some(replayer) => match replayer.replay(&mut record) {
                    Replayed::Taken => None,
                    Replayed::NotKept(reject) => Some(reject),
                    Replayed::LeftOut => {
                        self.decoder.forget_number();
                        continue;
                    }
                },
            };
            if rejected.is_none() && record.is_blank(self.header.dialect().delimiter) {
                let bytes = record.bytes();
                self.decoder.forget_number();
                self.decoder.pass_over(bytes);
                self.batcher.skip();
                continue;
            }
            if rejected.is_none() && self.rules.take(&record) {
                if let Some(closed) = self.batcher.add_row(&record) {
                    return Some(closed);
                }
                continue;
            }
            let reject = rejected.unwrap_or_else(|| self.rules.reject(&record));
            let closed = self.batcher.add_reject(&record, reject);
            if matches!(record.shape, Shape::TooLong(_)) {
                let bytes = record.bytes();
                self.decoder.pass_over(bytes);
            }
            if let Some(closed) = closed {
                return Some(closed);
            }
        }
        self.batcher.close()
    }
}
