//! The fuzzer's own programs (`tcp/fuzz`) without the fuzzer: what it found worth keeping is played again, and bytes by
//! chance, so that they are built and run where it is not.

mod anything;
#[path = "../../fuzz/src/lib.rs"]
mod fuzzed;

use fuzzed::{crossing, parsing, player};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

type Program = fn(&[u8]);

const TARGETS: [(&str, Program); 4] = [
    ("header", parsing::header),
    ("options", parsing::options),
    ("states", player::play_bytes),
    ("crossing", crossing::play_bytes),
];

#[test]
fn what_the_fuzzer_found_worth_keeping_is_survived() {
    for (target, play) in TARGETS {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/");
        let files = std::fs::read_dir(format!("{folder}{target}")).expect("the corpus is there");
        let mut count = 0;
        for file in files {
            let path = file.expect("a file").path();
            println!("{}", path.display());
            play(&std::fs::read(path).expect("readable"));
            count += 1;
        }
        assert!(count > 0, "the corpus of {target} is empty");
    }
}

#[test]
fn bytes_by_chance_are_survived() {
    for seed in 0..300 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = vec![0; random.random_range(1..400)];
        random.fill_bytes(&mut bytes);
        for (_, play) in TARGETS {
            play(&bytes);
        }
    }
}

/// Each target of the package has its line above.
#[test]
fn every_target_is_played() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/fuzz_targets");
    for file in std::fs::read_dir(folder).expect("the package is there") {
        let path = file.expect("a file").path();
        let name = path.file_stem().and_then(|stem| stem.to_str());
        let is_known = TARGETS.iter().any(|(target, _)| Some(*target) == name);
        assert!(is_known, "{} is not played", path.display());
    }
}
