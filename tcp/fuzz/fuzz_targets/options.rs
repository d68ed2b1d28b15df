//! Any bytes as the options of a header.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coremill_tcp_fuzz::parsing::options(data));
