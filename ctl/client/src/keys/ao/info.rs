//! What TCP-AO shows of its keys and of a connection, without secrets (RFC 5925).

use std::net::IpAddr;

/// How TCP-AO derives keys and makes codes (RFC 5926).
///
/// ```
/// use coremill_client::{AoAlgorithm, PeerKey};
///
/// let (peer, ids) = ("192.0.2.1".parse().unwrap(), (61, 84));
/// assert!(PeerKey::ao(peer, 32, ids, AoAlgorithm::Aes128Cmac, b"a secret").is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AoAlgorithm {
    /// HMAC-SHA-1-96, with KDF_HMAC_SHA1 (Linux: `hmac(sha1)`).
    HmacSha1,
    /// AES-128-CMAC-96, with KDF_AES_128_CMAC (Linux: `cmac(aes128)`).
    Aes128Cmac,
}

/// What a connection with TCP-AO has come to (Linux: TCP_AO_INFO).
///
/// ```no_run
/// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
/// let info = stream.ao_info()?;
/// println!("{} segments were believed, {} were not", info.good, info.bad);
/// # Ok(())
/// # }
/// ```
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
///
/// ```no_run
/// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
/// for key in stream.ao_keys()? {
///     println!("{} signs: {}", key.send_id, key.is_current);
/// }
/// # Ok(())
/// # }
/// ```
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
