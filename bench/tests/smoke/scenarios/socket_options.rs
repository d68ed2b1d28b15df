//! What an application sets of its connections, and asks about them, as a peer of the kernel's sees it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream as KernelStream};
use std::time::{Duration, Instant};

use coremill_client::{Stack, TcpState, TcpStream};

use crate::application::CONTROL;
use crate::command;
use crate::configuration::KERNEL;
use crate::conversation::{Stream, Turn, converse};
use crate::daemon::{Daemon, wait_for};

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let stack = Stack::attach(CONTROL).expect("attach");
    std::thread::scope(|scope| {
        // These wait for seconds.
        scope.spawn(|| silence_is_noticed(&stack));
        scope.spawn(|| lingering_has_an_end(&stack));
        scope.spawn(|| lingering_waits(&stack));
        scope.spawn(|| lingering_for_no_time_resets(&stack));
        scope.spawn(|| not_to_be_had(&stack));
    });
    it_tells_what_it_has_come_to(&stack, &daemon);
    in_place(&stack);
    wait_for("its connections to go", || {
        let rows = daemon.rows(&["apps"]);
        rows.len() == 1 && rows[0]["sockets"]["used"] == 0
    });
}

/// A connection to the kernel, both ends.
fn pair(stack: &Stack) -> (TcpStream, KernelStream) {
    let listener = TcpListener::bind((KERNEL, 0)).expect("listen");
    let address = listener.local_addr().expect("its address");
    let ours = TcpStream::connect(stack, address).expect("connect");
    let (theirs, _) = listener.accept().expect("accept");
    theirs
        .set_read_timeout(Some(PATIENCE))
        .expect("set a time-out");
    (ours, theirs)
}

/// Keepalive as it was set: after a second without a word, two probes a second apart.
fn silence_is_noticed(stack: &Stack) {
    let (mut ours, theirs) = pair(stack);
    ours.set_keepalive_time(SECOND).expect("time");
    ours.set_keepalive_interval(SECOND).expect("interval");
    ours.set_keepalive_retries(2).expect("retries");
    let refused = ours.set_keepalive_retries(0).expect_err("none at all");
    assert_eq!(refused.raw_os_error(), Some(EINVAL));
    ours.set_keepalive(true).expect("keepalive");
    let port = theirs.local_addr().expect("its address").port();
    // Answered, the probes change nothing.
    ours.set_read_timeout(Some(SECOND * 5 / 2)).expect("set");
    let nothing = ours.read(&mut [0]).expect_err("nothing was sent");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    ours.set_read_timeout(Some(PATIENCE)).expect("set");
    command::run(&["nft", &silence(port)]);
    let begun = Instant::now();
    let error = ours.read(&mut [0]).expect_err("silence");
    assert_eq!(error.raw_os_error(), Some(ETIMEDOUT));
    // The last answer was at most a second before; each wait is told to a tenth or so.
    let late = begun.elapsed();
    assert!(late > SECOND && late < SECOND * 9 / 2, "after {late:?}");
}

fn silence(port: u16) -> String {
    format!(
        "table ip silence {{ chain input {{ type filter hook input priority 0; tcp dport {port} drop; }}; }}"
    )
}

/// The peer reads nothing: the drop gives up when it was told to.
fn lingering_has_an_end(stack: &Stack) {
    let (ours, theirs) = pair(stack);
    fill(&ours);
    ours.set_linger(Some(SECOND)).expect("linger");
    let begun = Instant::now();
    drop(ours);
    let waited = begun.elapsed();
    assert!(waited >= SECOND && waited < SECOND * 2, "{waited:?}");
    drop(theirs);
}

/// The drop is over when the peer has acknowledged everything, and without lingering it is at once.
fn lingering_waits(stack: &Stack) {
    for lingers in [true, false] {
        let (ours, mut theirs) = pair(stack);
        let written = fill(&ours);
        if lingers {
            ours.set_linger(Some(PATIENCE)).expect("linger");
        }
        let reader = std::thread::spawn(move || {
            std::thread::sleep(SECOND / 2);
            let mut bytes = Vec::new();
            theirs.read_to_end(&mut bytes).expect("read to the end");
            bytes.len()
        });
        let begun = Instant::now();
        drop(ours);
        let waited = begun.elapsed();
        match lingers {
            true => assert!(waited >= SECOND / 2 && waited < PATIENCE, "{waited:?}"),
            false => assert!(waited < SECOND / 4, "{waited:?}"),
        }
        assert_eq!(reader.join().expect("the peer"), written);
    }
}

/// Writes until there is no room for a while, all of it more than the peer has acknowledged; gives how much.
fn fill(mut ours: &TcpStream) -> usize {
    ours.set_write_timeout(Some(SECOND / 5)).expect("set");
    let mut written = 0;
    loop {
        match ours.write(&[b'x'; 100_000]) {
            Ok(count) => written += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                break;
            }
        }
    }
    let info = ours.info().expect("info");
    assert!(info.send_queue_bytes > 0, "{info:?}");
    written
}

fn lingering_for_no_time_resets(stack: &Stack) {
    let (ours, mut theirs) = pair(stack);
    ours.set_linger(Some(Duration::ZERO)).expect("linger");
    drop(ours);
    let error = theirs.read(&mut [0]).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

fn not_to_be_had(stack: &Stack) {
    let (ours, _theirs) = pair(stack);
    for option in [0, 999, u32::MAX] {
        let error = ours.set_option(option, 1).expect_err("not to be had");
        assert_eq!(error.raw_os_error(), Some(ENOPROTOOPT));
        let error = ours.option(option).expect_err("not to be had");
        assert_eq!(error.raw_os_error(), Some(ENOPROTOOPT));
    }
    assert_eq!(ours.user_timeout().expect("none"), None);
    ours.set_user_timeout(Some(SECOND)).expect("as on Linux");
    assert_eq!(ours.user_timeout().expect("set"), Some(SECOND));
}

fn it_tells_what_it_has_come_to(stack: &Stack, daemon: &Daemon) {
    let (mut ours, mut theirs) = pair(stack);
    ours.write_all(&[b'x'; 10_000]).expect("write");
    theirs.read_exact(&mut [0; 10_000]).expect("read");
    theirs.write_all(&[b'y'; 5_000]).expect("write");
    ours.read_exact(&mut [0; 5_000]).expect("read");
    let mut info = ours.info().expect("info");
    wait_for("the last acknowledgement", || {
        info = ours.info().expect("info");
        info.acknowledged_bytes == 10_000
    });
    eprintln!("{info:?}");
    assert_eq!(info.state, TcpState::Established);
    assert_eq!((info.sent_bytes, info.received_bytes), (10_000, 5_000));
    assert_eq!((info.send_queue_bytes, info.receive_queue_bytes), (0, 0));
    let round_trip = info.round_trip.expect("measured");
    assert!(round_trip > Duration::ZERO && round_trip < SECOND);
    assert!(info.retransmission_timeout >= SECOND / 5 && info.retransmission_timeout <= SECOND);
    // 1,500 bytes less the headers, and less timestamps where these are counted.
    assert!((1_448..=1_460).contains(&info.send_segment_bytes));
    assert!(info.congestion_window_bytes >= 10 * info.send_segment_bytes);
    assert!(info.send_window_bytes > 10_000 && info.receive_window_bytes > 10_000);
    assert_eq!(info.retransmissions, 0);
    // The operator sees the same connection.
    let local: SocketAddr = ours.local_addr().expect("its address");
    let rows = daemon.rows(&["sockets"]);
    let ours_among = |row: &&serde_json::Value| row["local"] == local.to_string();
    assert_eq!(rows.iter().filter(ours_among).count(), 1, "{rows:?}");

    theirs
        .shutdown(std::net::Shutdown::Write)
        .expect("end their direction");
    assert_eq!(ours.read(&mut [0]).expect("the end"), 0);
    assert_eq!(ours.info().expect("info").state, TcpState::CloseWait);
}

/// Both directions at once, each byte checked.
fn in_place(stack: &Stack) {
    let (ours, theirs) = pair(stack);
    std::thread::scope(|scope| {
        scope.spawn(|| converse(&theirs, Turn::Second, IN_PLACE_BYTES));
        converse(&InPlace(&ours), Turn::First, IN_PLACE_BYTES);
    });
}

/// Reads and writes without copies by the library.
struct InPlace<'a>(&'a TcpStream);

impl Stream for InPlace<'_> {
    fn end(&self) -> std::io::Result<()> {
        self.0.shutdown(std::net::Shutdown::Write)
    }

    fn receive(&self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let received = self.0.fill()?;
        let count = received.len().min(bytes.len());
        bytes[..count].copy_from_slice(&received[..count]);
        received.release(count)?;
        Ok(count)
    }

    fn send(&self, mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() {
            let mut room = self.0.reserve(bytes.len())?;
            let count = room.len();
            let (front, behind) = bytes.split_at(count);
            room.copy_from_slice(front);
            room.commit(count)?;
            bytes = behind;
        }
        Ok(())
    }
}

const IN_PLACE_BYTES: usize = 64 << 20;
const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);
const EINVAL: i32 = 22;
const ENOPROTOOPT: i32 = 92;
const ETIMEDOUT: i32 = 110;
