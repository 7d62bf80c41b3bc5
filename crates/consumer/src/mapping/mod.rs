//! Which column fills which field, and how a cell becomes JSON.
//!
//! ```text
//! .sdl file or column names ──Mapping──▶ Plan, one per header ──▶ EncodedRows, one per batch
//! ```

mod encode;
mod plan;
mod sdl;
mod target;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use encode::{EncodedRow, EncodedRows};
pub(crate) use plan::{HeaderMisfit, Mapping, Plan};
pub use sdl::{Sdl, SdlError};
pub(crate) use target::{Key, TargetRules, is_api_name};
#[cfg(test)]
pub(crate) use tests::encoded_rows;
