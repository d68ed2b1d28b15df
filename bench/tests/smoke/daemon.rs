//! The daemon under test: started on a tap, asked through the operator's command, stopped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::command;
use crate::configuration::{self, KERNEL, TAP};

/// A running daemon; killed when dropped, with its log shown when the test has failed.
pub struct Daemon {
    child: Child,
    folder: TempDir,
}

impl Daemon {
    /// Starts it with `workers` workers and waits until the kernel's end of the tap is up.
    pub fn start(workers: usize) -> Self {
        Self::start_with(&configuration::toml(workers))
    }

    /// Starts it with a configuration and waits as [`Daemon::start`] does.
    pub fn start_with(toml: &str) -> Self {
        let mut daemon = Self::spawn(toml);
        daemon.wait_until("its tap and control socket", || {
            // Not /sys, which may show another network namespace.
            let devices = fs::read_to_string("/proc/net/dev").unwrap_or_default();
            devices.contains(TAP) && Path::new(SOCKET).exists()
        });
        command::run(&["ip", "address", "add", &format!("{KERNEL}/24"), "dev", TAP]);
        command::run(&["ip", "link", "set", TAP, "up"]);
        command::run(&["ping", "-c", "1", "-w", "10", configuration::DAEMON]);
        daemon
    }

    /// Starts it with a configuration and does not wait.
    pub fn spawn(toml: &str) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("coremill.toml");
        fs::write(&path, toml).expect("write configuration");
        let log = File::create(folder.path().join("log")).expect("create log");
        let child = Command::new(command::program("coremilld"))
            .arg("--config")
            .arg(&path)
            .stdout(log.try_clone().expect("duplicate log"))
            .stderr(log)
            .spawn()
            .expect("start coremilld");
        Self { child, folder }
    }

    /// All it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Runs `coremill WORDS --json` and gives the rows it printed.
    pub fn rows(&self, words: &[&str]) -> Vec<Value> {
        let program = command::program("coremill");
        let program = [program.to_str().expect("path in UTF-8")];
        let printed = command::run(&[&program, words, &["--json"]].concat());
        match serde_json::from_str(&printed) {
            Ok(Value::Array(rows)) => rows,
            other => panic!("{words:?} printed no list of rows ({other:?}): {printed}"),
        }
    }

    /// A counter by its name, per worker.
    pub fn counter_by_worker(&self, name: &str) -> Vec<u64> {
        self.values(&["counters", "--all"], "name", name)
    }

    /// Packets dropped for a reason, all workers.
    pub fn drops(&self, reason: &str) -> u64 {
        self.values(&["drops", "--all"], "reason", reason)
            .iter()
            .sum()
    }

    /// A counter summed over all workers.
    pub fn counter(&self, name: &str) -> u64 {
        self.counter_by_worker(name).iter().sum()
    }

    fn values(&self, words: &[&str], key: &str, name: &str) -> Vec<u64> {
        let rows = self.rows(words);
        let row = rows.iter().find(|row| row[key] == name);
        let workers = row.and_then(|row| row["workers"].as_array());
        let workers = workers.unwrap_or_else(|| panic!("{words:?} shows no `{name}`: {rows:?}"));
        workers
            .iter()
            .map(|value| value.as_u64().expect("a number"))
            .collect()
    }

    /// Processor time it has used so far, in ticks of a hundredth of a second.
    pub fn processor_ticks(&self) -> u64 {
        let path = format!("/proc/{}/stat", self.outer_process());
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        // Fields 14 and 15 of proc(5); counted behind the name, which may hold blanks.
        let fields = text
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_ascii_whitespace();
        fields
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum()
    }

    /// Memory of its own in each mapping, in KiB, by where it begins and what it is.
    pub fn own_mappings(&self) -> BTreeMap<String, u64> {
        let path = Path::new("/proc").join(self.outer_process()).join("smaps");
        let text = fs::read_to_string(path).expect("smaps");
        let (mut name, mut mappings) = (String::new(), BTreeMap::new());
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or_default();
            if let Some((start, _)) = first.split_once('-') {
                name = format!("{start} {}", words.nth(4).unwrap_or("anonymous"));
            } else if first == "Anonymous:" {
                let own = words.next().and_then(|own| own.parse().ok());
                mappings.insert(name.clone(), own.unwrap_or(0));
            }
        }
        mappings
    }

    /// What it holds of the machine now.
    pub fn held(&self) -> Held {
        let folder = Path::new("/proc").join(self.outer_process());
        let read = |name: &str| fs::read_to_string(folder.join(name)).expect(name);
        let status = read("status");
        let own = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let own = own.and_then(|text| text.trim().strip_suffix(" kB"));
        Held {
            descriptors: fs::read_dir(folder.join("fd")).expect("fd").count(),
            memories: read("maps").matches("/memfd:coremill").count(),
            own_kib: own.and_then(|text| text.parse().ok()).expect("a number"),
        }
    }

    /// What its metrics say.
    pub fn metrics(&self) -> String {
        command::run(&[
            "curl",
            "--silent",
            "--fail",
            "http://127.0.0.1:9178/metrics",
        ])
    }

    /// Its number in /proc, which shows the process namespace outside of ours.
    pub fn outer_process(&self) -> String {
        let inner = self.child.id().to_string();
        // Another daemon in namespaces of its own may have the same number there.
        let namespace = |folder: &Path| fs::read_link(folder.join("ns/pid")).ok();
        let here = namespace(Path::new("/proc/self"));
        let ours = |folder: &fs::DirEntry| {
            let status = fs::read_to_string(folder.path().join("status")).unwrap_or_default();
            let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            let innermost = numbers.and_then(|line| line.split_ascii_whitespace().last());
            status.starts_with("Name:\tcoremilld\n")
                && innermost == Some(&inner)
                && namespace(&folder.path()) == here
        };
        let processes = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
        let found = processes
            .filter(ours)
            .filter_map(|folder| folder.file_name().into_string().ok())
            .next();
        found.expect("coremilld in /proc")
    }

    /// Sends a signal, such as TERM.
    pub fn signal(&self, signal: &str) {
        command::run(&["kill", &format!("-{signal}"), &self.child.id().to_string()]);
    }

    /// Waits for the daemon's own end.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("wait for coremilld") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "coremilld did not end within {PATIENCE:?}"
            );
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until `condition` holds while the daemon lives.
    pub fn wait_until(&mut self, what: &str, mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            if let Some(status) = self.child.try_wait().expect("look after coremilld") {
                panic!("coremilld ended ({status}) before {what}");
            }
            assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- coremilld's log:\n{}---", self.log());
        }
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a daemon holds of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Open descriptors.
    pub descriptors: usize,
    /// Mappings of memories that it shares.
    pub memories: usize,
    /// Memory of its own.
    pub own_kib: u64,
}

/// Waits until `condition` holds.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

const SOCKET: &str = "/run/coremill/control.sock";
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);
