//! The options of a connection by name: what each may be (setsockopt(2) and tcp(7) of Linux), and what it is.
//!
//! A new option is a field of [`SocketOptions`], a name here with its lines in `set` and `get`, and where more than
//! the field must follow, a line in `connection/chosen.rs`. ARCHITECTURE tells of the way from applications to here.

use thiserror::Error;

use super::SocketOptions;
use crate::congestion::Algorithm;
use crate::connection::receive_side::BUFFER_BYTES_FIRST;
use crate::ip_fields::PathMtuDiscovery;
use crate::limits::Limits;

/// An option of a connection or listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SocketOption {
    /// TCP_NODELAY.
    NoDelay,
    /// TCP_CORK.
    Cork,
    /// TCP_QUICKACK: not kept, but a push for now.
    QuickAck,
    /// SO_KEEPALIVE.
    Keepalive,
    /// TCP_KEEPIDLE in seconds.
    KeepaliveIdle,
    /// TCP_KEEPINTVL in seconds.
    KeepaliveInterval,
    /// TCP_KEEPCNT.
    KeepaliveCount,
    /// SO_OOBINLINE.
    UrgentInline,
    /// TCP_SYNCNT.
    SynCount,
    /// TCP_DEFER_ACCEPT in seconds.
    DeferAccept,
    /// TCP_LINGER2 in seconds.
    FinWait2,
    /// TCP_USER_TIMEOUT in milliseconds.
    UserTimeout,
    /// TCP_NOTSENT_LOWAT in bytes.
    UnsentLowWater,
    /// TCP_WINDOW_CLAMP in bytes.
    WindowClamp,
    /// TCP_CONGESTION: the number of an algorithm.
    Congestion,
    /// SO_MAX_PACING_RATE in bytes per second; below 0, as ~0 there, for none.
    PacingRateMax,
    /// SO_SNDBUF in bytes.
    SendBuffer,
    /// SO_RCVBUF in bytes.
    ReceiveBuffer,
    /// TCP_FASTOPEN of a listener.
    FastOpen,
    /// TCP_FASTOPEN_CONNECT.
    FastOpenConnect,
    /// TCP_FASTOPEN_NO_COOKIE.
    FastOpenNoCookie,
    /// Coremill's own: the connection counts what RFC 4898 wants.
    Statistics,
    /// IP_TOS: the DSCP, its ECN bits are TCP's own.
    Tos,
    /// IP_TTL.
    Ttl,
    /// IP_MINTTL.
    MinTtl,
    /// IP_MTU_DISCOVER.
    MtuDiscover,
}

/// Why an option was not set, or cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OptionError {
    /// The option cannot have this value (EINVAL).
    #[error("the option cannot have this value")]
    Invalid,
    /// No such algorithm of congestion control (ENOENT).
    #[error("no such congestion control: there are cubic, newreno (or reno), bbr and dctcp")]
    NoAlgorithm,
    /// The configuration does not allow this value (EPERM).
    #[error("this is not among what tcp.congestion_allowed has")]
    NotAllowed,
    /// The configuration has this feature off (EOPNOTSUPP).
    #[error("tcp.fast_open does not allow connections to be opened so")]
    Off,
    /// There is such a name, but not for what it was asked of (ENOPROTOOPT).
    #[error("no such option here")]
    Unknown,
    /// No room for one more combination of options (ENOBUFS).
    #[error(
        "too many different combinations of options at a time: let connections choose the same"
    )]
    NoRoom,
    /// The handle names nothing (EBADF).
    #[error("no such connection or listener")]
    NoSocket,
}

impl SocketOptions {
    /// Sets one option to what setsockopt would be given.
    ///
    /// # Errors
    /// [`OptionError::Invalid`] where Linux says EINVAL.
    pub fn set(
        &mut self,
        option: SocketOption,
        value: i64,
        limits: &Limits,
    ) -> Result<(), OptionError> {
        match option {
            SocketOption::NoDelay => self.no_delay = value != 0,
            SocketOption::Cork => self.cork = value != 0,
            SocketOption::QuickAck => {}
            SocketOption::Keepalive => self.keepalive = value != 0,
            SocketOption::UrgentInline => self.urgent_inline = value != 0,
            SocketOption::Statistics => self.statistics = value != 0,
            SocketOption::KeepaliveIdle => {
                self.keepalive_idle_seconds = within(value, 1, KEEPALIVE_SECONDS_MAX)?;
            }
            SocketOption::KeepaliveInterval => {
                self.keepalive_interval_seconds = within(value, 1, KEEPALIVE_SECONDS_MAX)?;
            }
            SocketOption::KeepaliveCount => {
                self.keepalive_count = within(value, 1, KEEPALIVE_COUNT_MAX)?;
            }
            SocketOption::SynCount => self.syn_retries = within(value, 1, SYN_COUNT_MAX)?,
            SocketOption::DeferAccept => {
                self.defer_accept_seconds = clamped(value, 0, i64::from(u16::MAX));
            }
            SocketOption::FinWait2 => {
                self.fin_wait_2_seconds = clamped(value, -1, FIN_WAIT_2_SECONDS_MAX);
            }
            SocketOption::UserTimeout => {
                self.user_timeout_millis = within(value, 0, i64::from(i32::MAX))?;
            }
            SocketOption::UnsentLowWater => {
                self.unsent_low_water = within(value, 0, i64::from(u32::MAX))?;
            }
            SocketOption::WindowClamp => {
                let least = if value == 0 { 0 } else { BUFFER_LEAST / 2 };
                self.window_clamp = clamped(value, least, i64::from(i32::MAX));
            }
            SocketOption::FastOpen
            | SocketOption::FastOpenConnect
            | SocketOption::FastOpenNoCookie => self.set_fast_open(option, value, limits)?,
            // Linux takes the lowest byte of whatever it is given.
            SocketOption::Tos => self.ip = self.ip.with_tos((value & 0xff) as u8),
            SocketOption::Ttl if value == -1 => self.ip.ttl = 0,
            SocketOption::Ttl => self.ip.ttl = within(value, 1, 255)?,
            SocketOption::MinTtl => self.ip.min_ttl = within(value, 0, 255)?,
            SocketOption::MtuDiscover => {
                let kind = u64::try_from(value)
                    .ok()
                    .and_then(PathMtuDiscovery::from_number);
                self.ip.path_mtu_discovery = kind.ok_or(OptionError::Invalid)?;
            }
            SocketOption::Congestion => {
                self.congestion = algorithm(value, limits)?;
            }
            SocketOption::PacingRateMax => self.pacing_rate_max = value.max(0).cast_unsigned(),
            SocketOption::SendBuffer => {
                let most = bytes(limits.send_buffer_bytes);
                self.send_buffer_bytes = clamped(value, BUFFER_LEAST.min(most), most);
            }
            SocketOption::ReceiveBuffer => {
                let most = bytes(limits.receive_buffer_bytes);
                self.receive_buffer_bytes = clamped(value, BUFFER_LEAST.min(most), most);
            }
        }
        Ok(())
    }

    fn set_fast_open(
        &mut self,
        option: SocketOption,
        value: i64,
        limits: &Limits,
    ) -> Result<(), OptionError> {
        if option == SocketOption::FastOpen {
            let length = within::<i32>(value, 0, i64::from(i32::MAX))?;
            self.fast_open_queue = u16::try_from(length).unwrap_or(u16::MAX);
            return Ok(());
        }
        let is_on = within::<u8>(value, 0, 1)? == 1;
        if option == SocketOption::FastOpenNoCookie {
            self.fast_open_no_cookie = is_on;
        } else if limits.opening.fast_open.allows_clients() {
            self.fast_open_connect = is_on;
        } else {
            return Err(OptionError::Off);
        }
        Ok(())
    }

    /// What getsockopt would give. TCP_QUICKACK, which is not kept, is 1 here.
    pub fn get(&self, option: SocketOption, limits: &Limits) -> i64 {
        let or = |own: u32, standard: i64| match own {
            0 => standard,
            own => i64::from(own),
        };
        let seconds = |time: std::time::Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        match option {
            SocketOption::NoDelay => i64::from(self.no_delay),
            SocketOption::Cork => i64::from(self.cork),
            SocketOption::QuickAck => 1,
            SocketOption::Keepalive => i64::from(self.keepalive),
            SocketOption::UrgentInline => i64::from(self.urgent_inline),
            SocketOption::Statistics => i64::from(self.statistics || limits.statistics),
            SocketOption::KeepaliveIdle => seconds(self.keepalive_idle(limits)),
            SocketOption::KeepaliveInterval => seconds(self.keepalive_interval(limits)),
            SocketOption::KeepaliveCount => i64::from(self.keepalive_count(limits)),
            SocketOption::SynCount => or(self.syn_retries.into(), limits.syn_retries.into()),
            SocketOption::DeferAccept => i64::from(self.defer_accept_seconds),
            SocketOption::FinWait2 => match self.fin_wait_2_seconds {
                0 => seconds(limits.fin_wait_2),
                own => i64::from(own),
            },
            SocketOption::FastOpen => i64::from(self.fast_open_queue),
            SocketOption::FastOpenConnect => i64::from(self.fast_open_connect),
            SocketOption::FastOpenNoCookie => i64::from(self.fast_open_no_cookie),
            SocketOption::Tos => i64::from(self.ip.tos()),
            SocketOption::Ttl => or(u32::from(self.ip.ttl), i64::from(limits.ttl)),
            SocketOption::MinTtl => i64::from(self.ip.min_ttl),
            SocketOption::MtuDiscover => self.ip.path_mtu_discovery.number().cast_signed(),
            SocketOption::UserTimeout => i64::from(self.user_timeout_millis),
            SocketOption::UnsentLowWater => {
                or(self.unsent_low_water, i64::from(limits.unsent_low_water))
            }
            SocketOption::WindowClamp => or(self.window_clamp, bytes(limits.receive_buffer_bytes)),
            SocketOption::Congestion => {
                let standard = limits.congestion.algorithm.number();
                or(u32::from(self.congestion), i64::from(standard))
            }
            SocketOption::PacingRateMax => match self.pacing_rate_max {
                0 => -1,
                rate => i64::try_from(rate).unwrap_or(i64::MAX),
            },
            // Of a connection: as it has grown by now.
            SocketOption::SendBuffer => or(
                self.send_buffer_bytes,
                bytes(limits.send_buffer_first_bytes.min(limits.send_buffer_bytes)),
            ),
            SocketOption::ReceiveBuffer => or(
                self.receive_buffer_bytes,
                bytes(limits.receive_buffer_bytes).min(i64::from(BUFFER_BYTES_FIRST)),
            ),
        }
    }
}

/// The number of an algorithm that users may choose.
fn algorithm(value: i64, limits: &Limits) -> Result<u8, OptionError> {
    let number = u8::try_from(value).map_err(|_| OptionError::NoAlgorithm)?;
    let algorithm = Algorithm::from_number(number).ok_or(OptionError::NoAlgorithm)?;
    if limits.congestion.allows(algorithm) {
        Ok(number)
    } else {
        Err(OptionError::NotAllowed)
    }
}

/// The value, if it lies between the bounds, both included.
fn within<T: TryFrom<i64>>(value: i64, least: i64, most: i64) -> Result<T, OptionError> {
    let is_within = (least..=most).contains(&value);
    let value = T::try_from(value).ok().filter(|_| is_within);
    value.ok_or(OptionError::Invalid)
}

/// The value, or the bound that it lies beyond.
fn clamped<T: TryFrom<i64> + Default>(value: i64, least: i64, most: i64) -> T {
    T::try_from(value.clamp(least, most)).unwrap_or_default()
}

fn bytes(limit: usize) -> i64 {
    i64::try_from(limit)
        .unwrap_or(i64::from(i32::MAX))
        .min(i64::from(i32::MAX))
}

/// Linux's bounds: MAX_TCP_SYNCNT, MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT, TCP_FIN_TIMEOUT_MAX, SOCK_MIN_RCVBUF.
const KEEPALIVE_SECONDS_MAX: i64 = 32_767;
const SYN_COUNT_MAX: i64 = 127;
const KEEPALIVE_COUNT_MAX: i64 = 127;
const FIN_WAIT_2_SECONDS_MAX: i64 = 120;
const BUFFER_LEAST: i64 = 2_304;

#[cfg(test)]
mod tests;
