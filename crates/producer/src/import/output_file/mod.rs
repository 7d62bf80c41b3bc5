//! The files that a run writes: `rejects/<run>.csv`, the rejected rows as they came, each with its
//! reason; and, where its load says so, `ids/<run>.csv`, which record each delivered row is.
//!
//! A file is an append blob: its header, then the lines in the order of Redis. The length of the
//! file tells which lines it has, so that after a crash every line is in it exactly once. A file
//! that cannot be appended to is followed by `rejects/<run>.2.csv`, and so on: [`parts`].

mod download;
mod file;
mod outputs;
mod parts;
mod writer;

pub(crate) use self::{
    download::{Download, with_last_rows},
    file::{OutputFile, run_of},
    outputs::Outputs,
};
