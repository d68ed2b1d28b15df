//! Commands that are well formed and asked for too often, for what is not the asker's, or without ever listening.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use coremill_ring::armed::Sleeper;
use coremill_ring::command::Command;
use coremill_ring::command::chance::{self, Chance};
use coremill_ring::handle::Handle;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::net::{SendFlags, send};

use crate::Run;
use crate::attached::Attached;
use crate::random::Random;

/// Any command about anything.
pub fn any(attached: &mut Attached, random: &mut Random) {
    let mut chance = Chance {
        ticket: attached.ticket(),
        socket: random.handle(),
        address: address(random),
        // Whoever lies here is found out at once.
        count: 0,
        word: &mut || random.word(),
    };
    let (command, payload) = chance::any(&mut chance);
    let worker = random.below(attached.workers());
    attached.say(worker, &command, &payload);
}

/// Names of nothing, of what was closed, and of what another might have.
pub fn stale(attached: &mut Attached, run: &mut Run) -> Result<()> {
    let closed = attached.ask(0, |ticket| Command::Open { ticket });
    if let Some(Ok(Some(socket))) = closed {
        attached.say(0, &Command::Close { socket }, b"");
    }
    paced(attached, run, |attached, random| {
        let worker = random.below(attached.workers());
        let socket = Handle {
            memory: u8::from(random.below(3) == 0),
            slot: random.below(1 << 13),
            generation: 1_000 + random.below(1 << 20),
        };
        let ticket = attached.ticket();
        let command = match random.below(6) {
            0 => Command::Close { socket },
            1 => Command::Read {
                socket,
                read: random.word(),
            },
            2 => Command::SetOption {
                ticket,
                socket,
                option: 1,
                value: 1,
            },
            3 => Command::SendFilled {
                socket,
                offset: 0,
                read: 0,
                filled: random.word(),
                has_more: false,
            },
            4 => Command::WantRoom {
                socket,
                bytes: u32::MAX,
            },
            _ => Command::Send {
                socket,
                offset: random.word(),
                read: random.word(),
            },
        };
        let is_send = matches!(command, Command::Send { .. });
        let payload: &[u8] = if is_send { b"nobody's" } else { b"" };
        attached.say(worker, &command, payload);
    })
}

/// Opens, binds, connects and closes without end.
pub fn flood(attached: &mut Attached, run: &mut Run) -> Result<()> {
    let mut sockets: Vec<Handle> = Vec::new();
    while !run.is_over() && !attached.is_over() {
        for _ in 0..64 {
            let worker = run.random.below(attached.workers());
            let ticket = attached.ticket();
            attached.say(worker, &Command::Open { ticket }, b"");
            if let Some(socket) = sockets.pop() {
                let remote = address(&mut run.random);
                attached.say(
                    worker,
                    &Command::Connect {
                        ticket,
                        socket,
                        remote,
                    },
                    b"",
                );
                attached.say(worker, &Command::Close { socket }, b"");
            }
        }
        let errors = &mut run.errors;
        attached.hear(|event| {
            if let coremill_ring::event::Event::Answer { error, socket, .. } = *event {
                *errors.entry(error).or_default() += 1;
                sockets.extend(socket);
            }
            None::<()>
        });
    }
    Ok(())
}

/// Listens on as many ports as go, changes its mind about all of them, and closes.
pub fn listeners(attached: &mut Attached, run: &mut Run) -> Result<()> {
    while !run.is_over() && !attached.is_over() {
        let mut sockets = Vec::new();
        for _ in 0..100 {
            let Some(Ok(Some(socket))) = attached.ask(0, |ticket| Command::Open { ticket }) else {
                break;
            };
            let ticket = attached.ticket();
            attached.say(
                0,
                &Command::Listen {
                    ticket,
                    socket,
                    backlog: 1,
                },
                b"",
            );
            sockets.push(socket);
        }
        for _ in 0..2_000 {
            let which = run.random.below(u32::try_from(sockets.len())?) as usize;
            let (Some(socket), ticket) = (sockets.get(which).copied(), attached.ticket()) else {
                break;
            };
            let notifier = run.random.below(40);
            let backlog = run.random.below(1_000);
            attached.say(
                0,
                &Command::Listen {
                    ticket,
                    socket,
                    backlog,
                },
                b"",
            );
            attached.say(
                0,
                &Command::Subscribe {
                    ticket,
                    socket,
                    notifier,
                    interest: 5,
                },
                b"",
            );
            attached.hear(|_| None::<()>);
        }
        for socket in sockets {
            while !attached.say(0, &Command::Close { socket }, b"") && !attached.is_over() {
                attached.hear(|_| None::<()>);
            }
        }
    }
    Ok(())
}

/// Claims of every slot there is, by everybody, and hand-overs of what was never claimed.
pub fn claims(attached: &mut Attached, run: &mut Run) -> Result<()> {
    let socket = attached.ask(0, |ticket| Command::Open { ticket });
    let Some(Ok(Some(listener))) = socket else {
        return Ok(());
    };
    attached.ask(0, |ticket| Command::Listen {
        ticket,
        socket: listener,
        backlog: 16,
    });
    let listeners = attached.layout.shape().listeners;
    paced(attached, run, |attached, random| {
        let worker = random.below(attached.workers());
        let row = random.below(listeners);
        if let Some(claims) = attached.layout.claims(row, worker) {
            let at = random.below(u32::try_from(claims.words).unwrap_or(1));
            let claim = claims.first_word + at as usize;
            attached.application.store(claim, random.word());
        }
        let ticket = attached.ticket();
        let named = if random.below(2) == 0 {
            listener
        } else {
            random.handle()
        };
        let (slot, round) = (random.below(80), u64::from(random.below(4)));
        attached.say(
            worker,
            &Command::Take {
                ticket,
                listener: named,
                slot,
                round,
            },
            b"",
        );
    })
}

/// Asks for answers and events and never takes any, with its doorbells full and made to block.
pub fn deaf(attached: &mut Attached, run: &mut Run) -> Result<()> {
    for ear in &attached.ears {
        fcntl_setfl(ear, OFlags::empty())?;
        // Back into the daemon's end, which takes nothing in.
        let back = send(ear, &[0; 512], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        anyhow::ensure!(back.is_err(), "sent into the daemon's doorbell");
    }
    for bell in &attached.bells {
        fcntl_setfl(bell, OFlags::empty())?;
        rustix::io::write(bell, &(u64::MAX - 1 - (1 << 40)).to_ne_bytes())?;
    }
    let armed = (0..attached.layout.shape().notifiers)
        .filter_map(|notifier| attached.layout.armed(notifier))
        .map(|line| Sleeper::new(attached.application.part(line)));
    let sleepers: Vec<Sleeper> = armed.collect();
    for worker in 0..attached.workers() {
        if let Some(socket) = attached.connect(worker, SERVICE) {
            for notifier in 0..4 {
                let ticket = attached.ticket();
                attached.say(
                    worker,
                    &Command::Subscribe {
                        ticket,
                        socket,
                        notifier,
                        interest: 5,
                    },
                    b"",
                );
            }
        }
    }
    while !run.is_over() && !attached.is_over() {
        for sleeper in &sleepers {
            sleeper.arm();
        }
        for _ in 0..64 {
            any(attached, &mut run.random);
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}

/// Connections whose bytes are never read, and chunks that are never filled or given back.
pub fn hoard(attached: &mut Attached, run: &mut Run) -> Result<()> {
    for number in 0..200 {
        let remote = if number % 2 == 0 { SOURCE } else { SERVICE };
        let worker = number % attached.workers();
        if let Some(socket) = attached.connect(worker, remote) {
            attached.say(
                worker,
                &Command::WantRoom {
                    socket,
                    bytes: u32::MAX,
                },
                b"",
            );
        }
    }
    while !run.is_over() && !attached.is_over() {
        attached.hear(|_| None::<()>);
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// As busy as the others, and honest: options of a socket of its own.
pub fn busy(attached: &mut Attached, run: &mut Run) -> Result<()> {
    let socket = attached.ask(0, |ticket| Command::Open { ticket });
    let Some(Ok(Some(socket))) = socket else {
        return Ok(());
    };
    paced(attached, run, |attached, random| {
        let (ticket, value) = (attached.ticket(), u64::from(random.below(2)));
        let command = Command::SetOption {
            ticket,
            socket,
            option: 1,
            value,
        };
        attached.say(0, &command, b"");
    })
}

/// Acts at the run's pace, and takes what is told.
fn paced(
    attached: &mut Attached,
    run: &mut Run,
    mut act: impl FnMut(&mut Attached, &mut Random),
) -> Result<()> {
    let began = Instant::now();
    let mut done = 0;
    while !run.is_over() && !attached.is_over() {
        let due = match run.pace {
            Some(pace) => pace * u64::try_from(began.elapsed().as_millis())?,
            None => done + 64,
        };
        let count = due.saturating_sub(done).min(256);
        for _ in 0..count {
            act(attached, &mut run.random);
        }
        done += count;
        let errors = &mut run.errors;
        attached.hear(|event| {
            if let coremill_ring::event::Event::Answer { error, .. } = *event {
                *errors.entry(error).or_default() += 1;
            }
            None::<()>
        });
        if run.pace.is_some() {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    Ok(())
}

/// Ours, the kernel's, services of the daemon, and nobody's.
fn address(random: &mut Random) -> SocketAddr {
    let host = [1, 2, 2, 77][random.below(4) as usize];
    let port = [7, 9, 4_444, 40_000][random.below(4) as usize];
    SocketAddr::from(([10, 99, 0, host], port))
}

/// The daemon's own echo and chargen services, as the tests' configuration has them.
const SERVICE: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 99, 0, 2)),
    7,
);
const SOURCE: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 99, 0, 2)),
    19,
);
