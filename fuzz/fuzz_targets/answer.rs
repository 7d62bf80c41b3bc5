#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    salesforce::fuzz::answer(bytes);
    consumer::fuzz::answer(bytes);
});
