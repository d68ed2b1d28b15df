//! Segments, time, routers and calls of the user, as bytes say, from each state of a connection.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coremill_tcp_fuzz::player::play_bytes(data));
