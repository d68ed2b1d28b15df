//! The example `mortal` of the client library: built with points at which it can be ended, and run.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::configuration::{DAEMON, KERNEL};

/// A running one; killed when dropped.
pub struct Mortal {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Mortal {
    /// Starts it.
    pub fn start(words: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args([CONTROL, &format!("{DAEMON}:{LISTEN}")])
            .arg(format!("{KERNEL}:{ECHO}"))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start mortal");
        let stdout = child.stdout.take().expect("its output");
        Self {
            child,
            stdout: BufReader::new(stdout),
        }
    }

    /// The next line that it says; None when it is gone.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.stdout.read_line(&mut line).expect("its output");
        (count > 0).then(|| line.trim_end().to_owned())
    }

    /// Lets it go on where it waits for that.
    pub fn go_on(&mut self) {
        if let Some(stdin) = &mut self.child.stdin {
            // It may be gone.
            let _ = stdin.write_all(b"\n");
        }
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("look after it") {
                return status;
            }
            assert!(Instant::now() < deadline, "mortal does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether it ends by itself, well, within a time; killed if not.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("look after it") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.kill();
        false
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        // Gone already is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Builds it once, as the programs beside it were built: ordinary builds have no points, so it is not among them.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let beside = Path::new(env!("CARGO_BIN_EXE_coremill-load"));
        let folder = beside.parent().expect("the profile's folder");
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--locked"])
            .args(["--profile", profile])
            .args(["--package", "coremill-client", "--example", "mortal"])
            .args(["--features", "injection,tokio"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "cargo build: {said}");
        folder.join("examples/mortal")
    })
}

const CONTROL: &str = "/run/coremill/control.sock";
/// Where it listens.
pub const LISTEN: u16 = 7100;
/// Where it finds an echo of the kernel.
pub const ECHO: u16 = 7200;
const PATIENCE: Duration = Duration::from_secs(20);
