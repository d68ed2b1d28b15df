//! coremill: the operator's command. Asks the daemon over its Unix socket and prints the answer.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

mod arguments;
mod client;
mod failure;
mod output;
mod verbs;

use arguments::Arguments;
use failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match verbs::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = error.downcast_ref::<Failure>();
            // Whoever reads our output may stop reading: `coremill sockets | head`.
            if matches!(failure, Some(Failure::Output { source }) if source.kind() == std::io::ErrorKind::BrokenPipe)
            {
                return ExitCode::SUCCESS;
            }
            // A failure's text has its source in it; other errors are told with theirs.
            match failure {
                Some(failure) => eprintln!("coremill: {failure}"),
                None => eprintln!("coremill: {error:#}"),
            }
            ExitCode::from(failure.map_or(1, Failure::exit_code))
        }
    }
}
