//! An echo, a file server and a caller are killed at any moment, with traffic of kernel peers on all of them.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::peers::{Echo, pattern};
use crate::command;
use crate::configuration::DAEMON;
use crate::control::Control;
use crate::daemon::wait_for;
use crate::mortal::Mortal;

/// Kills `count` programs, a few at a time.
pub fn run(control: &mut Control, echo: &Echo, count: usize, services: usize) {
    let seed = seed();
    eprintln!("random kills with COREMILL_SEED={seed}");
    let mut random = Random(seed | 1);
    let folder = tempfile::tempdir().expect("temporary folder");
    let file: Vec<u8> = (0..FILE_BYTES).map(pattern).collect();
    fs::write(folder.path().join("file"), &file).expect("write the file");
    let folder = folder.path().to_str().expect("path in UTF-8");
    let load = Load::default();
    std::thread::scope(|scope| {
        let _ends = Ends(&load.is_over);
        for number in 0..4 {
            let load = &load;
            scope.spawn(move || load.talk(number));
        }
        for _ in 0..2 {
            scope.spawn(|| load.fetch());
        }
        let mut killed = 0;
        while killed < count {
            let mut programs = vec![
                Program::example("echo", &[&format!("{DAEMON}:{ECHO_PORT}")]),
                Program::example("file_server", &[&format!("{DAEMON}:{FILES_PORT}"), folder]),
                Program::Mortal(Mortal::start(&["caller"])),
            ];
            for program in &mut programs {
                program.wait_for_line();
            }
            while !programs.is_empty() {
                std::thread::sleep(Duration::from_micros(random.below(15_000)));
                let next = random.below(programs.len() as u64) as usize;
                programs.swap_remove(next).kill();
                killed += 1;
            }
            control.wait_for_nothing(services);
            let wrong = load.wrong.lock().expect("no panic");
            assert!(wrong.is_empty(), "COREMILL_SEED={seed}: {wrong:?}");
        }
        eprintln!("{killed} killed, {} exchanges were whole", load.whole());
    });
    assert!(load.whole() > count, "hardly any traffic");
    wait_for("the kernel's echo to see the end", || echo.open() == 0);
}

/// What clients of the kernel found.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    exchanges: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

impl Load {
    fn whole(&self) -> usize {
        self.exchanges.load(Ordering::Relaxed)
    }

    /// Sends and compares what comes back, on connection after connection.
    fn talk(&self, number: usize) {
        let bytes: Vec<u8> = (0..10_000 * (number + 1)).map(pattern).collect();
        self.repeat(ECHO_PORT, |stream| {
            for size in (1..=bytes.len()).step_by(4_999) {
                let sent = bytes.get(..size).unwrap_or_default();
                let mut back = vec![0; size];
                stream.write_all(sent)?;
                stream.read_exact(&mut back)?;
                self.judge(back == sent, "echo");
            }
            Ok(())
        });
    }

    /// Fetches the file.
    fn fetch(&self) {
        self.repeat(FILES_PORT, |stream| {
            stream.write_all(b"GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if stream.read_line(&mut line)? == 0 {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
            let mut body = Vec::new();
            let ended = stream.read_to_end(&mut body);
            let expected = (0..body.len()).map(pattern);
            let is_prefix = body.iter().copied().eq(expected);
            // An end of stream before all of it is what a program's death looks like, too.
            self.judge(is_prefix && body.len() <= FILE_BYTES, "file");
            ended.map(drop)
        });
    }

    fn repeat(&self, port: u16, mut act: impl FnMut(&mut TcpStream) -> std::io::Result<()>) {
        while !self.is_over.load(Ordering::Relaxed) {
            let Ok(mut stream) = TcpStream::connect((DAEMON, port)) else {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            let timed = stream.set_read_timeout(Some(PATIENCE));
            timed.expect("time-out");
            if let Err(error) = act(&mut stream)
                && error.kind() == ErrorKind::WouldBlock
            {
                self.judge(false, "a connection hangs");
            }
        }
    }

    fn judge(&self, is_right: bool, what: &str) {
        if is_right {
            self.exchanges.fetch_add(1, Ordering::Relaxed);
        } else {
            self.wrong.lock().expect("no panic").push(what.into());
        }
    }
}

/// Ends the load also when the test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

enum Program {
    Example(Child),
    Mortal(Mortal),
}

impl Program {
    fn example(name: &str, arguments: &[&str]) -> Self {
        let child = Command::new(command::program(&format!("examples/{name}")))
            .arg("/run/coremill/control.sock")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn();
        Self::Example(child.expect("start an example"))
    }

    fn wait_for_line(&mut self) {
        match self {
            Program::Mortal(mortal) => drop(mortal.line().expect("it attaches")),
            Program::Example(child) => {
                let mut line = String::new();
                let stdout = child.stdout.as_mut().expect("its output");
                let read = BufReader::new(stdout).read_line(&mut line);
                assert!(read.expect("its output") > 0, "it did not begin");
            }
        }
    }

    fn kill(self) {
        match self {
            Program::Mortal(mut mortal) => mortal.kill(),
            Program::Example(mut child) => {
                // Gone already is as well.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// Xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn seed() -> u64 {
    let given = std::env::var("COREMILL_SEED").ok();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    given
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| now.map_or(1, |now| now.subsec_nanos().into()))
}

const ECHO_PORT: u16 = 7_300;
const FILES_PORT: u16 = 7_400;
const FILE_BYTES: usize = 2 << 20;
const PATIENCE: Duration = Duration::from_secs(10);
