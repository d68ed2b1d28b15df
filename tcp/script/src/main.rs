//! `coremill-script`: plays packetdrill scripts, one with its difference shown, many as a table.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use coremill_script::record::Record;
use coremill_script::verdict_table::VerdictTable;
use coremill_script::{Place, daemon, kernel, scripts};

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
    /// Play them there as well, in real time and in namespaces of their own (root): differences must be
    /// explained by a line `// Linux differs: why` or `// Daemon differs: why` of the script.
    #[arg(long, value_parser = ["kernel", "daemon", "all"])]
    against: Option<String>,
    /// Keep in this file what was settled in real time, and pass over what it says was.
    #[arg(long)]
    record: Option<PathBuf>,
    /// How often a script is played in real time that is not as it says, before that is believed.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    tries: u32,
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
    let places = match arguments.against.as_deref() {
        Some("all") => Place::ALL.to_vec(),
        other => other.and_then(Place::named).into_iter().collect(),
    };
    let record = match &arguments.record {
        Some(path) => Record::at(path).with_context(|| format!("writing {}", path.display()))?,
        None => Record::none(),
    };
    let program = std::env::current_exe()?;
    let table = VerdictTable::play(
        &program,
        &found,
        &places,
        arguments.strict,
        arguments.tries,
        &record,
    )?;
    print!("{}", table.lines());
    if found.len() > 1 {
        print!("{}", table.totals());
    }
    Ok(match table.is_settled() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
