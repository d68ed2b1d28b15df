//! Making a key of TCP-AO, and what is set with it.

use std::io;
use std::net::IpAddr;

use coremill_ring::ao::Wish;
use coremill_ring::key::{self, Key};
use coremill_ring::option;
use rustix::io::Errno;

use super::AoAlgorithm;
use crate::keys::PeerKey;

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
    ///
    /// ```
    /// use coremill_client::{AoAlgorithm, PeerKey};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let peer = "192.0.2.1".parse().unwrap();
    /// let key = PeerKey::ao(peer, 32, (61, 84), AoAlgorithm::HmacSha1, b"a secret")?.mac_bytes(16);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn mac_bytes(mut self, bytes: u8) -> Self {
        // 0 stands for the usual length, which is not what was said.
        self.key.mac_bytes = if bytes == 0 { u8::MAX } else { bytes };
        self
    }

    /// TCP-AO: the code covers no option but its own, for paths that change others; the peer must agree.
    ///
    /// ```
    /// use coremill_client::{AoAlgorithm, PeerKey};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let peer = "192.0.2.1".parse().unwrap();
    /// let key = PeerKey::ao(peer, 32, (61, 84), AoAlgorithm::HmacSha1, b"a secret")?.excluding_options();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn excluding_options(self) -> Self {
        self.with(key::EXCLUDES_OPTIONS)
    }

    /// TCP-AO: what is sent is signed with it from now on, or from the SYN on. A listener refuses it (`EINVAL`).
    ///
    /// ```
    /// use coremill_client::{AoAlgorithm, PeerKey};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let peer = "192.0.2.1".parse().unwrap();
    /// let key = PeerKey::ao(peer, 32, (61, 84), AoAlgorithm::HmacSha1, b"a secret")?.current();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn current(self) -> Self {
        self.with(key::SETS_CURRENT)
    }

    /// TCP-AO: the peer is asked to sign with it from now on, or from the SYN on. A listener refuses it (`EINVAL`).
    ///
    /// ```
    /// use coremill_client::{AoAlgorithm, PeerKey};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let peer = "192.0.2.1".parse().unwrap();
    /// let key = PeerKey::ao(peer, 32, (61, 84), AoAlgorithm::HmacSha1, b"a secret")?.next();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn next(self) -> Self {
        self.with(key::SETS_NEXT)
    }

    /// TCP-AO: a socket that gets this key believes and greets nobody without a key of TCP-AO; connecting to such a peer
    /// gives `EKEYREJECTED`. See [`TcpListener::set_ao_required`](crate::TcpListener::set_ao_required).
    ///
    /// ```
    /// use coremill_client::{AoAlgorithm, PeerKey};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let peer = "192.0.2.1".parse().unwrap();
    /// let key = PeerKey::ao(peer, 32, (61, 84), AoAlgorithm::HmacSha1, b"a secret")?.required();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn required(mut self) -> Self {
        self.wish.requires = Some(true);
        self
    }

    /// TCP-AO: a socket that gets this key believes ICMP errors about its connections. See
    /// [`TcpStream::set_ao_accepts_icmps`](crate::TcpStream::set_ao_accepts_icmps).
    ///
    /// ```
    /// use coremill_client::{AoAlgorithm, PeerKey};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let peer = "192.0.2.1".parse().unwrap();
    /// let key = PeerKey::ao(peer, 32, (61, 84), AoAlgorithm::HmacSha1, b"a secret")?.accepting_icmps();
    /// # Ok(())
    /// # }
    /// ```
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
