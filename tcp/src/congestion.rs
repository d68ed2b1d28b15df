//! Congestion control: how much of what the peer's window allows may be in flight.
//!
//! The connection detects losses and tells; the algorithm only keeps the windows, in bytes.

pub mod new_reno;

pub use new_reno::NewReno;

use std::fmt::Debug;
use std::time::Duration;

use crate::time::Instant;

/// What an acknowledgment of new data says.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledged {
    /// When it arrived.
    pub now: Instant,
    /// Bytes newly acknowledged.
    pub bytes: u32,
    /// Bytes in flight before it arrived.
    pub in_flight: u32,
    /// True when the congestion window, not the data or the peer's window, kept the sender from
    /// sending more. A window that was not used does not grow (RFC 7661; Linux does the same).
    pub window_limited: bool,
    /// Smoothed round-trip time, where there is one.
    pub round_trip: Option<Duration>,
}

/// An algorithm of congestion control.
pub trait CongestionControl: Debug {
    /// The name that operators see.
    fn name(&self) -> &'static str;

    /// cwnd: bytes that may be in flight.
    fn window(&self) -> u32;

    /// ssthresh in bytes; `u32::MAX` before the first loss.
    fn slow_start_threshold(&self) -> u32;

    /// The segment size changed, by negotiation or by path MTU discovery.
    fn set_segment_size(&mut self, bytes: u32);

    /// New data was acknowledged outside of recovery.
    fn on_ack(&mut self, acknowledged: &Acknowledged);

    /// A loss was detected by duplicate acknowledgments: fast retransmit, recovery begins.
    /// `in_flight` is FlightSize, the bytes sent and not acknowledged.
    fn on_enter_recovery(&mut self, now: Instant, in_flight: u32);

    /// One more duplicate acknowledgment in recovery: a segment has left the network.
    fn on_duplicate_ack(&mut self);

    /// An acknowledgment of `bytes` in recovery that leaves some of the data outstanding then.
    fn on_partial_ack(&mut self, bytes: u32);

    /// All data that was outstanding when recovery began is acknowledged; `in_flight` still is not.
    fn on_exit_recovery(&mut self, in_flight: u32);

    /// The retransmission timer expired. `is_first` is false when the same data timed out before.
    fn on_timeout(&mut self, now: Instant, in_flight: u32, is_first: bool);

    /// Nothing was sent for `idle`, longer than the retransmission timeout: RFC 5681, section 4.1.
    fn on_idle(&mut self, idle: Duration, timeout: Duration);
}
