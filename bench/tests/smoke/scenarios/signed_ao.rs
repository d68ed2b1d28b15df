//! Connections protected by TCP-AO between an application and itself, through the daemon's own address: no kernel here has it.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use coremill_client::{AoAlgorithm, PeerKey, Stack, TcpListener, TcpStream};

use crate::application::{CONTROL, pattern};
use crate::configuration::DAEMON;
use crate::daemon::{Daemon, wait_for};

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let stack = Stack::attach(CONTROL).expect("attach");
    let us: IpAddr = DAEMON.parse().expect("an address");
    let local = SocketAddr::new(us, PORT);
    let keys = [key(us, (84, 61), SECRET).required()];
    let listener = TcpListener::bind_with_keys(&stack, local, 16, &keys).expect("listen");
    assert_eq!(listener.ao_keys().expect("its keys").len(), 1);
    let connect = |keys: &[PeerKey]| {
        let opened = TcpStream::connect_with_keys(&stack, local, keys, Some(SHORT));
        opened.map_err(|error| error.kind())
    };
    let wrong = [key(us, (61, 84), b"another")];
    let unknown = [key(us, (1, 2), SECRET)];
    for (keys, name) in [
        (&wrong[..], "TCPAOBad"),
        (&unknown[..], "TCPAOKeyNotFound"),
        (&[], "TCPAORequired"),
    ] {
        let before = daemon.counter(name);
        assert_eq!(connect(keys).err(), Some(ErrorKind::TimedOut), "{name}");
        assert!(daemon.counter(name) > before, "{name}");
    }
    let mut stream = connect(&[key(us, (61, 84), SECRET)]).expect("it has the key");
    let (mut accepted, _) = listener.accept().expect("a connection");
    exchange(&mut stream, &mut accepted);
    is_shown(&daemon, "ao 61/84");
    rolls_over(us, &mut stream, &mut accepted);
    is_shown(&daemon, "ao 7/8");
    assert!(!daemon.log().contains("a secret"));
    drop((stream, accepted, listener));
    wait_for("its connections to go", || {
        let rows = daemon.rows(&["apps"]);
        rows.len() == 1 && rows[0]["sockets"]["used"] == 0
    });
    wait_for("a warning of what was refused", || {
        daemon.log().contains("TCPAORequired")
    });
}

/// Both get another key, one asks for it, and so does the other; then the old one is no longer needed.
fn rolls_over(us: IpAddr, stream: &mut TcpStream, accepted: &mut TcpStream) {
    let refused = stream.remove_ao_key(us, 32, (61, 84)).expect_err("in use");
    assert_eq!(refused.kind(), ErrorKind::ResourceBusy);
    accepted
        .add_key(&key(us, (8, 7), b"tomorrow's"))
        .expect("added");
    stream
        .add_key(&key(us, (7, 8), b"tomorrow's").next())
        .expect("added");
    exchange(stream, accepted);
    accepted.choose_ao_keys(None, Some(7)).expect("chosen");
    exchange(accepted, stream);
    exchange(stream, accepted);
    let info = stream.ao_info().expect("TCP-AO");
    assert_eq!((info.current_id, info.next_id), (7, 8));
    assert_eq!(info.heard, Some((8, 7)));
    assert!(info.good > 10, "{info:?}");
    assert_eq!((info.bad, info.key_not_found, info.required), (0, 0, 0));
    stream
        .remove_ao_key(us, 32, (61, 84))
        .expect("it is not needed");
    accepted.remove_ao_key(us, 32, (84, 61)).expect("nor here");
    let left = stream.ao_keys().expect("its keys");
    assert_eq!(left.len(), 1);
    assert!(left[0].is_current && left[0].is_next);
    assert_eq!((left[0].peer, left[0].prefix, left[0].send_id), (us, 32, 7));
    exchange(stream, accepted);
}

fn is_shown(daemon: &Daemon, signed_by: &str) {
    let rows = daemon.rows(&["sockets"]);
    let shown = rows.iter().any(|row| row["signed_by"] == signed_by);
    assert!(shown, "{rows:?}");
}

fn exchange(from: &mut TcpStream, to: &mut TcpStream) {
    let sent = pattern(3, 300_000);
    to.set_read_timeout(Some(PATIENCE)).expect("set");
    let came = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut came = vec![0; sent.len()];
            to.read_exact(&mut came).expect("all of it");
            came
        });
        from.write_all(&sent).expect("all of it");
        reading.join().expect("read")
    });
    assert!(came == sent, "other bytes came");
}

fn key(peer: IpAddr, ids: (u8, u8), secret: &[u8]) -> PeerKey {
    PeerKey::ao(peer, 32, ids, AoAlgorithm::Aes128Cmac, secret).expect("a key")
}

const SECRET: &[u8] = b"a secret that both have";
const PORT: u16 = 1_791;
const SHORT: Duration = Duration::from_millis(1_500);
const PATIENCE: Duration = Duration::from_secs(20);
