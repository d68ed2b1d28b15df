//! A helper process that sets and reads socket options of any kind: it is passed the socket, and its
//! language has calls for options given as bytes, which ours has not without unsafe code.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, recv, sendmsg, socketpair,
};

/// The helper; it ends when this is dropped.
#[derive(Debug)]
pub struct Agent {
    channel: OwnedFd,
    child: Child,
}

impl Agent {
    /// Starts it.
    ///
    /// # Errors
    /// When python3 cannot be started.
    pub fn start() -> io::Result<Self> {
        let (channel, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let child = Command::new("python3")
            .args(["-S", "-E", "-c", PROGRAM])
            .stdin(Stdio::from(theirs))
            .spawn()?;
        let agent = Self { channel, child };
        // It is ready when it answers: the clock of the script has not begun yet.
        let (socket, _) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        agent.get(&socket, 1, 4, 4)?;
        Ok(agent)
    }

    /// `setsockopt` with these bytes.
    pub fn set(&self, socket: impl AsFd, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
        self.ask(socket, SET, level, name, 0, value).map(drop)
    }

    /// The bytes that `getsockopt` gives.
    pub fn get(&self, socket: impl AsFd, level: i32, name: i32, room: i32) -> io::Result<Vec<u8>> {
        self.ask(socket, GET, level, name, room, &[])
    }

    /// The number that `ioctl` gives.
    pub fn ioctl(&self, socket: impl AsFd, request: i32) -> io::Result<i32> {
        let bytes = self.ask(socket, IOCTL, 0, request, 0, &[])?;
        let bytes = <[u8; 4]>::try_from(bytes).unwrap_or_default();
        Ok(i32::from_ne_bytes(bytes))
    }

    fn ask(
        &self,
        socket: impl AsFd,
        verb: i32,
        level: i32,
        name: i32,
        room: i32,
        value: &[u8],
    ) -> io::Result<Vec<u8>> {
        let mut question = Vec::new();
        for word in [verb, level, name, room] {
            question.extend(word.to_ne_bytes());
        }
        question.extend(value);
        let passed = [socket.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&passed));
        sendmsg(
            &self.channel,
            &[IoSlice::new(&question)],
            &mut control,
            SendFlags::empty(),
        )?;
        let mut answer = vec![0; ANSWER_BYTES_MAX];
        let (count, _) = recv(&self.channel, answer.as_mut_slice(), RecvFlags::empty())?;
        answer.truncate(count);
        let Some((number, bytes)) = answer.split_first_chunk::<4>() else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        match i32::from_ne_bytes(*number) {
            0 => Ok(bytes.to_vec()),
            number => Err(io::Error::from_raw_os_error(number)),
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It ends by itself with its channel; this is for the one that does not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SET: i32 = 0;
const GET: i32 = 1;
const IOCTL: i32 = 2;
const ANSWER_BYTES_MAX: usize = 4_096;
const PROGRAM: &str = "
import fcntl, os, socket, struct
channel = socket.socket(fileno=0)
while True:
    question, passed, _, _ = socket.recv_fds(channel, 4096, 1)
    if not question:
        break
    verb, level, name, room = struct.unpack('=4i', question[:16])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 6, fileno=passed[0]) as one:
        try:
            answer = b''
            if verb == 0:
                one.setsockopt(level, name, question[16:])
            elif verb == 1:
                answer = one.getsockopt(level, name, room)
            else:
                answer = fcntl.ioctl(one, name, bytes(4))
            channel.send(bytes(4) + answer)
        except OSError as error:
            channel.send(struct.pack('=i', error.errno))
";
