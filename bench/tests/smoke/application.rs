//! Applications in processes of their own: the examples of the client library, and what they are given to carry.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command;

/// Where the daemon listens for applications.
pub const CONTROL: &str = "/run/coremill/control.sock";

/// Bytes of which no two pages are alike; other seeds give others.
pub fn pattern(seed: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let mut word = 0x9e37_79b9_7f4a_7c15_u64 ^ seed.wrapping_mul(0xd134_2543_de82_ef95);
    for piece in bytes.chunks_mut(8) {
        // Xorshift.
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        piece.copy_from_slice(&word.to_le_bytes()[..piece.len()]);
    }
    bytes
}

/// Writes a file of `count` bytes; gives its SHA-256 in hexadecimal digits.
pub fn make_file(path: &Path, count: usize) -> String {
    let mut file = std::fs::File::create(path).expect("create the file");
    for (number, piece) in pieces(count).enumerate() {
        file.write_all(&pattern(number as u64, piece))
            .expect("write the file");
    }
    digest(&format!(
        "sha256sum <{}",
        path.to_str().expect("path in UTF-8")
    ))
}

/// The first word of what a shell command prints, which may run through a pipe.
pub fn digest(command: &str) -> String {
    let printed = command::run(&["bash", "-o", "pipefail", "-c", command]);
    let word = printed.split_ascii_whitespace().next();
    word.unwrap_or_else(|| panic!("`{command}` printed nothing"))
        .to_owned()
}

fn pieces(count: usize) -> impl Iterator<Item = usize> {
    (0..count.div_ceil(PIECE)).map(move |number| PIECE.min(count - number * PIECE))
}

/// An example that serves; killed when dropped.
pub struct Program {
    child: Child,
}

impl Program {
    /// Starts it and waits until it says that it serves.
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(command::program(&format!("examples/{name}")))
            .arg(CONTROL)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("start an example");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("its first line");
        assert!(line.contains(" on "), "{name} said `{line}`");
        Self { child }
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        // Gone already is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its own end.
    pub fn wait_for_end(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().expect("look after it").is_none() {
            assert!(
                Instant::now() < deadline,
                "it does not notice that the daemon is dead"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

const PIECE: usize = 16 << 20;
