#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| collab_fuzz_targets::update(bytes));
