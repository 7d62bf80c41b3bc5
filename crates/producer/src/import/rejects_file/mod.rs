//! `rejects/<run>.csv`: the rejected rows as they came, each with its reason.
//!
//! The file is an append blob: its header, then the lines that Redis hands out in
//! order. Whatever dies when, the file's length tells which of them it has, so
//! every line is written exactly once. A file that cannot go on is followed by
//! `rejects/<run>.2.csv`, and so on: [`parts`].

mod download;
mod file;
mod parts;
mod writer;

pub(crate) use self::{
    download::{Download, with_last_rows},
    file::{RejectsFile, run_of},
};
