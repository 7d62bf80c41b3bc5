//! Reading the ledger: one run, or many.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use ingest_core::RunId;

use crate::{
    Queue, QueueError,
    ledger::{
        entry::Ledger,
        fields::{Entry, FIELDS},
    },
    redis::scripts,
};

/// Runs in the order of their start, newest first.
#[derive(Clone, Debug, Default)]
pub struct RunsPage {
    /// The runs.
    pub runs: Vec<Ledger>,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<String>,
}

/// Hash and codes of one run, whether it has a feeder and an import, and its batches, as Redis gives
/// them.
type Answer = (redis::Value, redis::Value, bool, bool, u64);

/// What is read of an entry.
#[derive(Clone, Copy)]
enum Fields {
    All,
    /// All but what is long: the header, the load, and codes when they are many.
    Listed,
}

/// A run with more codes than that is listed without them.
const CODES_LISTED: usize = 20;

impl Fields {
    /// Rows by code.
    fn codes(self, codes: redis::Value) -> Result<BTreeMap<String, u64>, redis::ParsingError> {
        match self {
            Self::All => redis::from_redis_value(codes),
            Self::Listed => {
                let (next, some): (u64, BTreeMap<String, u64>) = redis::from_redis_value(codes)?;
                // Some of them would not add up. Redis gives a small hash at once.
                Ok(if next == 0 && some.len() <= CODES_LISTED { some } else { BTreeMap::new() })
            }
        }
    }

    /// The fields that are there.
    fn of(self, entry: redis::Value) -> Result<HashMap<String, Vec<u8>>, redis::ParsingError> {
        match self {
            Self::All => redis::from_redis_value(entry),
            Self::Listed => {
                let values: Vec<Option<Vec<u8>>> = redis::from_redis_value(entry)?;
                let fields = FIELDS.iter().zip(values);
                Ok(fields
                    .filter_map(|(field, value)| Some(((*field).to_owned(), value?)))
                    .collect())
            }
        }
    }
}

impl Queue {
    /// The ledger's entry of a run.
    ///
    /// # Errors
    ///
    /// When Redis refuses, or the entry was written by another version; Redis
    /// being away is waited out.
    pub async fn ledger(&self, run: &RunId) -> Result<Option<Ledger>, QueueError> {
        Ok(self.ledgers(std::slice::from_ref(run), Fields::All).await?.pop())
    }

    /// `bytes` of the run's completion bits, from batch `first` (a multiple of 8) on: the
    /// highest bit of the first byte is that batch's. They end with the last settled one.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn settled_bits(
        &self,
        run: &RunId,
        first: u64,
        bytes: u64,
    ) -> Result<Bytes, QueueError> {
        let mut pipeline = redis::pipe();
        let from = first / 8;
        pipeline.cmd("GETRANGE").arg(self.keys.run(run).settled());
        pipeline.arg(from).arg(from + bytes - 1);
        let (bits,): (Vec<u8>,) = self.query("show what is settled", &pipeline).await?;
        Ok(bits.into())
    }

    /// The newest runs, newest first, without their headers.
    ///
    /// # Errors
    ///
    /// As [`ledger`](Self::ledger).
    pub async fn runs(&self, newest: usize) -> Result<Vec<Ledger>, QueueError> {
        Ok(self.runs_page(None, newest).await?.runs)
    }

    /// The runs that have not ended, without their headers, in no order; a hundred at most.
    ///
    /// # Errors
    ///
    /// As [`ledger`](Self::ledger).
    pub async fn unfinished_runs(&self) -> Result<Vec<Ledger>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.smembers(self.keys.unfinished_runs());
        let (ids,): (Vec<String>,) = self.query("list unfinished runs", &pipeline).await?;
        let ids: Vec<RunId> = ids.iter().take(100).filter_map(|id| id.parse().ok()).collect();
        self.ledgers(&ids, Fields::Listed).await
    }

    /// A page of runs, without their headers: `limit` of them, from where the page before ended.
    ///
    /// # Errors
    ///
    /// As [`ledger`](Self::ledger).
    pub async fn runs_page(
        &self,
        before: Option<&str>,
        limit: usize,
    ) -> Result<RunsPage, QueueError> {
        let mut ids = self.run_ids(before, limit + 1).await?;
        let has_more = ids.len() > limit;
        ids.truncate(limit);
        let next = ids.last().filter(|_| has_more).map(|(id, ms)| format!("{ms}-{id}"));
        let ids: Vec<RunId> = ids.into_iter().map(|(id, _)| id).collect();
        Ok(RunsPage { runs: self.ledgers(&ids, Fields::Listed).await?, next })
    }

    /// Runs by their start, in milliseconds.
    async fn run_ids(
        &self,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(RunId, u64)>, QueueError> {
        let (last_ms, last_id) = before.and_then(|cursor| cursor.split_once('-')).unzip();
        let last_ms: Option<u64> = last_ms.and_then(|ms| ms.parse().ok());
        let mut ids = Vec::new();
        // Runs of one millisecond come in the order of their ids: the first ones may be known.
        for offset in (0..).step_by(limit) {
            let mut pipeline = redis::pipe();
            pipeline.cmd("ZREVRANGEBYSCORE").arg(self.keys.runs());
            pipeline.arg(last_ms.map_or("+inf".to_owned(), |ms| ms.to_string())).arg("-inf");
            pipeline.arg("WITHSCORES").arg("LIMIT").arg(offset).arg(limit);
            let (page,): (Vec<(String, u64)>,) = self.query("list runs", &pipeline).await?;
            let is_last = page.len() < limit;
            let is_known = |(id, ms): &(String, u64)| {
                Some(*ms) == last_ms && last_id.is_some_and(|last| id.as_str() >= last)
            };
            ids.extend(page.into_iter().filter(|run| !is_known(run)));
            if is_last || ids.len() >= limit {
                break;
            }
        }
        ids.truncate(limit);
        Ok(ids.into_iter().filter_map(|(id, ms)| Some((id.parse().ok()?, ms))).collect())
    }

    /// The entries of `runs`, in their order; runs that are not there are left out.
    async fn ledgers(&self, runs: &[RunId], fields: Fields) -> Result<Vec<Ledger>, QueueError> {
        let mut script = self.keys.script(&scripts::SHOW_RUNS);
        match fields {
            Fields::All => script.arg("").arg(0),
            Fields::Listed => script.arg(CODES_LISTED).arg(FIELDS.len()).arg(FIELDS.as_slice()),
        };
        for run in runs {
            script.arg(run.as_ref());
        }
        let answer: Vec<redis::Value> = self.invoke("show runs", &script).await?;
        let unreadable =
            |source| QueueError::Refused { action: "show runs in a known form", source };
        let mut values = answer.into_iter();
        let time = values.next().unwrap_or(redis::Value::Nil);
        let (seconds, micros): (u64, u64) =
            redis::from_redis_value(time).map_err(|error| unreadable(error.into()))?;
        let now_ms = seconds * 1000 + micros / 1000;
        let mut ledgers = Vec::with_capacity(runs.len());
        for (run, of_run) in runs.iter().zip(values) {
            let (entry, codes, feeder_alive, is_to_import, batches_queued): Answer =
                redis::from_redis_value(of_run).map_err(|error| unreadable(error.into()))?;
            let rejected_by_code = fields.codes(codes).map_err(|error| unreadable(error.into()))?;
            let fields = fields.of(entry).map_err(|error| unreadable(error.into()))?;
            if !fields.is_empty() {
                let entry = Entry { run, fields, rejected_by_code, feeder_alive, now_ms };
                ledgers.push(Ledger { is_to_import, batches_queued, ..entry.read()? });
            }
        }
        Ok(ledgers)
    }
}
