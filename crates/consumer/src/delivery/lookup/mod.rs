//! Ids of the records that rows name by a key.
//!
//! Salesforce updates and deletes by id only. So the keys of a batch are looked up before it is
//! sent, by either API. What holds:
//!
//! * A key that no record has, or several have, is a reject: nothing is created, and nothing is
//!   changed by guess.
//! * What was found is kept with the batch in Redis before a record is changed. The
//!   next consumer of the batch means the same records: of a record that was deleted meanwhile a query
//!   would find nothing, and an open ingest job is matched by the ids that it was given.
//! * A query waits as every call does, and counts as one. It changes nothing, so it is retried.
//! * A query that is refused is refused for a key, or for all of them. One for a key that no row has
//!   tells which (`request.rs`): then the key is looked for by halves and rejected alone, or the run is
//!   held.

mod keys;
mod records;
mod request;

pub(crate) use self::{records::Found, request::Lookup};
