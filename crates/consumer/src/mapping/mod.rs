//! Which column fills which field, and how a cell becomes JSON.
//!
//! ```text
//! .sdl file or column names ──Mapping──▶ Plan, one per header ──▶ EncodedRows, one per batch
//! ```

mod encode;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod ids;
#[expect(clippy::module_inception, reason = "it holds the type `Mapping`")]
mod mapping;
mod plan;
mod sdl;
mod target;
#[cfg(test)]
mod tests;
mod value;

#[cfg(test)]
pub(crate) use encode::rows_of_json;
pub(crate) use encode::{EncodedRow, EncodedRows};
pub(crate) use ids::RecordId;
pub(crate) use mapping::{LeftOut, Mapping};
pub(crate) use plan::{HeaderMisfit, Plan};
pub use sdl::{Sdl, SdlError};
pub(crate) use target::{Key, Sameness, Target, TargetRules, is_api_name};
#[cfg(test)]
pub(crate) use tests::encoded_rows;
pub use value::DateOrder;
pub(crate) use value::ValueRules;
