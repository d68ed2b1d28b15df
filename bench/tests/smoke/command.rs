//! Programs run by tests: each within a time limit, with all it said in the message when it fails.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::isolation::is_long;

/// Runs a command that must succeed; gives its standard output.
pub fn run(words: &[&str]) -> String {
    let output = output(words);
    assert!(output.status.success(), "{}", describe(words, &output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command and gives whatever came of it.
pub fn output(words: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    let seconds_max = if is_long() { "900" } else { "180" };
    command.args(["--kill-after=5", seconds_max]).args(words);
    command
        .output()
        .unwrap_or_else(|error| panic!("cannot start {words:?}: {error}"))
}

/// A command, how it ended and all it said.
pub fn describe(words: &[&str], output: &Output) -> String {
    format!(
        "`{}`: {}\nstdout: {}\nstderr: {}",
        words.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs coremill-load behind `prefix` (such as `ip netns exec client`); it must find no error.
pub fn load(prefix: &[&str], arguments: &[&str]) -> Value {
    let (report, output) = try_load(prefix, arguments);
    assert!(output.status.success(), "{}", describe(arguments, &output));
    report
}

/// Runs coremill-load, which may find errors; gives its report and all else.
pub fn try_load(prefix: &[&str], arguments: &[&str]) -> (Value, Output) {
    let program = program("coremill-load");
    let program = [program.to_str().expect("path in UTF-8")];
    let words = [prefix, &program, arguments, &["--json"]].concat();
    let output = output(&words);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", describe(&words, &output)));
    eprintln!("{}", String::from_utf8_lossy(&output.stdout).trim_end());
    (report, output)
}

/// Path of a program of this workspace, built beside the load generator.
pub fn program(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_coremill-load")).with_file_name(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace --bins --examples`",
        path.display()
    );
    path
}
