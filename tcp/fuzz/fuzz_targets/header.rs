//! Any bytes as a segment.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coremill_tcp_fuzz::parsing::header(data));
