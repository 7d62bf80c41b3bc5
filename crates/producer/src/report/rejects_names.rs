//! Names of the files that the rejected rows of a run are in.

use ingest_core::RunId;
use job_queue::Ledger;

/// What the names of all rejects files begin with.
pub(crate) const FOLDER: &str = "rejects/";

/// Name of one part of a run's rejects file.
pub(crate) fn name(run: &RunId, number: u32) -> String {
    match number {
        1 => format!("{FOLDER}{run}.csv"),
        _ => format!("{FOLDER}{run}.{number}.csv"),
    }
}

/// Names of all its parts, in order.
pub(crate) fn names(ledger: &Ledger) -> Vec<String> {
    ledger.rejects_parts.parts.iter().map(|part| name(&ledger.run, part.number)).collect()
}
