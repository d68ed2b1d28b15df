//! coremill-load: puts load on a server over the kernel's sockets or Coremill's, and checks every
//! byte that comes back. Exit codes: 0 all as planned, 1 errors or mismatches, 2 bad usage, 3 could not start.

#![forbid(unsafe_code)]

mod driver;
mod failure;
mod histogram;
mod loads;
mod plan;
mod progress;
mod quantity;
mod report;
mod transport;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use plan::{Arguments, Load, Via};
use report::Report;
use transport::{Coremill, Kernel, Transport};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_ERRORS),
        Err(error) => {
            eprintln!("coremill-load: {error:#}");
            ExitCode::from(EXIT_NOT_STARTED)
        }
    }
}

/// Runs the load and prints its report; false when it saw errors.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    raise_descriptor_limit();
    let peer = arguments.load.peer();
    let report = match peer.via {
        Via::Kernel => play(&arguments.load, &Kernel)?,
        Via::Coremill => {
            let coremill = Coremill::attach(&peer.control);
            let coremill = coremill
                .with_context(|| format!("cannot attach over {}", peer.control.display()))?;
            play(&arguments.load, &coremill)?
        }
    };
    let json = arguments.load.output().json;
    print(&report, json).context("cannot print the report")?;
    Ok(report.succeeded())
}

fn play(load: &Load, transport: &impl Transport) -> anyhow::Result<Report> {
    match load {
        Load::Rpc(plan) => loads::rpc::run(plan, transport),
        Load::Stream(plan) => loads::stream::run(plan, transport),
        Load::Http(plan) => loads::http::run(plan, transport),
        Load::Connect(plan) => loads::connect::run(plan, transport),
    }
}

/// Lets the process open as many descriptors as its hard limit allows: a thousand connections do
/// not fit into the usual soft limit. Where that fails, the report will name the lack.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    use std::io::Write;
    let text = if json {
        serde_json::to_string(report)?
    } else {
        report.to_string()
    };
    writeln!(std::io::stdout().lock(), "{}", text.trim_end())?;
    Ok(())
}

const EXIT_ERRORS: u8 = 1;
const EXIT_NOT_STARTED: u8 = 3;
