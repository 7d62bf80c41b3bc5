//! What a load does with a file: which column fills which field of an object, and how a cell becomes
//! JSON or CSV. Pure: nothing here waits, reads a file or makes a request; who has a mapping file gives what
//! reads it.
//!
//! ```text
//! file of loads · flags · request · environment ──LoadSettings──▶ Load, kept with its run
//!
//! .sdl file or column names ──Mapping──▶ Plan, one per header ──▶ EncodedRows or CsvRows, one per batch
//! ```

mod api;
mod assignment_rule;
mod checked_row;
mod columns;
mod describe;
mod encode;
mod fit;
mod flags;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod ids;
mod inline;
mod invalid_fields;
mod invalid_load;
mod load;
mod loads_file;
mod mapped_fields;
mod mapping;
mod operation;
mod plan;
mod properties;
mod reason;
mod record_id;
mod sameness;
mod sdl;
mod settings;
mod settings_load;
mod spelling;
mod target;
#[cfg(test)]
mod tests;
mod utf8;
mod value;
mod warnings;

pub use api::{AUTO_BULK_ROWS_MIN, Api, ApiChoice, JOB_CALLS};
pub use assignment_rule::AssignmentRule;
pub use checked_row::CheckedRow;
pub use columns::{Constant, LeftOut, MappedColumn};
pub use describe::{Describe, Field, PicklistValue};
pub use encode::{CsvRows, EncodedRow, EncodedRows, InvalidCell, InvalidRow};
pub use fit::Misfit;
pub use flags::{LoadFlags, variables};
pub use inline::{ConstantValue, InlineColumns, InlineConstants, InvalidInline};
pub use invalid_fields::InvalidFields;
pub use invalid_load::InvalidLoad;
pub use load::{Columns, Load, UnreadableLoad};
pub use loads_file::{DEFAULT_LOAD, InvalidLoads, Loads, NamedLoad, NoLoad};
pub use mapping::{Lack, Mapping, RequiredField};
pub use operation::Operation;
pub use plan::{HeaderMismatch, NamedColumn, Plan};
pub use properties::{InvalidProperty, Property};
pub use reason::Reason;
pub use sameness::Sameness;
pub use sdl::{Sdl, SdlError};
pub use settings::{LoadSettings, Nulls};
pub use target::{Key, NULL_CELL, Target, TargetRules, is_api_name};
pub use utf8::NotUtf8;
pub use value::{
    Converter, DateOrder, DatesWithTime, DecimalSign, NumberForm, TwoDigitYears, ValueRules,
};
