//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use coremill_protocol::Network;

/// See and steer a running coremilld.
#[derive(Debug, Parser)]
#[command(name = "coremill", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Arguments {
    /// The daemon's control socket
    #[arg(
        long,
        global = true,
        env = "COREMILL_SOCKET",
        default_value = "/run/coremill/control.sock"
    )]
    pub socket: PathBuf,
    /// Print JSON instead of tables; times and sizes are in the unit that ends a field's name
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Version, uptime, connections by state, packets
    Status,
    /// Connections, half-open requests and TIME-WAIT records, as ss shows them
    Sockets(Sockets),
    /// Listeners with their accept queues, per worker
    Listeners,
    /// Counters of the engine and of TCP; without --all only those that are not zero
    Counters(Selection),
    /// Packets not delivered, by reason; without --all only reasons that occurred
    Drops(Selection),
    /// Neighbours (ARP), per worker
    Neighbors,
    /// What is remembered of destinations (round trip, path MTU, Fast Open cookie), per worker: show or forget it
    Destinations {
        /// Without it, they are listed
        #[command(subcommand)]
        change: Option<DestinationVerb>,
    },
    /// Make new Fast Open cookies with another key; tcp.fast_open_keys has those of the next start
    FastOpenKeys {
        /// Of new cookies: four groups of eight hexadecimal digits with hyphens between
        present: String,
        /// Of cookies that are good still
        previous: Option<String>,
    },
    /// Routes: list them, add or remove one
    Routes {
        /// Without it, routes are listed
        #[command(subcommand)]
        change: Option<RouteVerb>,
    },
    /// What each worker does
    Workers,
    /// Services inside the workers
    Services,
    /// Network ports
    Ports,
    /// Attached applications: what each holds, of how much it may
    Apps,
    /// End an application's attachment: its sockets are closed as if it had died
    Detach {
        /// The attachment, as apps shows it
        attachment: u64,
    },
    /// Stop the daemon: close listeners, wait for open connections, then stop
    Shutdown(Shutdown),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Which connections.
#[derive(Debug, Args)]
pub struct Sockets {
    /// Only in this state, such as established or time-wait
    #[arg(long)]
    pub state: Option<String>,
    /// Only with this address on either end
    #[arg(long)]
    pub address: Option<IpAddr>,
    /// Only with this port on either end
    #[arg(long)]
    pub port: Option<u16>,
    /// Rows at most; 0 for all
    #[arg(long, default_value_t = 1_000)]
    pub limit: usize,
    /// What memory each has, as ss -m shows it
    #[arg(long, conflicts_with = "statistics")]
    pub memory: bool,
    /// What each has counted by RFC 4898, of those that count: tcp.statistics, or their applications, ask for it
    #[arg(long)]
    pub statistics: bool,
}

/// Which counters.
#[derive(Debug, Args)]
pub struct Selection {
    /// Also those that are zero
    #[arg(long)]
    pub all: bool,
    /// Only this worker
    #[arg(long)]
    pub worker: Option<usize>,
}

/// What to forget.
#[derive(Debug, Subcommand)]
pub enum DestinationVerb {
    /// Forget one destination
    Forget {
        /// Its address
        address: IpAddr,
    },
    /// Forget all of them
    Flush,
}

/// A change of the routes.
#[derive(Debug, Subcommand)]
pub enum RouteVerb {
    /// Add or replace a route
    Add(Route),
    /// Remove the route to a network
    Remove {
        /// Destination network, such as 198.51.100.0/24
        network: Network,
    },
}

/// A route.
#[derive(Debug, Args)]
pub struct Route {
    /// Destination network, such as 198.51.100.0/24
    pub network: Network,
    /// Next hop; without it the network is on the link
    #[arg(long)]
    pub gateway: Option<IpAddr>,
    /// Name of the port; not needed where the gateway or a single port tells it
    #[arg(long)]
    pub port: Option<String>,
    /// Source address of connections opened over it
    #[arg(long)]
    pub source: Option<IpAddr>,
    /// Send packets to own addresses in the network through the port
    #[arg(long)]
    pub local_through_port: bool,
}

/// How to stop.
#[derive(Debug, Args)]
pub struct Shutdown {
    /// Reset open connections at once
    #[arg(long, conflicts_with = "drain_timeout")]
    pub now: bool,
    /// Seconds that open connections may take [default: the daemon's shutdown.drain_timeout]
    #[arg(long, value_name = "SECONDS")]
    pub drain_timeout: Option<u64>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the daemon refused the request
  2  wrong usage
  3  no daemon at the socket
  4  permission denied
  5  daemon and command speak different versions
  6  the connection to the daemon broke";
