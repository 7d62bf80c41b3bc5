//! The rules between crates, folders and files, and the settings, held up by tests.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod crates;
mod folders;
mod messages;
mod pages;
mod rejects;
mod settings;
mod sources;
