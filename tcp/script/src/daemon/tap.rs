//! The kernel's end of the daemon's tap as the peer's network: frames in and out of a packet socket. The
//! kernel itself has no address there and says nothing; ARP is answered here, for every address.

use std::fs::File;
use std::io::{ErrorKind, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use coremill_tcp::Instant;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};

use super::configuration::TAP;
use crate::packets;
use crate::subject::Sent;

/// The wire, and the daemon's hardware address once it is known.
#[derive(Debug)]
pub struct Tap {
    socket: File,
    daemon: Option<[u8; 6]>,
}

impl Tap {
    /// Opens it.
    ///
    /// # Errors
    /// When there is no such device, or python3 cannot be started.
    pub fn open() -> std::io::Result<Self> {
        let socket = packet_socket()?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(Self {
            socket: socket.into(),
            daemon: None,
        })
    }

    /// Asks for the daemon's hardware address; true once it is known.
    pub fn is_known(&mut self, daemon: Ipv4Addr, ours: Ipv4Addr) -> std::io::Result<bool> {
        while self.read()?.is_some() {}
        if self.daemon.is_none() {
            let question = arp(REQUEST, (OURS, ours), ([0; 6], daemon));
            self.write(&question)?;
        }
        Ok(self.daemon.is_some())
    }

    /// Gives the daemon an IP packet.
    pub fn send(&mut self, packet: &[u8]) -> std::io::Result<()> {
        let mut frame = self.daemon.unwrap_or([0xff; 6]).to_vec();
        frame.extend(OURS);
        frame.extend(IPV4);
        frame.extend(packet);
        self.write(&frame)
    }

    /// What the daemon has sent, oldest first; ARP is answered and passed over.
    pub fn receive(&mut self, now: impl Fn() -> Instant) -> std::io::Result<Vec<Sent>> {
        let mut sent = Vec::new();
        while let Some(frame) = self.read()? {
            sent.extend(packets::segment(
                now(),
                frame.get(HEADER..).unwrap_or_default(),
            ));
        }
        Ok(sent)
    }

    /// The next frame with an IP packet from the daemon.
    fn read(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut frame = vec![0; FRAME_BYTES_MAX];
        loop {
            let length = match self.socket.read(&mut frame) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            };
            let bytes = frame.get(..length).unwrap_or_default();
            match bytes.get(12..14) {
                Some(kind) if kind == IPV4 => return Ok(Some(bytes.to_vec())),
                Some(kind) if kind == ARP => self.resolve(bytes)?,
                _ => {}
            }
        }
    }

    /// Learns from ARP, and answers what it asks for.
    fn resolve(&mut self, frame: &[u8]) -> std::io::Result<()> {
        let Some((body, _)) = frame
            .get(HEADER..)
            .and_then(<[u8]>::split_first_chunk::<28>)
        else {
            return Ok(());
        };
        let hardware = |at: usize| -> [u8; 6] { std::array::from_fn(|byte| body[at + byte]) };
        let address = |at: usize| Ipv4Addr::new(body[at], body[at + 1], body[at + 2], body[at + 3]);
        let sender = (hardware(8), address(14));
        if sender.0 == OURS {
            return Ok(());
        }
        self.daemon = Some(sender.0);
        if body[7] != REQUEST {
            return Ok(());
        }
        let answer = arp(ANSWER, (OURS, address(24)), sender);
        self.write(&answer)
    }

    fn write(&mut self, frame: &[u8]) -> std::io::Result<()> {
        self.socket.write_all(frame)
    }
}

/// An ARP frame.
fn arp(operation: u8, from: ([u8; 6], Ipv4Addr), to: ([u8; 6], Ipv4Addr)) -> Vec<u8> {
    let target = if operation == REQUEST {
        [0xff; 6]
    } else {
        to.0
    };
    let mut frame = target.to_vec();
    frame.extend(OURS);
    frame.extend(ARP);
    frame.extend([0, 1, 8, 0, 6, 4, 0, operation]);
    for (hardware, address) in [from, to] {
        frame.extend(hardware);
        frame.extend(address.octets());
    }
    frame
}

/// A packet socket bound to the device, made by a process whose language can name a device without unsafe
/// code, and passed on by it.
fn packet_socket() -> std::io::Result<OwnedFd> {
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let status = Command::new("python3")
        .args(["-S", "-E", "-c", PROGRAM, TAP])
        .stdin(Stdio::from(theirs))
        .status()?;
    if !status.success() {
        return Err(std::io::Error::other("no packet socket on the tap"));
    }
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    recvmsg(
        &ours,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let passed = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut passed) => passed.next(),
        _ => None,
    });
    passed.ok_or(std::io::ErrorKind::UnexpectedEof.into())
}

const PROGRAM: &str = "
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind((sys.argv[1], 3))
socket.send_fds(socket.socket(fileno=0), [b'x'], [wire.fileno()])
";
/// A locally administered address.
const OURS: [u8; 6] = [0x02, 0, 0, 0, 0, 0xfe];
const IPV4: [u8; 2] = [0x08, 0x00];
const ARP: [u8; 2] = [0x08, 0x06];
const REQUEST: u8 = 1;
const ANSWER: u8 = 2;
/// Of Ethernet.
const HEADER: usize = 14;
const FRAME_BYTES_MAX: usize = 65_536;
