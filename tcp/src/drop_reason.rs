//! Why a segment was not delivered: one table for counter, metric label, trace and command line.

/// Declares an enum of drop reasons with the word and the line of help for each.
#[macro_export]
macro_rules! drop_table {
    ($(#[$meta:meta])* $name:ident { $($variant:ident $word:literal $help:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $(#[doc = $help] $variant,)* }

        impl $name {
            /// Every reason, in the order of their values.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word used for it everywhere.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// One line of help.
            pub const fn help(self) -> &'static str {
                match self { $($name::$variant => $help,)* }
            }
        }
    };
}

drop_table! {
    /// Why the TCP machine did not deliver a segment. New reasons go into this table only.
    DropReason {
        Truncated "tcp_truncated" "Segment shorter than the TCP header, or than its own data offset says.";
        BadHeader "tcp_bad_header" "Data offset below five words, malformed options, or port 0.";
        BadChecksum "tcp_bad_checksum" "TCP checksum is wrong.";
        BadFlags "tcp_bad_flags" "Flag combination that no state accepts (no ACK, SYN with RST or FIN, null, ...).";
        NoSocket "tcp_no_socket" "No connection and no listener for it; answered with RST unless it was one.";
        ListenOverflow "tcp_listen_overflow" "The listener's accept queue is full.";
        RequestTableFull "tcp_request_table_full" "No room for another half-open connection.";
        ConnectionTableFull "tcp_connection_table_full" "No room for another connection.";
        OutOfWindow "tcp_out_of_window" "Sequence number outside the receive window.";
        OldDuplicate "tcp_old_duplicate" "All of its bytes were received before.";
        PawsRejected "tcp_paws_rejected" "Timestamp older than the last one (RFC 7323, PAWS).";
        AckOutOfRange "tcp_ack_out_of_range" "Acknowledges what was never sent, or is too old (RFC 5961).";
        ChallengedSyn "tcp_challenged_syn" "SYN in a synchronized state: answered with a challenge ACK (RFC 5961).";
        ChallengedRst "tcp_challenged_rst" "RST in the window but not at its edge: challenge ACK (RFC 5961).";
        BadHandshakeAck "tcp_bad_handshake_ack" "The ACK does not complete the handshake it claims to.";
        TimeWaitRejected "tcp_time_wait_rejected" "Segment for a connection in TIME-WAIT that may not reopen it.";
        NoMemory "tcp_no_memory" "No chunk left to keep its bytes in.";
        ReassemblyFull "tcp_reassembly_full" "Too many holes in the out-of-order data.";
        MinTtl "tcp_min_ttl" "Less time to live than the user allows (IP_MINTTL, RFC 5082).";
        BadSignature "tcp_bad_signature" "Its signature (TCP-MD5, TCP-AO) is wrong, or it carries more than one.";
        SignatureMissing "tcp_signature_missing" "Not signed, although there is a key for this peer.";
        SignatureUnexpected "tcp_signature_unexpected" "Signed, although there is no such key for this peer.";
        Closed "tcp_closed" "Data for a connection whose user has closed it: reset.";
        IcmpIrrelevant "tcp_icmp_irrelevant" "ICMP error that quotes no outstanding segment of ours (RFC 5927).";
    }
}
