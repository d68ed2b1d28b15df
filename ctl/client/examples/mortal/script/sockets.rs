//! Sockets that get options, addresses and keys before they connect or listen, and keys of those that do.

use std::error::Error;
use std::net::SocketAddr;

use coremill_client::{AoAlgorithm, PeerKey, Stack, TcpListener, TcpSocket, TcpStream, option};

use super::{PATIENCE, call};
use crate::Places;

/// Makes these calls.
pub fn run(stack: &Stack, places: &Places) -> Result<(), Box<dyn Error>> {
    let local = SocketAddr::new(places.listen.ip(), 0);
    let peer = places.kernel.ip();
    let other = SocketAddr::new([10, 99, 0, 77].into(), 0).ip();
    let socket = || TcpSocket::new(stack);
    let first = call("open", socket)?;
    call("set first", || first.set_option(option::NO_DELAY, 1))?;
    call("get first", || first.option(option::NO_DELAY))?;
    call("bind first", || first.bind(local))?;
    let md5 = PeerKey::md5(other, 32, b"a secret")?;
    call("add first key", || first.add_key(&md5))?;
    call("remove first key", || first.remove_md5_key(other, 32))?;
    let stream = call("connect first", || first.connect(places.kernel))?;
    let ao = PeerKey::ao(other, 32, (1, 2), AoAlgorithm::HmacSha1, b"a secret")?;
    call("add key", || stream.add_key(&md5))?;
    // What has no TCP-AO is refused all of it; that it asks is what matters here.
    let _none = call("remove key", || stream.remove_md5_key(other, 32));
    let _none = call("ao keys", || stream.ao_keys());
    let _none = call("remove ao key", || stream.remove_ao_key(other, 32, (1, 2)));
    let _none = call("choose ao keys", || stream.choose_ao_keys(None, Some(2)));
    let _none = call("accept icmps", || stream.set_ao_accepts_icmps(true));
    call("close first", || drop(stream));
    let begun = call("begin first", || {
        socket()?.connect_nonblocking(places.kernel)
    })?;
    call("close begun", || drop(begun));
    let with = call("connect first with", || {
        socket()?.connect_with(places.kernel, b"data")
    })?;
    call("close with", || drop(with));
    let keys = [
        md5,
        PeerKey::ao(peer, 32, (3, 4), AoAlgorithm::Aes128Cmac, b"a secret")?
            .mac_bytes(16)
            .excluding_options()
            .accepting_icmps()
            .required()
            .current()
            .next(),
    ];
    // The kernel has none: it is refused in the end, or given up.
    let _none = call("connect with keys", || {
        let keys = keys.get(1..).unwrap_or_default();
        TcpStream::connect_with_keys(stack, places.kernel, keys, Some(PATIENCE / 400))
    });
    listen(stack, local, &ao)
}

fn listen(stack: &Stack, local: SocketAddr, ao: &PeerKey) -> Result<(), Box<dyn Error>> {
    let other = SocketAddr::new([10, 99, 0, 77].into(), 0).ip();
    let listener = call("listen with backlog", || {
        TcpListener::bind_with_backlog(stack, local, 5)
    })?;
    call("listener's address", || listener.local_addr())?;
    call("listener's option", || listener.option(option::NO_DELAY))?;
    call("set listener's option", || {
        listener.set_option(option::NO_DELAY, 1)
    })?;
    // Whether it is allowed is the configuration's.
    let _ = call("fast open", || listener.set_fast_open(4));
    call("nonblocking listener", || listener.set_nonblocking(true))?;
    let nobody = call("nobody comes", || listener.incoming().next());
    nobody.ok_or("no end")?.err().ok_or("somebody came")?;
    call("close that listener", || drop(listener));
    let md5 = [PeerKey::md5(other, 32, b"a secret")?];
    let listener = call("listen with keys", || {
        TcpListener::bind_with_keys(stack, local, 5, &md5)
    })?;
    call("remove listener's key", || {
        listener.remove_md5_key(other, 32)
    })?;
    call("add listener's key", || listener.add_key(ao))?;
    call("listener's ao keys", || listener.ao_keys())?;
    call("require ao", || listener.set_ao_required(true))?;
    call("listener accepts icmps", || {
        listener.set_ao_accepts_icmps(true)
    })?;
    call("remove listener's ao key", || {
        listener.remove_ao_key(other, 32, (1, 2))
    })?;
    call("close listener with keys", || drop(listener));
    Ok(())
}
