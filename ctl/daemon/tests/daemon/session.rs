//! A session of the control socket that takes descriptors.

use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recv, recvmsg};
use serde_json::{Value, json};

/// An open session.
pub struct Session {
    pub stream: UnixStream,
}

impl Session {
    /// Connects and says hello.
    pub fn open(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).unwrap();
        let mut session = Self { stream };
        let hello = json!({"request": "hello", "version": 1, "client": "test"});
        let (answer, _) = session.ask(&hello);
        assert_eq!(answer["reply"], "hello", "{answer}");
        session
    }

    /// Asks; gives the answer and what came with it.
    pub fn ask(&mut self, request: &Value) -> (Value, Vec<OwnedFd>) {
        self.send(format!("{request}\n").as_bytes())
    }

    /// Sends a line; gives the answer and what came with it.
    pub fn send(&mut self, line: &[u8]) -> (Value, Vec<OwnedFd>) {
        self.stream.write_all(line).unwrap();
        let (mut answer, mut descriptors) = (Vec::new(), Vec::new());
        while answer.last() != Some(&b'\n') {
            let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut bytes = [0; 4096];
            let mut room = [IoSliceMut::new(&mut bytes)];
            let flags = RecvFlags::CMSG_CLOEXEC;
            let got = recvmsg(&self.stream, &mut room, &mut control, flags).unwrap();
            assert_ne!(got.bytes, 0, "the daemon closed the session");
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(more) = message {
                    descriptors.extend(more);
                }
            }
            answer.extend(&bytes[..got.bytes]);
        }
        (serde_json::from_slice(&answer).unwrap(), descriptors)
    }

    /// Asks to attach.
    pub fn attach(&mut self) -> (Value, Vec<OwnedFd>) {
        self.ask(&json!({"request": "attach", "layout": coremill_ring::layout::VERSION}))
    }

    /// Ends the own attachment.
    pub fn detach(&mut self) -> Value {
        self.ask(&json!({"request": "detach"})).0
    }
}

/// Whether a doorbell's other end is closed. It may have been rung before.
pub fn ended(ear: &OwnedFd) -> bool {
    let mut bytes = [0; 64];
    loop {
        match recv(ear, &mut bytes, RecvFlags::DONTWAIT) {
            Ok((_, 0)) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}
