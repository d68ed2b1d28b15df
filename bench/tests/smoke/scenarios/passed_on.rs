//! The proxy in front of a server of the kernel's: both sides send at once, either ends first, and who ended is still
//! told what the other has to say.

use std::net::{TcpListener, TcpStream};

use crate::application::Program;
use crate::configuration::KERNEL;
use crate::conversation::{Turn, converse};
use crate::daemon::Daemon;
use crate::isolation::is_long;

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let server = TcpListener::bind((KERNEL, 0)).expect("listen");
    let target = server.local_addr().expect("its address").to_string();
    let proxy = Program::start("proxy", &[PROXY, &target]);
    let bytes = if is_long() { 64 << 20 } else { 4 << 20 };
    through_proxy(&server, bytes);
    refused_behind_proxy(server);
    drop(proxy);
    assert_eq!(daemon.drops("stray_ring_full"), 0);
}

/// Several conversations at once: half of them ended by the client first, half by the server.
pub fn through_proxy(server: &TcpListener, bytes: usize) {
    std::thread::scope(|scope| {
        for number in 0..CONVERSATIONS {
            // One after the other, so that both sides know who is who.
            let client = TcpStream::connect(PROXY).expect("connect to the proxy");
            let (accepted, _) = server.accept().expect("the proxy's connection");
            let (one, other) = match number % 2 {
                0 => (Turn::First, Turn::Second),
                _ => (Turn::Second, Turn::First),
            };
            scope.spawn(move || converse(&client, one, bytes));
            scope.spawn(move || converse(&accepted, other, bytes));
        }
    });
}

/// Nobody is behind the proxy any more: its client's connection ends, and the proxy goes on.
fn refused_behind_proxy(server: TcpListener) {
    use std::io::Read;
    drop(server);
    for _ in 0..2 {
        let mut client = TcpStream::connect(PROXY).expect("connect to the proxy");
        let mut bytes = Vec::new();
        let ended = client.read_to_end(&mut bytes);
        assert!(ended.is_err() || bytes.is_empty(), "{bytes:?}");
    }
}

const PROXY: &str = "10.99.0.2:8080";
const CONVERSATIONS: usize = 4;
