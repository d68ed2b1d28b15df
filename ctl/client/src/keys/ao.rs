//! TCP-AO (RFC 5925): its keys, which of them are used, and what became of segments.

mod info;
mod peer_key;

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use coremill_ring::ao::{self, KeyWord, Part, Standing, Wish};
use coremill_ring::command::Command;
use coremill_ring::key::{self, Key};
use coremill_ring::option;
use rustix::io::Errno;

use super::set;
use crate::listener::TcpListener;
use crate::socket::Socket;
use crate::stream::TcpStream;

pub use info::{AoAlgorithm, AoInfo, AoKey};

impl TcpListener {
    /// Nobody without a key of TCP-AO is believed, also where there is no key (Linux: ao_required); not so by default.
    ///
    /// # Errors
    /// `EKEYREJECTED` when there is a key of TCP-MD5; `EBADF` when the daemon has no such listener any more.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> std::io::Result<()> {
    /// listener.set_ao_required(true)
    /// # }
    /// ```
    pub fn set_ao_required(&self, requires: bool) -> io::Result<()> {
        let requires = Some(requires);
        wish(
            self.socket(),
            Wish {
                requires,
                ..Wish::default()
            },
        )
    }

    /// ICMP errors about connections accepted from now on are believed; see [`TcpStream::set_ao_accepts_icmps`].
    ///
    /// # Errors
    /// `EBADF` when the daemon has no such listener any more.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> std::io::Result<()> {
    /// listener.set_ao_accepts_icmps(true)
    /// # }
    /// ```
    pub fn set_ao_accepts_icmps(&self, accepts: bool) -> io::Result<()> {
        set_accepts_icmps(self.socket(), accepts)
    }

    /// Its keys of TCP-AO.
    ///
    /// # Errors
    /// `EBADF` when the daemon has no such listener any more.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> std::io::Result<()> {
    /// for key in listener.ao_keys()? {
    ///     println!("{}/{}: {}", key.peer, key.prefix, key.send_id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn ao_keys(&self) -> io::Result<Vec<AoKey>> {
        keys(self.socket())
    }

    /// Removes the key of TCP-AO for a prefix that has these ids, of what is sent and of what is received; what was accepted
    /// keeps its own.
    ///
    /// # Errors
    /// `ENOENT` when there is none.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
    /// listener.remove_ao_key("192.0.2.1".parse()?, 32, (61, 84))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_ao_key(&self, peer: IpAddr, prefix: u8, ids: (u8, u8)) -> io::Result<()> {
        remove(self.socket(), (peer, prefix), ids)
    }
}

impl TcpStream {
    /// What became of TCP-AO: the keys in use, what the peer said, what was counted. The numbers are read one by one.
    ///
    /// # Errors
    /// `ENOENT` for a connection without TCP-AO.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// let info = stream.ao_info()?;
    /// println!("signed with key {}, {} forgeries", info.current_id, info.bad);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ao_info(&self) -> io::Result<AoInfo> {
        let told = Standing::from_word(ask(self.socket(), Part::Standing)?);
        let (current_id, next_id) = told.ids.ok_or(io::Error::from(Errno::NOENT))?;
        let count = |which| ask(self.socket(), Part::Count(which));
        Ok(AoInfo {
            current_id,
            next_id,
            heard: told.heard,
            accepts_icmps: told.accepts_icmps,
            good: count(0)?,
            bad: count(1)?,
            key_not_found: count(2)?,
            required: count(3)?,
            dropped_icmps: count(4)?,
        })
    }

    /// The key with this SendID signs what is sent from now on, or the peer is asked to sign with the one that has this RecvID
    /// (Linux: set_current, set_rnext). The peer, once it has been heard, decides too: its own wish for our
    /// next key takes the place of the current one.
    ///
    /// To change keys: both ends add the new one, one asks for it, and when [`TcpStream::ao_info`] says that it is
    /// heard, the old one can be removed.
    ///
    /// # Errors
    /// `ENOENT` for an id that no key has, `EINVAL` for a connection without TCP-AO.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// use coremill_client::{AoAlgorithm, PeerKey};
    ///
    /// let peer = stream.peer_addr()?.ip();
    /// stream.add_key(&PeerKey::ao(peer, 32, (7, 8), AoAlgorithm::HmacSha1, b"tomorrow's")?)?;
    /// stream.choose_ao_keys(None, Some(8))
    /// # }
    /// ```
    pub fn choose_ao_keys(&self, current: Option<u8>, next: Option<u8>) -> io::Result<()> {
        wish(
            self.socket(),
            Wish {
                current,
                next,
                ..Wish::default()
            },
        )
    }

    /// ICMP errors about this connection are believed (Linux: accept_icmps); by default they are counted and ignored, for anybody
    /// on the path can send them.
    ///
    /// # Errors
    /// `EINVAL` for a connection without TCP-AO.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_ao_accepts_icmps(true)
    /// # }
    /// ```
    pub fn set_ao_accepts_icmps(&self, accepts: bool) -> io::Result<()> {
        set_accepts_icmps(self.socket(), accepts)
    }

    /// Its keys of TCP-AO. They are read one by one: change none meanwhile.
    ///
    /// # Errors
    /// `ENOENT` for a connection without TCP-AO.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// let current = stream.ao_keys()?.into_iter().find(|key| key.is_current);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ao_keys(&self) -> io::Result<Vec<AoKey>> {
        keys(self.socket())
    }

    /// Removes the key of TCP-AO for a prefix that has these ids, of what is sent and of what is received.
    ///
    /// # Errors
    /// `ENOENT` when there is none, `EBUSY` when it signs or the peer is asked for it: choose others first.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.remove_ao_key(stream.peer_addr()?.ip(), 32, (61, 84))
    /// # }
    /// ```
    pub fn remove_ao_key(&self, peer: IpAddr, prefix: u8, ids: (u8, u8)) -> io::Result<()> {
        remove(self.socket(), (peer, prefix), ids)
    }
}

/// Waits for the worker also where the socket does not block, as keys do.
pub(super) fn wish(socket: &Socket, wish: Wish) -> io::Result<()> {
    let set = |ticket, socket| Command::SetOption {
        ticket,
        socket,
        option: option::AO_INFO,
        value: wish.to_word(),
    };
    socket.ask(set).map(drop)
}

fn set_accepts_icmps(socket: &Socket, accepts: bool) -> io::Result<()> {
    let accepts_icmps = Some(accepts);
    wish(
        socket,
        Wish {
            accepts_icmps,
            ..Wish::default()
        },
    )
}

fn ask(socket: &Socket, part: Part) -> io::Result<u64> {
    socket.ask(|ticket, socket| Command::GetOption {
        ticket,
        socket,
        option: ao::part(part),
    })
}

fn keys(socket: &Socket) -> io::Result<Vec<AoKey>> {
    let mut keys = Vec::new();
    for number in 0..ao::KEYS_MAX {
        let word = match ask(socket, Part::Key(number, 0)) {
            Err(error) if number > 0 && is_end(&error) => break,
            // A connection without TCP-AO has no first one either: what it is, it says here.
            Err(error) if is_end(&error) => {
                ask(socket, Part::Standing)?;
                break;
            }
            word => KeyWord::from_word(word?),
        };
        let half = |half| ask(socket, Part::Key(number, half));
        let address = u128::from(half(1)?) << 64 | u128::from(half(2)?);
        let has = |flag| word.flags & flag != 0;
        keys.push(AoKey {
            peer: Ipv6Addr::from_bits(address).to_canonical(),
            prefix: word.prefix,
            send_id: word.send_id,
            receive_id: word.receive_id,
            algorithm: match word.algorithm {
                key::HMAC_SHA1 => Some(AoAlgorithm::HmacSha1),
                key::AES_128_CMAC => Some(AoAlgorithm::Aes128Cmac),
                _ => None,
            },
            mac_bytes: word.mac_bytes,
            excludes_options: has(key::EXCLUDES_OPTIONS),
            is_current: has(key::SETS_CURRENT),
            is_next: has(key::SETS_NEXT),
        });
    }
    Ok(keys)
}

fn is_end(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NOENT)
}

fn remove(
    socket: &Socket,
    (peer, prefix): (IpAddr, u8),
    (send_id, receive_id): (u8, u8),
) -> io::Result<()> {
    let mut name = Key::new(peer, prefix, &[]).ok_or(Errno::INVAL)?;
    (name.send_id, name.receive_id) = (send_id, receive_id);
    set(socket, option::AO_DELETE_KEY, &name)
}
