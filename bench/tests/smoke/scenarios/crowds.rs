//! A thousand clients of one application: requests to the echoes, and a chat in which everybody hears everything.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

use crate::application::Program;
use crate::command::load;
use crate::daemon::Daemon;
use crate::isolation::is_long;

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    for name in ["echo", "tokio_echo"] {
        let echo = Program::start(name, &[ECHO]);
        requests_to(ECHO);
        drop(echo);
    }

    let (clients, lines) = if is_long() { (1_000, 3) } else { (500, 1) };
    let chat = Program::start("chat", &[CHAT]);
    everybody_hears_everything(clients, lines);
    who_does_not_read_is_dropped();
    drop(chat);
    assert_eq!(daemon.drops("stray_ring_full"), 0);
}

/// A thousand connections of so many requests each, every answer compared.
fn requests_to(address: &str) {
    let requests = if is_long() { "100" } else { "10" };
    let report = load(
        &[],
        &[
            "rpc",
            address,
            "--connections",
            "1000",
            "--requests",
            requests,
            "--timeout",
            "60s",
        ],
    );
    assert_eq!(report["failures"], 0, "{report}");
    assert_eq!(report["connections"], 1_000, "{report}");
    let expected = 1_000 * requests.parse::<u64>().expect("a number");
    assert_eq!(report["requests"], expected, "{report}");
}

/// Each client says its lines; each hears those of all, of one speaker in the speaker's order.
pub fn everybody_hears_everything(clients: usize, lines: usize) {
    let mut clients: Vec<_> = (0..clients).map(|_| Member::enter()).collect();
    // All are there before the first speaks. What one does not read at once waits in its buffers.
    for line in 0..lines {
        for (number, client) in clients.iter_mut().enumerate() {
            client.say(&format!("{number} {line}\n"));
        }
    }
    let count = clients.len();
    for (number, client) in clients.iter_mut().enumerate() {
        let mut heard = vec![0; count];
        for _ in 0..count * lines {
            let line = client.hear();
            let mut words = line.split_ascii_whitespace().skip(1);
            let mut word = || words.next().and_then(|word| word.parse::<usize>().ok());
            let (Some(speaker), Some(line)) = (word(), word()) else {
                panic!("{number} heard `{line}`");
            };
            assert_eq!(
                line, heard[speaker],
                "{number} heard {speaker} out of order"
            );
            heard[speaker] += 1;
        }
        assert!(heard.iter().all(|heard| *heard == lines), "{number}");
    }
}

/// One who does not read misses what is said, is told why, and holds nobody up.
fn who_does_not_read_is_dropped() {
    let mut deaf = Member::enter();
    let socket = SockRef::from(deaf.reader.get_ref());
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let (mut speaker, mut listener) = (Member::enter(), Member::enter());
    let words = "x".repeat(900);
    for number in 0..ENOUGH_LINES {
        speaker.say(&format!("{number} {words}\n"));
        for member in [&mut speaker, &mut listener] {
            let heard = member.hear();
            assert!(heard.contains(&format!(": {number} x")), "{heard}");
        }
    }
    let mut heard = Vec::new();
    deaf.reader.read_to_end(&mut heard).expect("until the end");
    let last = heard.len().saturating_sub(100);
    let last = String::from_utf8_lossy(&heard[last..]).into_owned();
    assert!(last.ends_with("you read too slowly\n"), "{last}");
    speaker.say("after that\n");
    assert!(listener.hear().ends_with("after that\n"));
}

struct Member {
    reader: BufReader<TcpStream>,
}

impl Member {
    /// Connects and waits for the greeting: from then on it hears all that is said.
    fn enter() -> Self {
        let stream = TcpStream::connect(CHAT).expect("connect to the chat");
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).expect("set a time-out");
        stream.set_nodelay(true).expect("set no delay");
        let mut member = Self {
            reader: BufReader::new(stream),
        };
        let greeting = member.hear();
        assert!(greeting.starts_with("* you are "), "{greeting}");
        member
    }

    fn say(&mut self, line: &str) {
        let written = self.reader.get_mut().write_all(line.as_bytes());
        written.expect("say something");
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("hear a line");
        line
    }
}

const ECHO: &str = "10.99.0.2:7000";
const CHAT: &str = "10.99.0.2:6000";
/// 1.3 MB: more than all buffers between the chat and one who does not read.
const ENOUGH_LINES: usize = 1_400;
