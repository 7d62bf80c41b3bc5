//! How records are looked up whose ids a file does not have: both the consumer, which does it, and
//! the producer, which says before how many calls that takes, go by these figures.

/// Keys in one query.
pub const LOOKUP_KEYS_MAX: usize = 200;

/// Bytes of a query as it stands in a URL. Salesforce takes 16,384 for the request line and all
/// headers, and a token may be long.
pub const LOOKUP_BYTES_MAX: usize = 12_000;
