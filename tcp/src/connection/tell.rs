//! A connection as TCP_INFO tells of it.

use std::time::Duration;

use super::stamps::millis;
use super::{Connection, Context};
use crate::connection::Facts;
use crate::extension::Extension;
use crate::fast_open::Marks;
use crate::header::HEADER_BYTES;
use crate::memory::Memory;
use crate::memory_info::MemoryInfo;
use crate::send_records::SendRecordPool;
use crate::tcp_info::{TcpInfo, recovery_number, state_number};
use crate::time::Instant;

impl<Q: Default> Connection<Q> {
    /// What is known of `struct tcp_info`.
    /// RFC 9293, SHLD-9: who wants to know of trouble before the end finds it in `retransmits` and `backoff`.
    pub(crate) fn tcp_info<M>(&self, context: &Context<M>, now: Instant) -> TcpInfo {
        let segment = u32::from(self.full_payload()).max(1);
        let (send, receive) = (&self.send, &self.receive);
        // A threshold that was never set is Linux's TCP_INFINITE_SSTHRESH.
        let threshold = match self.congestion.slow_start_threshold() {
            u32::MAX => 0x7fff_ffff,
            bytes => bytes / segment,
        };
        // What a closed window is asked with is a probe, as keepalive's are.
        let persists = send.window == 0 && send.outstanding() == 0;
        let (retransmits, probes) = if persists {
            (0, send.attempts)
        } else {
            (send.attempts, send.keepalive_probes)
        };
        let heard = micros(receive.delayed.timeout());
        let options = context.option_sets.get(&self.user.options);
        TcpInfo {
            state: state_number(self.state),
            retransmits,
            probes,
            backoff: u8::try_from(self.round_trip.backoff()).unwrap_or(u8::MAX),
            options: self.agreed_options() | self.receive.ecn.info_options(),
            fast_open_failure: self.user.fast_open.failure(),
            scales: (receive.scale & 15) << 4 | (send.scale & 15),
            rto: micros(self.timeout(context)),
            ato: heard,
            snd_mss: segment,
            rcv_mss: u32::from(receive.full_bytes),
            last_data_sent: millis_of(send.last_sent.elapsed(now)),
            last_data_recv: match heard {
                0 => millis_of(self.last_received.elapsed(now)),
                _ => millis(now).wrapping_sub(receive.delayed.data_millis()),
            },
            last_ack_recv: millis_of(self.last_received.elapsed(now)),
            pmtu: self.path_mtu_bytes(context),
            rcv_ssthresh: receive.buffer,
            rtt: self.round_trip.smoothed().map_or(0, micros),
            rttvar: micros(self.round_trip.variation()),
            snd_ssthresh: threshold,
            snd_cwnd: self.congestion.window() / segment,
            advmss: u32::from(receive.mss),
            rcv_space: receive.buffer,
            total_retrans: send.retransmissions,
            pacing_rate: self
                .congestion
                .pacing_rate(&context.congestion, self.round_trip.smoothed())
                .unwrap_or(u64::MAX),
            max_pacing_rate: match options.pacing_rate_max {
                0 => u64::MAX,
                rate => rate,
            },
            notsent_bytes: send.unsent(),
            min_rtt: self.round_trip.smallest().map_or(u32::MAX, micros),
            snd_wnd: send.window,
            rcv_wnd: receive.window(),
            ecn: self.ecn_info(&context.extensions),
            counted: self.counted_info(context, now),
            ..self.outstanding_info(&context.records)
        }
    }

    /// What SO_MEMINFO tells.
    pub(crate) fn memory_info<M: Memory<Queue = Q>>(&self, context: &Context<M>) -> MemoryInfo {
        let held = |queue| bytes(context.memory.held_bytes(queue));
        let (received, queued) = (held(&self.receive.queue), held(&self.send.queue));
        let beyond = bytes(context.ranges.bytes(&self.receive.ranges) as usize);
        let used = self.receive.readable + beyond + self.send.queued;
        let options = context.option_sets.get(&self.user.options);
        let available = context.memory.available_bytes();
        let buffer = self.send_buffer(options.send_buffer_bytes, &context.limits, available);
        MemoryInfo {
            receive_held: received,
            receive_buffer: self.receive.buffer,
            send_buffer: bytes(buffer),
            forward: (received + queued).saturating_sub(used),
            send_queued: queued,
            option_memory: bytes(size_of::<Extension>()) * u32::from(self.extension.is_held()),
            ..MemoryInfo::default()
        }
    }

    /// What was sent and is not acknowledged.
    fn outstanding_info(&self, records: &SendRecordPool) -> TcpInfo {
        let outstanding = self.outstanding(records);
        TcpInfo {
            ca_state: recovery_number(outstanding.phase),
            unacked: outstanding.segments,
            sacked: outstanding.sacked.segments,
            lost: outstanding.lost.segments,
            retrans: outstanding.retransmitted.segments,
            reordering: u32::from(outstanding.reordering_segments),
            ..TcpInfo::default()
        }
    }

    fn agreed_options(&self) -> u8 {
        let scaled = if self.receive.facts.has(Facts::SCALED) {
            OPTION_SCALE
        } else {
            0
        };
        let stamped = if self.stamps.is_on { OPTION_STAMPS } else { 0 };
        let sack = if self.receive.facts.has(Facts::SACK) {
            OPTION_SACK
        } else {
            0
        };
        let early = if self.user.fast_open.any(Marks::SYN_DATA) {
            OPTION_SYN_DATA
        } else {
            0
        };
        stamped | sack | scaled | early
    }

    /// What the path carries: the link's, unless it was found to be narrower.
    fn path_mtu_bytes<M>(&self, context: &Context<M>) -> u32 {
        let extension = context.extensions.get(&self.extension);
        let is_narrow = extension.is_some_and(|extension| extension.path.is_some());
        let mss = if is_narrow {
            self.send.mss
        } else {
            self.receive.mss.max(self.send.mss)
        };
        u32::from(mss) + (HEADER_BYTES + self.ip_header_bytes()) as u32
    }

    fn ip_header_bytes(&self) -> usize {
        if self.flow.remote.address.is_ipv4() {
            20
        } else {
            40
        }
    }
}

fn bytes(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

fn millis_of(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE, TCPI_OPT_SYN_DATA.
const OPTION_STAMPS: u8 = 1;
const OPTION_SACK: u8 = 2;
const OPTION_SCALE: u8 = 4;
const OPTION_SYN_DATA: u8 = 32;
