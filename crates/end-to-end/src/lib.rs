//! Tests of the whole product: real processes, real Redis, real Azurite. No
//! product code.
//!
//! * `tests/architecture.rs`: the rules between crates, and the settings.
//! * `tests/pipeline/`: runs from blob to Salesforce, checked row by row.
