//! TUN devices: what a kernel sends through one is read from it, what is written to it arrives at that kernel.

use std::fs::File;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};

/// Makes a device called `name` where `prefix` (such as `ip netns exec client`) leads. It lives as long as the file.
///
/// Another program makes it and passes it on, one whose language can name a device without unsafe code.
pub fn open(prefix: &[&str], name: &str) -> File {
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .expect("a pair of sockets");
    let words = [prefix, &["python3", "-S", "-E", "-c", PROGRAM, name]].concat();
    let status = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::from(theirs))
        .status()
        .expect("start python3");
    assert!(status.success(), "no TUN device {name}");
    let device = File::from(passed(&ours));
    rustix::io::ioctl_fionbio(&device, true).expect("do not block");
    device
}

fn passed(socket: &OwnedFd) -> OwnedFd {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let pieces = &mut [IoSliceMut::new(&mut byte)];
    recvmsg(socket, pieces, &mut control, RecvFlags::CMSG_CLOEXEC).expect("the device");
    let device = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut passed) => passed.next(),
        _ => None,
    });
    device.expect("a device in the message")
}

/// IFF_TUN and IFF_NO_PI: packets without a header in front; no offloads, so each is one segment with its checksums.
const PROGRAM: &str = "
import fcntl, os, socket, struct, sys
device = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(device, 0x400454ca, struct.pack('16sH22x', sys.argv[1].encode(), 0x1001))
socket.send_fds(socket.socket(fileno=0), [b'x'], [device])
";
