//! What the client library shows of a stream, with Linux's names.

use std::time::Duration;

use coremill_client::{Readiness, TcpInfo, TcpState};

use crate::info::Info;
use crate::symbols::event;
use crate::verdict::Trouble;

/// A connection as assertions see it.
pub fn info(info: &TcpInfo) -> Info {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let segment = info.send_segment_bytes.max(1);
    let threshold = info.slow_start_threshold_bytes;
    Info::default()
        .with("tcpi_state", state_number(info.state))
        .with("tcpi_snd_mss", info.send_segment_bytes)
        .with("tcpi_rcv_mss", info.receive_segment_bytes)
        .with("tcpi_snd_cwnd", info.congestion_window_bytes / segment)
        .with("tcpi_rto", micros(info.retransmission_timeout))
        .with("tcpi_total_retrans", info.retransmissions)
        .with(
            "tcpi_snd_ssthresh",
            threshold.map_or(0x7fff_ffff, |bytes| bytes / segment),
        )
        .with("tcpi_rtt", info.round_trip.map_or(0, micros))
        .with("tcpi_rttvar", micros(info.round_trip_variation))
        .with("tcpi_ca_state", info.recovery)
        .with("tcpi_pacing_rate", info.pacing_rate.unwrap_or(u64::MAX))
}

/// As `enum` in Linux's `tcp_states.h`.
fn state_number(state: TcpState) -> u8 {
    match state {
        TcpState::Established => 1,
        TcpState::SynSent => 2,
        TcpState::SynReceived => 3,
        TcpState::FinWait1 => 4,
        TcpState::FinWait2 => 5,
        TcpState::TimeWait => 6,
        TcpState::Closed => 7,
        TcpState::CloseWait => 8,
        TcpState::LastAck => 9,
        TcpState::Listen => 10,
        TcpState::Closing => 11,
    }
}

/// The events of a descriptor among all that are ready.
pub fn events(ready: &[(usize, Readiness)], descriptor: i64) -> Result<u32, Trouble> {
    let token = usize::try_from(descriptor).unwrap_or(usize::MAX);
    let found = ready.iter().find(|(known, _)| *known == token);
    let readiness = found.map(|(_, readiness)| *readiness).unwrap_or_default();
    let events = [
        (readiness.readable, "POLLIN"),
        (readiness.urgent, "POLLPRI"),
        (readiness.writable, "POLLOUT"),
        (readiness.read_closed, "POLLRDHUP"),
        (readiness.error, "POLLERR"),
        (readiness.over, "POLLHUP"),
    ];
    let set = events.iter().filter(|(is_set, _)| *is_set);
    Ok(set.filter_map(|(_, name)| event(name)).sum())
}
