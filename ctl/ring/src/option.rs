//! Numbers of the options that `Command::SetOption` sets, and of the conditions that `Command::Subscribe` names.

/// Small segments are sent at once (TCP_NODELAY): 0 or 1.
pub const NO_DELAY: u32 = 1;
/// The peer of an idle connection is probed (SO_KEEPALIVE): 0 or 1.
pub const KEEPALIVE: u32 = 2;
/// What closing does about unsent bytes (SO_LINGER): 0 for off, otherwise seconds plus one.
pub const LINGER: u32 = 3;

/// Something can be read or accepted (POLLIN).
pub const READABLE: u32 = 1;
/// Something can be written, or a connection attempt has ended (POLLOUT).
pub const WRITABLE: u32 = 4;
