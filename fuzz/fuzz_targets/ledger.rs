#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| job_queue::fuzz::ledger(bytes));
