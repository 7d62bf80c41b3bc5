//! What was found to be wrong, by name.

use std::{collections::BTreeMap, fmt};

/// The kinds of wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A good row that is neither stored nor rejected.
    Lost,
    /// Stored with other values than the file has.
    WrongValue,
    /// Stored in an object that is not the run's.
    WrongLoad,
    /// Stored, and in no file.
    Stranger,
    /// A good row among the rejects.
    RejectedInVain,
    /// A batch was rejected for killing its consumers, though none of it was that often killed.
    Poisoned,
    /// In the rejects files more than once.
    RejectedTwice,
    /// In the rejects files, with other cells than the file has, or of a row that is not there.
    WrongReject,
    /// A bad row that is not in the rejects files.
    NotRejected,
    /// A bad row that is stored.
    BadRowStored,
    /// The rejects files and the ledger count differently.
    RejectsMiscounted,
    /// read = delivered + rejected + cancelled does not hold at the end.
    LedgerOpen,
    /// The ledger counts deliveries that the org does not have.
    DeliveredMiscounted,
    /// `producer verify` does not prove a completed run.
    Unproven,
    /// Nothing was done of it for [`PROGRESS_WITHIN`](super::progress::PROGRESS_WITHIN).
    StandsStill,
    /// It ended as it should not, or without a reason.
    EndedOtherwise,
    /// Rows were stored again outside of each window in which they may be.
    StoredAgain,
    /// A program ends again and again.
    KeepsEnding,
    /// A file that is not what was uploaded.
    WrongFile,
}

/// All that is wrong in a round: how often, and the first of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(BTreeMap<(String, Kind), (u64, Vec<String>)>);

impl Faults {
    pub(crate) fn add(&mut self, run: &str, kind: Kind, detail: impl fmt::Display) {
        let (count, details) = self.0.entry((run.to_owned(), kind)).or_default();
        *count += 1;
        if details.len() < 3 {
            details.push(detail.to_string());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The kinds, for one line.
    pub(crate) fn kinds(&self) -> String {
        let mut kinds: BTreeMap<Kind, u64> = BTreeMap::new();
        for ((_, kind), (count, _)) in &self.0 {
            *kinds.entry(*kind).or_default() += count;
        }
        let words: Vec<_> =
            kinds.iter().map(|(kind, count)| format!("{kind:?} x{count}")).collect();
        words.join(", ")
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((run, kind), (count, details)) in &self.0 {
            writeln!(f, "  {run}: {kind:?} x{count}")?;
            for detail in details {
                writeln!(f, "    {detail}")?;
            }
        }
        Ok(())
    }
}
