//! coremilld: starts the engine and serves its operator: control socket, signals, metrics.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

mod access;
mod applications;
mod arguments;
mod closer;
mod control_loop;
mod control_socket;
mod failure;
mod inquiry;
mod log_limit;
mod logging;
mod metrics;
mod process_watch;
mod requests;
mod session;
mod shutdown;
mod signals;
mod stack;
mod startup;
mod translate;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    match startup::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("coremilld: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
