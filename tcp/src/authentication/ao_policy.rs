//! What a socket wants of TCP-AO besides its keys.

/// How a socket goes about TCP-AO (Linux: TCP_AO_INFO).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AoPolicy {
    /// No segment without TCP-AO is believed, whatever keys there are (Linux: ao_required).
    /// RFC 5925, section 7.3.
    pub is_required: bool,
    /// ICMP errors about its connections are believed (Linux: accept_icmps).
    /// RFC 5925, section 7.8.
    pub accepts_icmps: bool,
    /// SendID of the key that a connection signs with at first; one that is not for its peer is passed over.
    pub current_id: Option<u8>,
    /// RecvID of the key that its peer is asked to sign with at first.
    pub next_id: Option<u8>,
}
