//! Limits of a query that looks up records whose ids a file does not have. The consumer sends such
//! queries, and `producer plan` estimates how many calls they take.

/// Keys in one query.
pub const LOOKUP_KEYS_MAX: usize = 200;

/// Bytes of a query as it stands in a URL. Salesforce accepts 16,384 for the request line and all
/// headers, and a token may be long.
pub const LOOKUP_BYTES_MAX: usize = 12_000;
