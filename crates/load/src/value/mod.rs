//! A cell becomes a JSON value, by the type of the field.

mod choice;
mod converter;
mod date;
mod digits;
mod form;
mod number;
mod number_form;
mod rules;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod timestamp;
mod years;
pub(crate) mod zone;

pub use self::{
    converter::Converter,
    date::{DateOrder, DatesWithTime},
    number::DecimalSign,
    number_form::NumberForm,
    rules::ValueRules,
    years::TwoDigitYears,
};
pub(crate) use self::{converter::InvalidValue, form::Form};
