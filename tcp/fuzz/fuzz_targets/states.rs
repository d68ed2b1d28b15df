//! Segments, time and calls of the user, as bytes say, from each state of a connection.

#![no_main]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/states/harness.rs"]
mod harness;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/states/peer_signature.rs"]
mod peer_signature;
#[path = "../../tests/states/player.rs"]
mod player;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/states/segment.rs"]
mod segment;

libfuzzer_sys::fuzz_target!(|data: &[u8]| player::play_bytes(data));
