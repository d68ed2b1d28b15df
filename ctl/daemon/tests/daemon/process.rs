//! A daemon in a directory of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A running daemon; ended when dropped.
pub struct Daemon {
    child: Child,
    pub config: PathBuf,
    pub socket: PathBuf,
    pub metrics: SocketAddr,
    directory: tempfile::TempDir,
}

impl Daemon {
    /// Starts a daemon with `more` configuration and waits until it answers.
    pub fn start(name: &str, more: &str) -> Self {
        Self::start_with(|directory| config(directory, name) + more)
    }

    /// The same with what `config` gives for its directory, without metrics.
    pub fn start_with(config: impl FnOnce(&Path) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // A port that was free a moment ago; only the kernel's ephemeral range could take it again.
        let metrics = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let text = config(directory.path())
            + &format!("[metrics]\naddress = \"{metrics}\"\nrefresh = \"100ms\"\n");
        let config = directory.path().join("coremill.toml");
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let child = command(&config)
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let socket = directory.path().join("control.sock");
        let mut daemon = Self {
            child,
            config,
            socket,
            metrics,
            directory,
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !daemon.ask(&["status"]).status.success() {
            let ended = daemon.child.try_wait().unwrap();
            let log = std::fs::read_to_string(daemon.directory.path().join("log")).unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{ended:?}\n{log}"
            );
            sleep(Duration::from_millis(50));
        }
        daemon
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// As kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Runs the operator's command.
    pub fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(operator_command());
        command.env("COREMILL_SOCKET", &self.socket).args(arguments);
        command.output().unwrap()
    }

    /// The exit code, once it ends.
    pub fn wait(&mut self, patience: Duration) -> Option<i32> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a daemon to its end, which must come by itself.
pub fn coremilld(config: &Path, arguments: &[&str]) -> Output {
    command(config).args(arguments).output().unwrap()
}

/// A configuration that needs neither device nor privilege.
pub fn config(directory: &Path, name: &str) -> String {
    let directory = directory.display();
    let prefix = format!("cmtest-{name}-{}", std::process::id());
    format!(
        r#"
[eal]
memory_size = "128MiB"
packets = 8192
file_prefix = "{prefix}"
runtime_directory = "{directory}/dpdk"
[control]
socket = "{directory}/control.sock"
mode = "0666"
[tcp]
memory = "16MiB"
connections_max = 1024
[[ports]]
name = "ring0"
device = "ring-loopback"
addresses = ["192.0.2.2/24"]
[[routes]]
network = "192.0.2.0/24"
port = "ring0"
local = "port"
[[services]]
name = "echo"
kind = "echo"
listen = "192.0.2.2:7"
[[services]]
name = "load"
kind = "rpc"
target = "192.0.2.2:7"
connections = 2
"#
    )
}

fn command(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coremilld"));
    command.arg("--config").arg(config).stdin(Stdio::null());
    command
}

/// The `coremill` binary beside the daemon's, built when it is not there: this package's tests do
/// not depend on it.
fn operator_command() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_coremilld")).with_file_name("coremill");
    if !path.exists() {
        let status = Command::new(env!("CARGO"))
            .args(["build", "-q", "-p", "coremill-cli"])
            .status()
            .unwrap();
        assert!(status.success());
    }
    path
}
