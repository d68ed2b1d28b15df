//! The subcommands: each asks the daemon and prints what it says.

use std::io;

use anyhow::Result;
use clap::CommandFactory;
use coremill_protocol::{Reply, Request};

use crate::arguments::{Arguments, Verb};
use crate::client::Client;
use crate::output::Format;

mod applications;
mod counters;
mod destinations;
mod links;
mod routes;
mod services;
mod shutdown;
mod sockets;
mod status;
mod workers;

/// Carries out what the command line says.
pub fn run(arguments: &Arguments) -> Result<()> {
    if let Verb::Completions { shell } = arguments.verb {
        let mut command = Arguments::command();
        clap_complete::generate(shell, &mut command, "coremill", &mut io::stdout());
        return Ok(());
    }
    let format = if arguments.json {
        Format::Json
    } else {
        Format::Table
    };
    let mut client = Client::connect(&arguments.socket)?;
    match &arguments.verb {
        Verb::Status => status::run(&mut client, format),
        Verb::Sockets(which) => sockets::run(&mut client, format, which),
        Verb::Listeners => services::listeners(&mut client, format),
        Verb::Counters(which) => counters::counters(&mut client, format, which),
        Verb::Drops(which) => counters::drops(&mut client, format, which),
        Verb::Neighbors => links::neighbors(&mut client, format),
        Verb::Destinations { change } => destinations::run(&mut client, format, change.as_ref()),
        Verb::FastOpenKeys { present, previous } => {
            destinations::keys(&mut client, format, present, previous.as_deref())
        }
        Verb::Routes { change } => routes::run(&mut client, format, change.as_ref()),
        Verb::Workers => workers::run(&mut client, format),
        Verb::Services => services::services(&mut client, format),
        Verb::Apps => applications::apps(&mut client, format),
        Verb::Detach { attachment } => applications::detach(&mut client, format, *attachment),
        Verb::Ports => links::ports(&mut client, format),
        Verb::Shutdown(how) => shutdown::run(&mut client, format, how),
        Verb::Completions { .. } => Ok(()),
    }
}

/// Asks for what `take` finds in the reply; any other reply is an error.
fn fetch<T>(
    client: &mut Client,
    request: &Request,
    take: impl Fn(Reply) -> Option<T>,
) -> Result<T> {
    let reply = client.ask(request)?;
    take(reply).ok_or_else(|| client.unexpected().into())
}
