//! `coremill-script`: plays packetdrill scripts, one with its difference shown, a folder as a table.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use coremill_script::{Verdict, run_text, scripts};

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
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut found = Vec::new();
    for path in &arguments.paths {
        let scripts = scripts(path).with_context(|| format!("reading {}", path.display()))?;
        anyhow::ensure!(!scripts.is_empty(), "{}: no *.pkt in it", path.display());
        found.extend(scripts);
    }
    let (mut passed, mut failed, mut unsupported) = (0, 0, 0);
    for path in &found {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let verdict = run_text(&text, arguments.strict);
        match &verdict {
            Verdict::Pass { .. } => passed += 1,
            Verdict::Fail { .. } => failed += 1,
            Verdict::Unsupported { .. } => unsupported += 1,
        }
        println!("{}: {verdict}", path.display());
    }
    if found.len() > 1 {
        let total = found.len();
        println!("{total} scripts: {passed} pass, {failed} fail, {unsupported} unsupported");
    }
    Ok(if failed + unsupported == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
