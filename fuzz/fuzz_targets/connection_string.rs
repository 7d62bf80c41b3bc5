#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| blob_store::fuzz::connection_string(bytes));
