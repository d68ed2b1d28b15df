//! What to do, as told on the command line.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::quantity;
use crate::transport::Route;

/// Puts load on a TCP server over the kernel's sockets, or over Coremill's as an application, and checks every byte that comes back.
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
    /// Fetches a path over HTTP/1.1 again and again, and checks status and length of what comes.
    Http(HttpPlan),
    /// Opens connections and closes them, as many as go: the rate and time of handshakes.
    Connect(ConnectPlan),
}

impl Load {
    /// Whom to talk to.
    pub fn peer(&self) -> &Peer {
        match self {
            Load::Rpc(plan) => &plan.peer,
            Load::Stream(plan) => &plan.peer,
            Load::Http(plan) => &plan.peer,
            Load::Connect(plan) => &plan.peer,
        }
    }

    /// How to report.
    pub fn output(&self) -> Output {
        match self {
            Load::Rpc(plan) => plan.output,
            Load::Stream(plan) => plan.output,
            Load::Http(plan) => plan.output,
            Load::Connect(plan) => plan.output,
        }
    }
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

/// Requests of HTTP.
#[derive(Args, Debug)]
pub struct HttpPlan {
    /// Whom to talk to.
    #[command(flatten)]
    pub peer: Peer,
    /// What to ask for.
    #[arg(long, default_value = "/", value_parser = http_path)]
    pub path: String,
    /// Ask once on each connection, then open a new one, instead of keeping connections alive.
    #[arg(long)]
    pub close: bool,
    /// Requests per connection, or with --close per connection open at once [default: no bound, but --duration].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// Begin no request after this time [default: 10s unless --requests].
    #[arg(long, value_parser = quantity::duration)]
    pub duration: Option<Duration>,
    /// The status that each response has to have.
    #[arg(long, value_name = "CODE", default_value_t = 200, value_parser = clap::value_parser!(u16).range(100..=599))]
    pub status: u16,
    /// The length that each body has to have [default: that which the response announces].
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes)]
    pub body_bytes: Option<u64>,
    /// The SHA-256 that each body has to have, in hexadecimal; digesting costs processor time.
    #[arg(long, value_name = "DIGEST", value_parser = sha256)]
    pub sha256: Option<[u8; 32]>,
    /// How to report.
    #[command(flatten)]
    pub output: Output,
}

impl HttpPlan {
    /// When to stop, if by time.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
            .or(self.requests.is_none().then_some(DURATION_DEFAULT))
    }
}

/// Handshakes.
#[derive(Args, Debug)]
pub struct ConnectPlan {
    /// Whom to talk to; here connections are closed and opened anew without --reopen too, until --duration.
    #[command(flatten)]
    pub peer: Peer,
    /// Send so many bytes to an echo service and await them before closing [default: close at once].
    #[arg(long, value_name = "BYTES", value_parser = request_bytes)]
    pub exchange: Option<u64>,
    /// Open nothing after this time [default: 10s unless --reopen].
    #[arg(long, value_parser = quantity::duration)]
    pub duration: Option<Duration>,
    /// How to report.
    #[command(flatten)]
    pub output: Output,
}

impl ConnectPlan {
    /// When to stop, if by time.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
            .or(self.peer.reopen.is_none().then_some(DURATION_DEFAULT))
    }
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
    /// Times each connection is closed when done and opened anew [default: 0; for connect no bound].
    #[arg(long, value_name = "N")]
    pub reopen: Option<u64>,
    /// Give a connection up when connecting, or one request, or the next bytes, take longer.
    #[arg(long, default_value = "10s", value_parser = quantity::duration)]
    pub timeout: Duration,
    /// Local address to connect from; several, with commas between them, are taken in turn, each with ports of its own
    /// [default: the stack's choice].
    #[arg(
        long,
        visible_alias = "source",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub source_address: Vec<IpAddr>,
    /// Whose sockets to use: the kernel's, or as an application those of coremilld.
    #[arg(long, value_enum, default_value_t = Via::Kernel)]
    pub via: Via,
    /// coremilld's control socket, for --via coremill.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/run/coremill/control.sock"
    )]
    pub control: PathBuf,
    /// Seed of the byte pattern; for discard and chargen that of the service.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Peer {
    /// Where the connection goes that is begun as number `begun`.
    pub fn route(&self, begun: usize) -> Route {
        let sources = self.source_address.as_slice();
        let source = begun
            .checked_rem(sources.len())
            .and_then(|index| sources.get(index));
        Route {
            target: self.target,
            source: source.copied(),
        }
    }

    /// What the report calls it.
    pub fn name(&self) -> String {
        match self.via {
            Via::Kernel => self.target.to_string(),
            Via::Coremill => format!("{} via coremill", self.target),
        }
    }
}

/// Whose sockets carry the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Via {
    /// The kernel's.
    Kernel,
    /// Coremill's, through the client library.
    Coremill,
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

fn http_path(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_graphic();
    match text.starts_with('/') && text.bytes().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("a path begins with `/` and has no blanks; others are written %20".to_owned()),
    }
}

fn sha256(text: &str) -> Result<[u8; 32], String> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let bytes = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    let digest = bytes.and_then(|bytes| bytes.try_into().ok());
    digest.ok_or_else(|| "not 64 hexadecimal digits, as sha256sum prints them".to_owned())
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
  coremill-load http 10.99.0.2:80 --path / --connections 100 --body-bytes 1024
  coremill-load connect 10.99.0.2:7 --exchange 64 --source 10.99.0.3,10.99.0.4
  coremill-load rpc 10.99.0.1:7000 --via coremill --control /run/coremill/control.sock

Exit codes:
  0  everything went as planned
  1  at least one connection failed or a byte was wrong; the report says how often and how
  2  the command line is wrong
  3  the load could not start";
