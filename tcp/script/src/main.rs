//! `coremill-script`: plays packetdrill scripts, one with its difference shown, a folder as a table.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use coremill_script::{Verdict, kernel, run_text, scripts};

/// Play packetdrill scripts against the TCP machine on virtual time.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Scripts, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Segments that no script expects by its end are a difference, too.
    #[arg(long)]
    strict: bool,
    /// Play them against the kernel as well, in real time and in namespaces of their own (root).
    #[arg(long, value_parser = ["kernel"])]
    against: Option<String>,
    /// Play the only script against the kernel of this very namespace.
    #[arg(long, hide = true)]
    inside: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let (true, [path]) = (arguments.inside, arguments.paths.as_slice()) {
        println!("{}", kernel::run_inside(path));
        return Ok(ExitCode::SUCCESS);
    }
    let mut found = Vec::new();
    for path in &arguments.paths {
        let scripts = scripts(path).with_context(|| format!("reading {}", path.display()))?;
        anyhow::ensure!(!scripts.is_empty(), "{}: no *.pkt in it", path.display());
        found.extend(scripts);
    }
    let theirs = match arguments.against {
        Some(_) => kernel::run_all(&std::env::current_exe()?, &found),
        None => Vec::new(),
    };
    let (mut passed, mut failed, mut unsupported) = (0, 0, 0);
    for (index, path) in found.iter().enumerate() {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let verdict = run_text(&text, arguments.strict);
        match &verdict {
            Verdict::Pass { .. } => passed += 1,
            Verdict::Fail { .. } => failed += 1,
            Verdict::Unsupported { .. } => unsupported += 1,
        }
        println!("{}: {verdict}", path.display());
        if let Some(kernel) = theirs.get(index) {
            println!("    kernel: {}", kernel.replace('\n', "\n    "));
        }
    }
    if found.len() > 1 {
        let total = found.len();
        println!("{total} scripts: {passed} pass, {failed} fail, {unsupported} unsupported");
        if !theirs.is_empty() {
            let count = |word| theirs.iter().filter(|line| line.starts_with(word)).count();
            let (pass, fail) = (count("pass"), count("FAIL"));
            println!(
                "kernel: {pass} pass, {fail} fail, {} unsupported",
                total - pass - fail
            );
        }
    }
    Ok(if failed + unsupported == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
