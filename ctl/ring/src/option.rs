//! Numbers of the options that `Command::SetOption` sets, and of the conditions that `Command::Subscribe` names.

/// Small segments are sent at once (TCP_NODELAY): 0 or 1.
pub const NO_DELAY: u32 = 1;
/// The peer of an idle connection is probed (SO_KEEPALIVE): 0 or 1.
pub const KEEPALIVE: u32 = 2;
/// What closing does about unsent bytes (SO_LINGER): 0 for off, otherwise seconds plus one. Waiting for
/// them is the application's part.
pub const LINGER: u32 = 3;
/// Silence before the first probe (TCP_KEEPIDLE), in seconds: 1 to 32,767.
pub const KEEPALIVE_IDLE: u32 = 4;
/// Time between probes (TCP_KEEPINTVL), in seconds: 1 to 32,767.
pub const KEEPALIVE_INTERVAL: u32 = 5;
/// Unanswered probes before the connection fails (TCP_KEEPCNT): 1 to 127.
pub const KEEPALIVE_COUNT: u32 = 6;
/// How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT), in milliseconds; 0 for as long as retransmissions go.
pub const USER_TIMEOUT: u32 = 7;
/// Bytes that wait to be acknowledged (SO_SNDBUF). No worker can do it yet.
pub const SEND_BUFFER: u32 = 8;
/// Bytes that wait to be read (SO_RCVBUF). No worker can do it yet.
pub const RECEIVE_BUFFER: u32 = 9;

/// Something can be read or accepted (POLLIN).
pub const READABLE: u32 = 1;
/// Something can be written, or a connection attempt has ended (POLLOUT).
pub const WRITABLE: u32 = 4;
