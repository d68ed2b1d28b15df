//! A process that a test starts: this test binary once more, told what to be by its environment.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Ended when dropped.
pub struct Application(Child);

impl Application {
    /// Starts a process that does what the test `role` does; gives it with the first thing that it says.
    pub fn start(socket: &Path, role: &str) -> (Self, String) {
        let mut child = Self::spawn(socket, role);
        let says = child.listen().next().unwrap();
        (child, says)
    }

    /// Starts it.
    pub fn spawn(socket: &Path, role: &str) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", role, "--nocapture"])
            .env(SOCKET, socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    /// What it says, line by line. Can be asked for once.
    pub fn listen(&mut self) -> impl Iterator<Item = String> + use<> {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let said = |line: String| line.split_once(SAYS).map(|(_, said)| said.to_string());
        lines.map_while(Result::ok).filter_map(said)
    }

    /// As kill -9.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// In a process that a test started: the daemon's socket. None in the tests' own process.
pub fn socket() -> Option<PathBuf> {
    std::env::var_os(SOCKET).map(PathBuf::from)
}

/// Tells the test something.
pub fn say(what: &str) {
    println!("{SAYS}{what}");
}

const SOCKET: &str = "COREMILL_TEST_SOCKET";
const SAYS: &str = "says: ";
