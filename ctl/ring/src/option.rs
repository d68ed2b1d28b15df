//! Numbers of the options that `Command::SetOption` sets and `Command::GetOption` asks for, and of the conditions that
//! `Command::Subscribe` names.
//!
//! An option's number is Linux's level and name of it, so that whoever has a setsockopt call in hand need not
//! translate it. A value is what setsockopt is given, extended to 64 bits with its sign; which values there are, and what
//! stands for each, says the worker, which answers others with `EINVAL` and unknown options with `ENOPROTOOPT`.

/// The number of an option of sockets (SOL_SOCKET).
pub const fn of_socket(name: u16) -> u32 {
    1 << 16 | name as u32
}

/// The number of an option of IPv4 (IPPROTO_IP).
pub const fn of_ip(name: u16) -> u32 {
    name as u32
}

/// The number of an option of TCP (IPPROTO_TCP).
pub const fn of_tcp(name: u16) -> u32 {
    6 << 16 | name as u32
}

/// DSCP of what is sent, as a TOS byte (IP_TOS); its two ECN bits are TCP's own.
pub const TOS: u32 = of_ip(1);
/// Time to live of what is sent (IP_TTL): 1 to 255, or -1 for the daemon's.
pub const TTL: u32 = of_ip(2);
/// Path MTU discovery (IP_MTU_DISCOVER): 0 for none, 1 to believe routers, 2 the same, and never fragments, 3 for don't
/// fragment without believing routers.
pub const MTU_DISCOVER: u32 = of_ip(10);
/// The least time to live of what is taken from the peer (IP_MINTTL): 0 to 255.
pub const MIN_TTL: u32 = of_ip(21);
/// Bytes that wait to be acknowledged (SO_SNDBUF).
pub const SEND_BUFFER: u32 = of_socket(7);
/// Bytes that wait to be read (SO_RCVBUF).
pub const RECEIVE_BUFFER: u32 = of_socket(8);
/// The peer of an idle connection is probed (SO_KEEPALIVE): 0 or 1.
pub const KEEPALIVE: u32 = of_socket(9);
/// Urgent data stays in the stream (SO_OOBINLINE): 0 or 1.
pub const URGENT_INLINE: u32 = of_socket(10);
/// What closing does about unsent bytes (SO_LINGER): 0 for off, otherwise seconds plus one. Waiting for
/// them is the application's part.
pub const LINGER: u32 = of_socket(13);
/// What memory a connection has (SO_MEMINFO): several numbers, see `listing`. To be asked for only.
pub const MEMORY_INFO: u32 = of_socket(55);
/// Bytes per second that are sent at most (SO_MAX_PACING_RATE), spread evenly; below 0 for no such bound.
pub const PACING_RATE_MAX: u32 = of_socket(47);
/// Small segments are sent at once (TCP_NODELAY): 0 or 1.
pub const NO_DELAY: u32 = of_tcp(1);
/// Full segments only (TCP_CORK), for 200 ms at most: 0 or 1.
pub const CORK: u32 = of_tcp(3);
/// Silence before the first probe (TCP_KEEPIDLE), in seconds: 1 to 32,767.
pub const KEEPALIVE_IDLE: u32 = of_tcp(4);
/// Time between probes (TCP_KEEPINTVL), in seconds: 1 to 32,767.
pub const KEEPALIVE_INTERVAL: u32 = of_tcp(5);
/// Unanswered probes before the connection fails (TCP_KEEPCNT): 1 to 127.
pub const KEEPALIVE_COUNT: u32 = of_tcp(6);
/// SYN retransmissions before connecting fails (TCP_SYNCNT): 1 to 127.
pub const SYN_COUNT: u32 = of_tcp(7);
/// Connections are told of only once data has come, or so many seconds later (TCP_DEFER_ACCEPT); 0 for at once.
pub const DEFER_ACCEPT: u32 = of_tcp(9);
/// Time in FIN-WAIT-2 (TCP_LINGER2), in seconds: 0 for the daemon's, below 0 for none.
pub const FIN_WAIT_2: u32 = of_tcp(8);
/// The largest window offered (TCP_WINDOW_CLAMP), in bytes; 0 for no bound.
pub const WINDOW_CLAMP: u32 = of_tcp(10);
/// Algorithm of congestion control (TCP_CONGESTION), by number: 1 for cubic, 2 for newreno, 3 for bbr, 4 for dctcp.
pub const CONGESTION: u32 = of_tcp(13);
/// Acknowledgements are not delayed for now (TCP_QUICKACK): 0 or 1.
pub const QUICK_ACK: u32 = of_tcp(12);
/// How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT), in milliseconds; 0 for as long as retransmissions go.
pub const USER_TIMEOUT: u32 = of_tcp(18);
/// Connections that a SYN with data may make before the peer has confirmed them (TCP_FASTOPEN of a listener); 0 for none.
pub const FAST_OPEN: u32 = of_tcp(23);
/// Connecting waits for the first data, which goes with the SYN, where the peer's cookie is known (TCP_FASTOPEN_CONNECT): 0 or 1.
pub const FAST_OPEN_CONNECT: u32 = of_tcp(30);
/// Data goes with the SYN, or is taken from it, without any cookie (TCP_FASTOPEN_NO_COOKIE): 0 or 1.
pub const FAST_OPEN_NO_COOKIE: u32 = of_tcp(34);
/// Bytes not sent yet beyond which there is no room (TCP_NOTSENT_LOWAT); 0 for the daemon's.
pub const UNSENT_LOW_WATER: u32 = of_tcp(25);

/// What a connection's congestion control alone knows (TCP_CC_INFO): several numbers, see `listing`. To be asked for only.
pub const CONGESTION_INFO: u32 = of_tcp(26);
/// The connection counts what RFC 4898 wants: 0 or 1. Coremill's own number.
pub const STATISTICS: u32 = of_tcp(4_898);
/// What it has counted: several numbers, see `listing`. Coremill's own number; to be asked for only.
pub const STATISTICS_OBJECTS: u32 = of_tcp(4_899);

/// A key of TCP-MD5 (TCP_MD5SIG_EXT, and TCP_MD5SIG for one address) for the peers of a prefix, added or changed; with an empty
/// secret it is removed. By `Command::SetKey` alone.
pub const MD5_KEY: u32 = of_tcp(32);
/// A key of TCP-AO for the peers of a prefix (TCP_AO_ADD_KEY). By `Command::SetKey` alone.
pub const AO_ADD_KEY: u32 = of_tcp(38);
/// The key of TCP-AO with these ids for a prefix is removed (TCP_AO_DEL_KEY). By `Command::SetKey` alone, with an empty secret.
pub const AO_DELETE_KEY: u32 = of_tcp(39);
/// Which keys of TCP-AO are used, what is wanted of it and what was counted (TCP_AO_INFO); see `ao`.
pub const AO_INFO: u32 = of_tcp(40);
/// Keys of TCP-AO, without secrets (TCP_AO_GET_KEYS); see `ao`.
pub const AO_GET_KEYS: u32 = of_tcp(41);

/// Something can be read or accepted (POLLIN).
pub const READABLE: u32 = 1;
/// An urgent byte was received (POLLPRI).
pub const URGENT: u32 = 2;
/// Something can be written, or a connection attempt has ended (POLLOUT).
pub const WRITABLE: u32 = 4;
