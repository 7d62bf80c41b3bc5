//! ingest-core
