//! Two machines that talk to each other, on a path and with users of which the bytes tell.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coremill_tcp_fuzz::crossing::play_bytes(data));
