//! Names of the files that a run writes.

use ingest_core::RunId;
use job_queue::{Ledger, Output};

/// What the names of all files of an output begin with.
pub(crate) const fn folder(output: Output) -> &'static str {
    match output {
        Output::Rejects => "rejects/",
        Output::Ids => "ids/",
    }
}

/// Whether a list of files that start with `prefix` has this one: what runs wrote is not among the
/// files to load, unless it is asked for.
pub(crate) fn is_listed(name: &str, prefix: &str) -> bool {
    let is_of = |output: &Output| name.starts_with(folder(*output));
    let is_asked_for = |output: &Output| prefix.starts_with(folder(*output));
    !Output::ALL.iter().any(|output| is_of(output) && !is_asked_for(output))
}

/// Name of one part of an output of a run.
pub(crate) fn name(output: Output, run: &RunId, number: u32) -> String {
    let folder = folder(output);
    match number {
        1 => format!("{folder}{run}.csv"),
        _ => format!("{folder}{run}.{number}.csv"),
    }
}

/// Names of all its parts, in order.
pub(crate) fn names(output: Output, ledger: &Ledger) -> Vec<String> {
    let parts = &ledger.parts(output).parts;
    parts.iter().map(|part| name(output, &ledger.run, part.number)).collect()
}

/// Those of its parts where it has rows; none where it has none.
pub(crate) fn names_with_rows(output: Output, ledger: &Ledger) -> Vec<String> {
    if ledger.rows_in(output) > 0 { names(output, ledger) } else { Vec::new() }
}

/// What is said behind a file that a run does not have: one that goes on may write it later.
pub(crate) fn yet(ledger: &Ledger) -> &'static str {
    if ledger.has_ended() { "" } else { " (yet)" }
}

/// What its rows are called in messages.
pub(crate) const fn rows(output: Output) -> &'static str {
    match output {
        Output::Rejects => "rejected rows",
        Output::Ids => "ids",
    }
}
