//! What is fuzzed, one function for each target; `tcp/tests/fuzzed` plays the same programs without libFuzzer.

#![forbid(unsafe_code)]
#![allow(dead_code, reason = "the tests use more of the harness")]

pub mod bytes;
pub mod crossing;
#[path = "../../tests/states/harness/mod.rs"]
mod harness;
pub mod parsing;
#[path = "../../tests/states/peer_signature.rs"]
mod peer_signature;
pub mod player;
#[path = "../../tests/states/segment.rs"]
pub mod segment;
pub mod setting;
