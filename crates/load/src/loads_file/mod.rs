//! A file of loads: what the files of a container become, each by its own rules.
//!
//! ```toml
//! [defaults]                                # of all loads of the file
//! time-zone = "Europe/Berlin"
//!
//! [loads.accounts]
//! object = "Account"
//! external-id = "ErpKey__c"
//! files = ["accounts*.csv", "exports/**/accounts_*.csv{,.gz}"]
//! columns = { Kundennr = "ErpKey__c", Name = ["Name", "Alias__c"] }
//! constants = { Type = "Customer" }
//!
//! [loads.contacts]
//! object = "Contact"
//! external-id = "ErpKey__c"
//! mapping = "mappings/contacts.sdl"         # beside this file
//! after = ["accounts"]
//! ```
//!
//! The settings are those of [`LoadSettings`](crate::LoadSettings), by the same names.

mod document;
mod loads;
mod named_load;
mod no_load;
mod order;
mod patterns;
mod problem;
mod section;
#[cfg(test)]
mod tests;

pub use self::{
    loads::{DEFAULT_LOAD, Loads},
    named_load::NamedLoad,
    no_load::NoLoad,
    problem::InvalidLoads,
};
