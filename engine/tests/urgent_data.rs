//! Urgent data between two ends of one application: the byte out of line, the mark, and bytes that more will follow.

#[expect(
    dead_code,
    reason = "what plays requests and replies is not needed here"
)]
mod attached;
#[path = "attached/meanwhile.rs"]
mod meanwhile;

use std::io::{self, ErrorKind, Read, Write};

use attached::Attached;
use coremill_client::TcpStream;
use meanwhile::{meanwhile, patiently};

/// Reads once, when there is something.
fn read(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = [0; 64];
    let count = patiently(|| stream.read(&mut bytes)).expect("bytes");
    bytes[..count].to_vec()
}

fn attached() -> Attached {
    Attached::start(1).expect("a worker and its application")
}

#[test]
fn the_byte_out_of_line_is_read_apart_and_a_read_stops_before_it() {
    meanwhile(&mut attached(), |near, mut far| {
        let none = near.read_urgent().expect_err("nothing was sent");
        assert_eq!(none.kind(), ErrorKind::InvalidInput);
        assert_eq!(patiently(|| far.write(b"ab")).expect("room"), 2);
        assert_eq!(patiently(|| far.send_urgent(b"cX")).expect("room"), 2);
        far.write_all(b"de").expect("room");
        assert_eq!(
            patiently(|| near.peek_urgent().map_err(as_early)).expect("it comes"),
            b'X'
        );
        assert_eq!(near.read_urgent().expect("it is there"), b'X');
        assert!(near.read_urgent().is_err(), "once");
        let mut before = Vec::new();
        while !near.at_mark().expect("open") {
            before.extend(read(near));
        }
        assert_eq!(before, b"abc");
        assert_eq!(read(near), b"de");
        assert!(!near.at_mark().expect("open"));
    });
}

/// Before the pointer is there, there is no urgent data to be asked for.
fn as_early(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::InvalidInput => ErrorKind::WouldBlock.into(),
        _ => error,
    }
}

#[test]
fn in_line_the_byte_is_read_with_what_follows() {
    meanwhile(&mut attached(), |near, mut far| {
        near.set_urgent_inline(true).expect("an option");
        assert!(near.urgent_inline().expect("an option"));
        assert_eq!(patiently(|| far.send_urgent(b"abX")).expect("room"), 3);
        far.write_all(b"cd").expect("room");
        assert_eq!(read(near), b"ab");
        assert!(near.at_mark().expect("open"));
        let mut rest = Vec::new();
        while rest.len() < 3 {
            rest.extend(read(near));
        }
        assert_eq!(rest, b"Xcd");
        assert!(near.read_urgent().is_err());
    });
}

#[test]
fn the_end_of_the_stream_is_behind_the_mark() {
    meanwhile(&mut attached(), |near, far| {
        assert_eq!(patiently(|| far.send_urgent(b"aX")).expect("room"), 2);
        far.shutdown(std::net::Shutdown::Write).expect("open");
        assert_eq!(read(near), b"a");
        patiently(|| match near.at_mark()? {
            true => Ok(()),
            false => Err(ErrorKind::WouldBlock.into()),
        })
        .expect("the mark");
        assert_eq!(read(near), b"", "the end");
    });
}

#[test]
fn what_more_follows_arrives_with_it() {
    meanwhile(&mut attached(), |near, mut far| {
        assert_eq!(patiently(|| far.write_more(b"head")).expect("room"), 4);
        far.write_all(b"body").expect("room");
        assert_eq!(read(near), b"headbody");
    });
}
