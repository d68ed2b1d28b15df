//! `coremill-script`: plays packetdrill scripts, one with its difference shown, a folder as a table.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use coremill_script::{Place, Verdict, daemon, kernel, namespace, run_text, scripts};

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
    /// Play them there as well, in real time and in namespaces of their own (root).
    #[arg(long, value_parser = ["kernel", "daemon"])]
    against: Option<String>,
    /// Play the only script in these very namespaces.
    #[arg(long, hide = true)]
    inside: Option<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let inside = arguments.inside.as_deref().and_then(Place::named);
    if let (Some(place), [path]) = (inside, arguments.paths.as_slice()) {
        let verdict = match place {
            Place::Kernel => kernel::run_inside(path),
            Place::Daemon => daemon::run_inside(path),
        };
        println!("{verdict}");
        return Ok(ExitCode::SUCCESS);
    }
    let mut found = Vec::new();
    for path in &arguments.paths {
        let scripts = scripts(path).with_context(|| format!("reading {}", path.display()))?;
        anyhow::ensure!(!scripts.is_empty(), "{}: no *.pkt in it", path.display());
        found.extend(scripts);
    }
    let place = arguments.against.as_deref().and_then(Place::named);
    let theirs = match place {
        Some(place) => namespace::run_all(&std::env::current_exe()?, place, &found),
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
        if let (Some(theirs), Some(place)) = (theirs.get(index), place) {
            println!("    {place}: {}", theirs.replace('\n', "\n    "));
        }
    }
    if found.len() > 1 {
        let total = found.len();
        println!("{total} scripts: {passed} pass, {failed} fail, {unsupported} unsupported");
        if let Some(place) = place {
            let count = |word| theirs.iter().filter(|line| line.starts_with(word)).count();
            let (pass, fail) = (count("pass"), count("FAIL"));
            println!(
                "{place}: {pass} pass, {fail} fail, {} unsupported",
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
