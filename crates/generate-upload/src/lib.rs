//! Streams a made-up CSV file of any size into a blob, in little memory.
//!
//! ```text
//! row(seed, index, shape) ──▶ CSV bytes ──▶ BlobWriter ──▶ blob
//! ```
//!
//! A row depends on nothing but the seed, its index and the asked-for shape: a
//! test can say what any row of a file must be without reading the file.

mod config;
mod rows;
mod run;
mod summary;
mod words;

pub use config::{Cli, Config};
pub use rows::{Defect, HEADER, Row, Shape, row};
pub use run::run;
