//! The daemon itself: started beside this program, stopped with it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::configuration::TAP;

/// A running daemon; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it with a configuration and waits for its tap and control socket.
    ///
    /// # Errors
    /// What it said when it did not start.
    pub fn start(toml: &str) -> Result<Self, String> {
        fs::write(CONFIGURATION, toml).map_err(|error| error.to_string())?;
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let program = program.with_file_name("coremilld");
        let log = File::create(LOG).map_err(|error| error.to_string())?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let child = Command::new(&program)
            .args(["--config", CONFIGURATION])
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let mut process = Self { child };
        let begun = Instant::now();
        while !is_up() {
            if let Ok(Some(status)) = process.child.try_wait() {
                return Err(format!("coremilld ended ({status}): {}", last_words()));
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("coremilld does not start: {}", last_words()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        for words in [
            // What is larger than the device's is not taken by it.
            ["link", "set", TAP, "up"],
            ["link", "set", TAP, "promisc on"],
        ] {
            let words = words.iter().flat_map(|word| word.split(' '));
            let status = Command::new("ip").args(words).status();
            if !status.is_ok_and(|status| status.success()) {
                return Err("ip(8) cannot bring the tap up".to_owned());
            }
        }
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_up() -> bool {
    let devices = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    devices.contains(TAP) && Path::new(SOCKET).exists()
}

/// The end of its log, on one line.
fn last_words() -> String {
    let log = fs::read_to_string(LOG).unwrap_or_default();
    let mut lines: Vec<_> = log.lines().rev().take(3).collect();
    lines.reverse();
    lines.join("; ")
}

/// Its control socket.
pub const SOCKET: &str = "/run/coremill/control.sock";
const CONFIGURATION: &str = "/run/script.toml";
const LOG: &str = "/run/script.log";
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
