//! Any bytes as the options of a header.

#![no_main]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/states/parsing.rs"]
mod parsing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsing::options(data));
