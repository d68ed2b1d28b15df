//! Coremill's side: a daemon with one worker and a looped-back net_ring, and this process attached to it, one thread
//! with a poller playing both ends of all connections.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use coremill_client::{Interest, Options, Poller, Stack, TcpListener, TcpStream};
use rustix::process::{Pid, Signal, kill_process};

use crate::exchange::Ends;
use crate::{APPLICATION_CORE, Measured, OTHER_CORE, namespaces};

/// A daemon, this process's attachment, and the connections. The daemon is stopped while others are measured.
pub struct Coremill {
    ends: Ends<TcpStream>,
    poller: Poller,
    _listener: TcpListener,
    _stack: Stack,
    daemon: Daemon,
}

/// Commands and events that crossed since the attachment began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crossed {
    pub commands: u64,
    pub events: u64,
}

impl Coremill {
    /// Starts the daemon, attaches and connects.
    pub fn start(connections: usize) -> anyhow::Result<Self> {
        let daemon = Daemon::start()?;
        let spin = Options {
            spin: FOR_EVER,
            ..Options::default()
        };
        let stack = Stack::attach_with(CONTROL, spin).context(CONTROL)?;
        let address: SocketAddr = ADDRESS.parse()?;
        let listener = TcpListener::bind(&stack, address)?;
        let mut poller = Poller::new(&stack)?;
        let (mut clients, mut servers) = (Vec::new(), Vec::new());
        for token in 0..connections {
            let client = TcpStream::connect(&stack, address).context("cannot connect")?;
            let (server, _) = listener.accept().context("cannot accept")?;
            for (stream, token) in [(&client, token), (&server, connections + token)] {
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                poller.register(stream, token, Interest::READABLE)?;
            }
            clients.push(client);
            servers.push(server);
        }
        let mut coremill = Self {
            ends: Ends::new(clients, servers, connections)?,
            poller,
            _listener: listener,
            _stack: stack,
            daemon,
        };
        coremill.measure(WARM_UP)?;
        coremill.daemon.signal(Signal::STOP)?;
        Ok(coremill)
    }

    /// Lets it go on, plays for `duration`, and stops it again.
    pub fn measure_awake(&mut self, duration: Duration) -> anyhow::Result<Measured> {
        self.daemon.signal(Signal::CONT)?;
        let measured = self.measure(duration)?;
        self.daemon.signal(Signal::STOP)?;
        Ok(measured)
    }

    /// Plays for `duration`.
    pub fn measure(&mut self, duration: Duration) -> anyhow::Result<Measured> {
        thread::scope(|scope| {
            let played = scope.spawn(|| {
                namespaces::pin(APPLICATION_CORE)?;
                self.play(duration)
            });
            let played = played.join();
            played.map_err(|_| anyhow::anyhow!("the application's thread panicked"))?
        })
    }

    /// What an exchange costs in commands and events: of each end, so a count of one each way is 1.0.
    pub fn crossed_per_end(&mut self) -> anyhow::Result<(f64, f64)> {
        self.daemon.signal(Signal::CONT)?;
        let before = crossed()?;
        let exchanges = self.measure(COUNTED)?.exchanges;
        let after = crossed()?;
        self.daemon.signal(Signal::STOP)?;
        let ends = exchanges as f64 * 2.0;
        let per_end = |after: u64, before: u64| (after - before) as f64 / ends;
        // No request follows the last reply of each connection, for what was read of it to ride on.
        let last = self.ends.connections() as u64;
        Ok((
            per_end(after.commands.saturating_sub(last), before.commands),
            per_end(after.events, before.events),
        ))
    }

    fn play(&mut self, duration: Duration) -> anyhow::Result<Measured> {
        let Self { ends, poller, .. } = self;
        let mut ready = Vec::with_capacity(EVENTS_MAX);
        ends.begin(duration)?;
        while ends.at_work() {
            poller.wait(&mut ready, Some(FOR_EVER))?;
            for (token, readiness) in &ready {
                ensure!(!readiness.over, "connection {token} has ended");
                ends.readable(*token)?;
            }
        }
        Ok(ends.measured())
    }
}

struct Daemon {
    child: Child,
    folder: PathBuf,
}

impl Daemon {
    fn start() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("coremill-ratio-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("coremill.toml"), configuration())?;
        let log = File::create(folder.join("log"))?;
        let child = Command::new(program("coremilld")?)
            .arg("--config")
            .arg(folder.join("coremill.toml"))
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start coremilld")?;
        let mut daemon = Self { child, folder };
        let patience = Instant::now() + Duration::from_secs(20);
        while !Path::new(CONTROL).exists() {
            let over = daemon.child.try_wait()?;
            ensure!(
                over.is_none() && Instant::now() < patience,
                "coremilld does not start: {}",
                fs::read_to_string(daemon.folder.join("log")).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(10));
        }
        Ok(daemon)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id())?;
        let pid = Pid::from_raw(pid).context("coremilld has no process id")?;
        kill_process(pid, signal).context("cannot signal coremilld")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Gone already is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(CONTROL);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn crossed() -> anyhow::Result<Crossed> {
    let output = Command::new(program("coremill")?)
        .args(["apps", "--json"])
        .output()
        .context("cannot run coremill")?;
    let rows: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("`coremill apps --json`")?;
    let count = |name: &str| rows[0][name].as_u64().context("no such count in `apps`");
    Ok(Crossed {
        commands: count("commands")?,
        events: count("events")?,
    })
}

/// A program built in release, which lies one folder above the benchmarks.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("own folder")?;
    let path = folder.join(name);
    ensure!(
        path.exists(),
        "{} is missing: run `make build`",
        path.display()
    );
    Ok(path)
}

fn configuration() -> String {
    format!(
        "[[ports]]\nname = \"ring0\"\ndevice = \"ring-loopback\"\naddresses = [\"10.99.0.1/24\"]\n\
         receive_descriptors = 1024\ntransmit_descriptors = 1024\n\n\
         [[routes]]\nnetwork = \"10.99.0.0/24\"\nport = \"ring0\"\nlocal = \"port\"\n\n\
         [workers]\ncores = [{OTHER_CORE}]\nidle = \"spin\"\n\n\
         [applications]\ncommand_slots = 4096\nevent_slots = 8192\n\n\
         [metrics]\nenabled = false\n"
    )
}

const CONTROL: &str = "/run/coremill/control.sock";
const ADDRESS: &str = "10.99.0.1:7000";
const EVENTS_MAX: usize = 4_096;
const WARM_UP: Duration = Duration::from_millis(300);
/// Long enough for what a round's first and last exchange cost beside to vanish.
const COUNTED: Duration = Duration::from_secs(1);
/// Longer than any round: the application never sleeps.
const FOR_EVER: Duration = Duration::from_secs(3_600);
