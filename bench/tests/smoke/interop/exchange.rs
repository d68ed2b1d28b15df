//! Bytes both ways at once, with SHA-256 of what went in and of what came out.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::pair::Pair;
use crate::application::pattern;
use crate::conversation::Stream;

/// Sends so many bytes each way at the same time and compares; the connection stays open.
pub fn exchange(pair: &Pair, bytes: usize) -> Duration {
    both(pair, bytes, bytes)
}

/// As [`exchange`], with other numbers of bytes towards us and towards the kernel.
pub fn both(pair: &Pair, up: usize, down: usize) -> Duration {
    let begun = Instant::now();
    let (up, down) = (pattern(UP, up), pattern(DOWN, down));
    std::thread::scope(|scope| {
        scope.spawn(|| pair.theirs.send(&up).expect("the kernel sends"));
        scope.spawn(|| pair.ours.send(&down).expect("we send"));
        let theirs = scope.spawn(|| digest(&pair.theirs, down.len()));
        let ours = digest(&pair.ours, up.len());
        assert_eq!(ours, of(&up), "other bytes came to us");
        let theirs = theirs.join().expect("the kernel's end");
        assert_eq!(theirs, of(&down), "other bytes came to the kernel");
    });
    begun.elapsed()
}

/// Ends both directions, the kernel's first.
pub fn end(pair: Pair) {
    let Pair { ours, theirs } = pair;
    Stream::end(&theirs).expect("end the kernel's direction");
    assert_eq!(ours.receive(&mut [0]).expect("the end"), 0);
    Stream::end(&ours).expect("end our direction");
    assert_eq!(theirs.receive(&mut [0]).expect("the end"), 0);
}

/// In hexadecimal digits.
pub fn of(bytes: &[u8]) -> String {
    hexadecimal(Sha256::digest(bytes).as_slice())
}

fn digest(stream: &impl Stream, bytes: usize) -> String {
    let mut hash = Sha256::new();
    let mut space = vec![0; 64 << 10];
    let mut rest = bytes;
    while rest > 0 {
        let room = rest.min(space.len());
        let count = stream.receive(&mut space[..room]).expect("receive");
        assert!(count > 0, "ended {rest} bytes early");
        hash.update(&space[..count]);
        rest -= count;
    }
    hexadecimal(hash.finalize().as_slice())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const UP: u64 = 1;
const DOWN: u64 = 2;
