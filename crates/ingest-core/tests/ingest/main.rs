//! Everything through the public names: how bytes are cut changes nothing, and nothing is lost.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod against_csv;
mod batches;
mod compatibility;
mod header;
mod jobs;
mod limits;
mod oddities;
mod reading;
mod rejects;
mod rejects_file;
mod replay;
mod spreadsheet;
mod support;
mod together;
mod transcode;
