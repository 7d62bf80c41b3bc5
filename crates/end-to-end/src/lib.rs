//! Tests of the whole product: real processes, real Redis, real Azurite. No
//! product code.
//!
//! * `tests/architecture/`: the rules between crates, folders and files, and the settings.
//! * `tests/guarantees.rs`: the proofs that `GUARANTEES.md` names exist.
//! * `tests/pipeline/`: runs from blob to Salesforce, checked row by row.
