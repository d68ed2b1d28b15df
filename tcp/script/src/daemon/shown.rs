//! What the client library shows of a stream, with Linux's names.

use std::time::Duration;

use coremill_client::{CongestionInfo, Readiness, TcpInfo, TcpState, TcpStream};

use crate::info::Info;
use crate::symbols::event;
use crate::verdict::Trouble;
use crate::wanted::Wanted;

/// A connection as assertions see it.
pub fn info(info: &TcpInfo) -> Info {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let segment = info.send_segment_bytes.max(1);
    let threshold = info.slow_start_threshold_bytes;
    let threshold = threshold.map_or(0x7fff_ffff, |bytes| bytes / segment);
    let shown = Info::default()
        .with("tcpi_state", state_number(info.state))
        .with("tcpi_ca_state", info.recovery)
        .with("tcpi_retransmits", info.timeouts)
        .with("tcpi_probes", info.probes)
        .with("tcpi_backoff", info.backoff)
        .with("tcpi_options", options(info))
        .with("tcpi_snd_wscale", info.send_window_shift)
        .with("tcpi_rcv_wscale", info.receive_window_shift)
        .with("tcpi_fastopen_client_fail", info.fast_open_failure)
        .with("tcpi_rto", micros(info.retransmission_timeout))
        .with("tcpi_ato", micros(info.acknowledgement_delay))
        .with("tcpi_snd_mss", info.send_segment_bytes)
        .with("tcpi_rcv_mss", info.seen_segment_bytes)
        .with("tcpi_advmss", info.receive_segment_bytes)
        .with("tcpi_pmtu", info.path_mtu_bytes)
        .with("tcpi_unacked", info.unacknowledged_segments)
        .with("tcpi_sacked", info.sacked_segments)
        .with("tcpi_lost", info.lost_segments)
        .with("tcpi_retrans", info.resent_segments)
        .with("tcpi_total_retrans", info.retransmissions)
        .with("tcpi_reordering", info.reordering_segments)
        .with("tcpi_snd_cwnd", info.congestion_window_bytes / segment)
        .with("tcpi_snd_ssthresh", threshold)
        .with("tcpi_rtt", info.round_trip.map_or(0, micros))
        .with("tcpi_rttvar", micros(info.round_trip_variation))
        .with(
            "tcpi_min_rtt",
            info.round_trip_least.map_or(u32::MAX.into(), micros),
        )
        .with("tcpi_pacing_rate", info.pacing_rate.unwrap_or(u64::MAX))
        .with("tcpi_notsent_bytes", info.unsent_bytes)
        .with("tcpi_snd_wnd", info.send_window_bytes)
        .with("tcpi_rcv_wnd", info.receive_window_bytes)
        .with("tcpi_rcv_space", info.receive_buffer_bytes);
    with_marks(shown, info)
}

/// What is wanted besides, as far as the daemon tells it.
pub fn besides(stream: &TcpStream, wanted: Wanted, mut info: Info) -> Info {
    // A stream that does not block would be told only later.
    let _ = stream.set_nonblocking(false);
    if let Some(memory) = wanted.memory.then(|| stream.memory_info().ok()).flatten() {
        info = info.with_memory(&memory.to_array());
    }
    let own = wanted.congestion.then(|| stream.congestion_info().ok());
    info = match own.flatten() {
        Some(CongestionInfo::Bbr {
            bandwidth,
            round_trip_least_us,
            pacing_gain,
            window_gain,
        }) => info
            .with("bbr_bw_lo", bandwidth & u64::from(u32::MAX))
            .with("bbr_bw_hi", bandwidth >> 32)
            .with("bbr_min_rtt", round_trip_least_us)
            .with("bbr_pacing_gain", pacing_gain)
            .with("bbr_cwnd_gain", window_gain),
        Some(CongestionInfo::Dctcp {
            alpha,
            marked_bytes,
            delivered_bytes,
        }) => info.with_congestion("dctcp", &[1, alpha, marked_bytes, delivered_bytes]),
        _ => info,
    };
    let is_counted = wanted.statistics || wanted.counted;
    if let Some(counted) = is_counted.then(|| stream.statistics().ok()).flatten() {
        info = info.with_counted(|name| counted.value(name));
        let objects = counted.iter();
        info = objects.fold(info, |info, (name, value)| info.with(name, value));
    }
    let _ = stream.set_nonblocking(true);
    info
}

fn with_marks(shown: Info, info: &TcpInfo) -> Info {
    let (delivered, received) = (info.ecn.delivered, info.ecn.received);
    shown
        .with("tcpi_delivered_ce", delivered.marked_segments)
        .with("tcpi_delivered_e1_bytes", delivered.ect1_bytes)
        .with("tcpi_delivered_e0_bytes", delivered.ect0_bytes)
        .with("tcpi_delivered_ce_bytes", delivered.marked_bytes)
        .with("tcpi_received_ce", received.marked_segments)
        .with("tcpi_received_e1_bytes", received.ect1_bytes)
        .with("tcpi_received_e0_bytes", received.ect0_bytes)
        .with("tcpi_received_ce_bytes", received.marked_bytes)
}

/// As TCPI_OPT_ in Linux's `tcp.h`.
fn options(info: &TcpInfo) -> u32 {
    let options = [
        (info.has_timestamps, 1),
        (info.has_sack, 2),
        (info.has_window_scale, 4),
        (info.ecn.is_agreed, 8),
        (info.ecn.is_seen, 16),
        (info.has_syn_data, 32),
    ];
    let agreed = options.into_iter().filter(|(is_set, _)| *is_set);
    agreed.map(|(_, bit)| bit).sum()
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
