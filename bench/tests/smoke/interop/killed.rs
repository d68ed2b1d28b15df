//! Processes killed with their connections: the kernel's client of a service of ours, and an application of ours with the
//! kernel's clients.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::impairment::Random;
use super::world::World;
use crate::application::Program;
use crate::command;
use crate::configuration::ECHO;
use crate::topology::{IN_CLIENT, in_client};

/// Kills one of either kind.
pub fn one(world: &World, random: &mut Random) {
    let moment = Duration::from_micros(u64::from(random.below(60_000)));
    match random.below(2) {
        0 => client(moment),
        _ => application(world.fresh_address(), moment),
    }
}

/// Both directions are full when it dies: its kernel resets what it has not read.
fn client(moment: Duration) {
    let program = command::program("coremill-load");
    let mut child = Command::new(IN_CLIENT[0])
        .args(&IN_CLIENT[1..])
        .arg(program)
        .args([
            "stream",
            "both",
            ECHO,
            "--bytes",
            "1GiB",
            "--connections",
            "3",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("start coremill-load");
    std::thread::sleep(moment);
    child.kill().expect("kill it");
    child.wait().expect("its end");
}

/// Its peers hear of it while they speak.
fn application(address: SocketAddr, moment: Duration) {
    let mut echo = Program::start("echo", &[&address.to_string()]);
    let connect = || TcpStream::connect_timeout(&address, PATIENCE).expect("connect");
    let streams = in_client(|| [connect(), connect()]);
    std::thread::scope(|scope| {
        for stream in &streams {
            scope.spawn(|| speak(stream));
        }
        std::thread::sleep(moment);
        echo.kill();
    });
}

/// Until there is nobody. A reset that is lost is not sent again (RFC 9293, section 3.5.3), and who has nothing outstanding
/// then hears nothing: after a silence it speaks once more, and must hear by that.
fn speak(mut stream: &TcpStream) {
    stream.set_read_timeout(Some(SILENCE)).expect("set");
    stream.set_write_timeout(Some(PATIENCE)).expect("set");
    let mut space = [0; 1000];
    let mut has_been_silent = false;
    loop {
        let heard = stream
            .write_all(&[7; 1000])
            .and_then(|()| stream.read_exact(&mut space));
        match heard.map_err(|error| error.kind()) {
            Ok(()) => assert_eq!(space, [7; 1000]),
            Err(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => {
                return;
            }
            Err(ErrorKind::WouldBlock) if !has_been_silent => {
                has_been_silent = true;
                stream.set_read_timeout(Some(PATIENCE)).expect("set");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

const SILENCE: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);
