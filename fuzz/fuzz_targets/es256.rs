#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_token_fuzz::es256(data));
