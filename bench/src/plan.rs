//! What to do, as told on the command line.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::quantity;

/// Puts load on a TCP server over the kernel's sockets and checks every byte that comes back.
#[derive(Debug, Parser)]
#[command(name = "coremill-load", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// Which load.
    #[command(subcommand)]
    pub load: Load,
}

/// The loads.
#[derive(Debug, Subcommand)]
pub enum Load {
    /// Plays requests against an echo service, each connection sending the next one when the
    /// answer to the last is complete and right (closed loop).
    Rpc(RpcPlan),
    /// Moves bytes of the seeded pattern in bulk and checks all of them.
    Stream(StreamPlan),
}

/// Requests and answers.
#[derive(Args, Debug)]
pub struct RpcPlan {
    /// Whom to talk to.
    #[command(flatten)]
    pub peer: Peer,
    /// Size of request and answer.
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = request_bytes)]
    pub size: u64,
    /// Requests per connection [default: no bound, but --duration].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// Begin no request after this time, such as 5s or 500ms [default: 10s unless --requests].
    #[arg(long, value_parser = quantity::duration)]
    pub duration: Option<Duration>,
    /// Wait after each answer before the next request: shows what a server takes to wake up.
    #[arg(long, value_parser = quantity::duration)]
    pub pause: Option<Duration>,
    /// How to report.
    #[command(flatten)]
    pub output: Output,
}

impl RpcPlan {
    /// When to stop, if by time.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
            .or(self.requests.is_none().then_some(DURATION_DEFAULT))
    }
}

/// Bulk data.
#[derive(Args, Debug)]
pub struct StreamPlan {
    /// up: send to a discard service and compare its account with ours.
    /// down: receive from a chargen service. both: send to an echo service and receive at once.
    #[arg(value_enum)]
    pub direction: Direction,
    /// Whom to talk to.
    #[command(flatten)]
    pub peer: Peer,
    /// Bytes per connection and direction, such as 256MiB.
    #[arg(long, default_value = "64MiB", value_parser = quantity::bytes)]
    pub bytes: u64,
    /// How to report.
    #[command(flatten)]
    pub output: Output,
}

/// Which way the bytes of a stream go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// To the server.
    Up,
    /// From the server.
    Down,
    /// To the server and back.
    Both,
}

/// Whom to talk to and how.
#[derive(Args, Clone, Debug)]
pub struct Peer {
    /// The server's address and port, such as 10.0.0.2:7.
    #[arg(value_name = "ADDRESS:PORT", value_parser = target)]
    pub target: SocketAddr,
    /// Connections open at once.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub connections: u32,
    /// Times each connection is closed when done and opened anew.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub reopen: u64,
    /// Give a connection up when connecting, or one request, or the next bytes, take longer.
    #[arg(long, default_value = "10s", value_parser = quantity::duration)]
    pub timeout: Duration,
    /// Local address to connect from [default: the kernel's choice].
    #[arg(long, value_name = "ADDRESS")]
    pub source_address: Option<IpAddr>,
    /// Seed of the byte pattern; for discard and chargen that of the service.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// How to report.
#[derive(Args, Clone, Copy, Debug)]
pub struct Output {
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
    /// Show no progress bar (it is shown on a terminal only).
    #[arg(long)]
    pub no_progress: bool,
}

fn request_bytes(text: &str) -> Result<u64, String> {
    match quantity::bytes(text)? {
        0 => Err("a request has at least one byte".to_owned()),
        bytes if bytes > REQUEST_BYTES_MAX => Err("a request has at most 1GiB".to_owned()),
        bytes => Ok(bytes),
    }
}

fn target(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; expected ADDRESS:PORT such as 10.0.0.2:7"))?;
    addresses
        .next()
        .ok_or_else(|| "name without an address".to_owned())
}

const DURATION_DEFAULT: Duration = Duration::from_secs(10);
const REQUEST_BYTES_MAX: u64 = 1 << 30;
const EXAMPLES: &str = "\
Examples:
  coremill-load rpc 10.99.0.2:7 --size 64 --connections 64 --duration 5s
  coremill-load rpc 10.99.0.2:7 --pause 5ms --requests 500
  coremill-load stream up 10.99.0.2:9 --bytes 256MiB --seed 1
  coremill-load stream both 10.99.0.2:7 --bytes 1GiB --json

Exit codes:
  0  everything went as planned
  1  at least one connection failed or a byte was wrong; the report says how often and how
  2  the command line is wrong
  3  the load could not start";
