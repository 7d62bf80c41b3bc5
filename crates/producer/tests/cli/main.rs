//! The command line as a person or a script meets it: the real program, on real services.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod checks;
mod confirming;
mod control;
mod copies;
mod files;
mod foreign;
mod gate;
mod help;
mod hostile_files;
mod import_dataloader;
mod interruptions;
mod loads;
mod packed;
mod report;
mod spreadsheets;
mod support;
mod terminal;
mod uploads;
mod verified_ids;
mod verified_rejects;
mod verify;
