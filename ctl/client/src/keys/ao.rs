//! TCP-AO (RFC 5925): its keys, which of them are used, and what became of segments.

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use coremill_ring::ao::{self, KeyWord, Part, Standing, Wish};
use coremill_ring::command::Command;
use coremill_ring::key::{self, Key};
use coremill_ring::option;
use rustix::io::Errno;

use super::{PeerKey, set};
use crate::listener::TcpListener;
use crate::socket::Socket;
use crate::stream::TcpStream;

/// How TCP-AO derives keys and makes codes (RFC 5926).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AoAlgorithm {
    /// HMAC-SHA-1-96, with KDF_HMAC_SHA1 (Linux: `hmac(sha1)`).
    HmacSha1,
    /// AES-128-CMAC-96, with KDF_AES_128_CMAC (Linux: `cmac(aes128)`).
    Aes128Cmac,
}

/// What a connection with TCP-AO has come to (Linux: TCP_AO_INFO).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AoInfo {
    /// SendID of the key that signs.
    pub current_id: u8,
    /// RecvID of the key that the peer is asked to sign with (Linux: rnext).
    pub next_id: u8,
    /// KeyID and RNextKeyID of the last segment that was believed; None before the first.
    pub heard: Option<(u8, u8)>,
    /// ICMP errors are believed.
    pub accepts_icmps: bool,
    /// Segments that were believed.
    pub good: u64,
    /// Segments whose code was wrong.
    pub bad: u64,
    /// Segments signed with a key that is not there.
    pub key_not_found: u64,
    /// Segments that were not signed.
    pub required: u64,
    /// ICMP errors that were ignored.
    pub dropped_icmps: u64,
}

/// A key of TCP-AO that a socket has, without its secret (Linux: TCP_AO_GET_KEYS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AoKey {
    /// Whom it is for.
    pub peer: IpAddr,
    /// How many leading bits of `peer` count.
    pub prefix: u8,
    /// KeyID of what is sent with it.
    pub send_id: u8,
    /// KeyID of what is received.
    pub receive_id: u8,
    /// How codes are made; None for one that this library does not know.
    pub algorithm: Option<AoAlgorithm>,
    /// Bytes of the code.
    pub mac_bytes: u8,
    /// The code covers no option but its own.
    pub excludes_options: bool,
    /// It signs what is sent.
    pub is_current: bool,
    /// The peer is asked to sign with it.
    pub is_next: bool,
}

impl PeerKey {
    /// A key of TCP-AO for all addresses that begin with the first `prefix` bits of `peer`: with the KeyIDs of what
    /// is sent and of what is received, which the peer has the other way about. A socket may have several for one
    /// peer, with different ids, so that keys can be changed while connections live.
    ///
    /// Codes have 12 bytes and cover options; the methods below say otherwise.
    ///
    /// # Errors
    /// `EINVAL` for a secret that is empty or longer than 80 bytes.
    ///
    /// ```
    /// use coremill_client::{AoAlgorithm, PeerKey};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let peer = "192.0.2.1".parse().unwrap();
    /// let key = PeerKey::ao(peer, 32, (61, 84), AoAlgorithm::HmacSha1, b"a secret")?;
    /// let same_for_a_strange_path = key.clone().mac_bytes(16).excluding_options();
    /// assert_eq!(format!("{key:?}"), "PeerKey(Key(192.0.2.1/32, ..))");
    /// # Ok(())
    /// # }
    /// ```
    pub fn ao(
        peer: IpAddr,
        prefix: u8,
        (send_id, receive_id): (u8, u8),
        algorithm: AoAlgorithm,
        secret: &[u8],
    ) -> io::Result<Self> {
        let key = Key::new(peer, prefix, secret).filter(|_| !secret.is_empty());
        let mut key = key.ok_or(Errno::INVAL)?;
        (key.send_id, key.receive_id) = (send_id, receive_id);
        key.algorithm = match algorithm {
            AoAlgorithm::HmacSha1 => key::HMAC_SHA1,
            AoAlgorithm::Aes128Cmac => key::AES_128_CMAC,
        };
        Ok(Self {
            option: option::AO_ADD_KEY,
            key,
            wish: Wish::default(),
        })
    }

    /// TCP-AO: codes have this many bytes, 4 to 16; the peer must agree. More is refused when the key is added (`EINVAL`).
    #[must_use]
    pub fn mac_bytes(mut self, bytes: u8) -> Self {
        // 0 stands for the usual length, which is not what was said.
        self.key.mac_bytes = if bytes == 0 { u8::MAX } else { bytes };
        self
    }

    /// TCP-AO: the code covers no option but its own, for paths that change others; the peer must agree.
    #[must_use]
    pub fn excluding_options(self) -> Self {
        self.with(key::EXCLUDES_OPTIONS)
    }

    /// TCP-AO: what is sent is signed with it from now on, or from the SYN on. A listener refuses it (`EINVAL`).
    #[must_use]
    pub fn current(self) -> Self {
        self.with(key::SETS_CURRENT)
    }

    /// TCP-AO: the peer is asked to sign with it from now on, or from the SYN on. A listener refuses it (`EINVAL`).
    #[must_use]
    pub fn next(self) -> Self {
        self.with(key::SETS_NEXT)
    }

    /// TCP-AO: a socket that gets this key believes and greets nobody without a key of TCP-AO; connecting to such a peer
    /// gives `EKEYREJECTED`. See [`TcpListener::set_ao_required`].
    #[must_use]
    pub fn required(mut self) -> Self {
        self.wish.requires = Some(true);
        self
    }

    /// TCP-AO: a socket that gets this key believes ICMP errors about its connections. See [`TcpStream::set_ao_accepts_icmps`].
    #[must_use]
    pub fn accepting_icmps(mut self) -> Self {
        self.wish.accepts_icmps = Some(true);
        self
    }

    fn with(mut self, flag: u8) -> Self {
        self.key.flags |= flag;
        self
    }
}

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
    pub fn set_ao_accepts_icmps(&self, accepts: bool) -> io::Result<()> {
        set_accepts_icmps(self.socket(), accepts)
    }

    /// Its keys of TCP-AO.
    ///
    /// # Errors
    /// `EBADF` when the daemon has no such listener any more.
    pub fn ao_keys(&self) -> io::Result<Vec<AoKey>> {
        keys(self.socket())
    }

    /// Removes the key of TCP-AO for a prefix that has these ids, of what is sent and of what is received; what was accepted
    /// keeps its own.
    ///
    /// # Errors
    /// `ENOENT` when there is none.
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
    pub fn set_ao_accepts_icmps(&self, accepts: bool) -> io::Result<()> {
        set_accepts_icmps(self.socket(), accepts)
    }

    /// Its keys of TCP-AO. They are read one by one: change none meanwhile.
    ///
    /// # Errors
    /// `ENOENT` for a connection without TCP-AO.
    pub fn ao_keys(&self) -> io::Result<Vec<AoKey>> {
        keys(self.socket())
    }

    /// Removes the key of TCP-AO for a prefix that has these ids, of what is sent and of what is received.
    ///
    /// # Errors
    /// `ENOENT` when there is none, `EBUSY` when it signs or the peer is asked for it: choose others first.
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
