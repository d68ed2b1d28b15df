//! What a connection has come to, for whoever asks.

use std::time::Duration;

use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::info::{Info, PAGE_WORDS};
use coremill_ring::listing;
use coremill_ring::option::{CONGESTION_INFO, MEMORY_INFO};
use coremill_ring::untrusted::Violation;
use coremill_tcp::snapshot::ConnectionRow;
use coremill_tcp::state::State;
use coremill_tcp::statistics::{OBJECTS, Objects};
use coremill_tcp::tcp_info::TcpInfo;
use rustix::io::Errno;

use super::domain::Domain;
use super::errno;
use super::turn::Turn;

impl Domain {
    /// Answers in pages, or with an error.
    pub(super) fn tell_info(
        &mut self,
        handle: Handle,
        (ticket, context): (u64, u32),
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        let info = match self.info(handle, turn) {
            Ok(info) => info,
            Err(error) => return self.answer(context, ticket, Err(errno::number(error))),
        };
        self.tell_pages((ticket, context), info.pages())
    }

    /// The same for an option that is several numbers.
    pub(super) fn tell_listing(
        &mut self,
        handle: Handle,
        (ticket, context): (u64, u32),
        (option, pages): (u32, usize),
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        let numbers = match self.numbers(handle, option, turn) {
            Ok(numbers) => numbers,
            Err(error) => return self.answer(context, ticket, Err(errno::number(error))),
        };
        let words = numbers.chunks(PAGE_WORDS).map(|words| {
            let mut page = [0; PAGE_WORDS];
            for (place, word) in page.iter_mut().zip(words) {
                *place = *word;
            }
            page
        });
        self.tell_pages((ticket, context), words.take(pages))
    }

    fn tell_pages(
        &mut self,
        (ticket, context): (u64, u32),
        pages: impl IntoIterator<Item = [u64; PAGE_WORDS]>,
    ) -> Result<(), Violation> {
        for (page, words) in (0..).zip(pages) {
            self.tell(
                context,
                Event::Info {
                    ticket,
                    page,
                    words,
                },
            )?;
        }
        Ok(())
    }

    /// The words of an option that is several numbers.
    fn numbers(
        &mut self,
        handle: Handle,
        option: u32,
        turn: &mut Turn<'_>,
    ) -> Result<Objects, Errno> {
        let place = self.sockets.find(handle).ok_or(Errno::BADF)?;
        let socket = place.slot.socket.as_mut().ok_or(Errno::BADF)?;
        let stream = socket.stream().ok_or(Errno::NOTCONN)?;
        let (shard, id) = (&turn.shard, stream.connection);
        let mut words = [0; OBJECTS.len()];
        let page = match option {
            MEMORY_INFO => {
                let unread = u32::try_from(stream.unread(&self.chunks)).unwrap_or(u32::MAX);
                let mut info = shard.memory_info(id).ok_or(Errno::NOTCONN)?;
                // What waits in the application's chunks is its own memory, but waits all the same.
                info.receive_held = info.receive_held.saturating_add(unread);
                listing::page_of(&info.to_array())
            }
            CONGESTION_INFO => {
                let info = shard.congestion_info(id).ok_or(Errno::NOTCONN)?;
                let row = shard.row(turn.now, id).and_then(|row| row.algorithm);
                let number = row.map_or(0, |algorithm| u32::from(algorithm.number()));
                let [a, b, c, d, e] = info.to_words();
                listing::page_of(&[number, a, b, c, d, e])
            }
            _ => {
                let objects = shard.statistics(turn.now, id);
                return objects.ok_or(Errno::NODATA);
            }
        };
        for (place, word) in words.iter_mut().zip(page) {
            *place = word;
        }
        Ok(words)
    }

    fn info(&mut self, handle: Handle, turn: &mut Turn<'_>) -> Result<Info, Errno> {
        let place = self.sockets.find(handle).ok_or(Errno::BADF)?;
        let state = place.state;
        let socket = place.slot.socket.as_mut().ok_or(Errno::BADF)?;
        let stream = socket.stream().ok_or(Errno::NOTCONN)?;
        let unread = u32::try_from(stream.unread(&self.chunks)).unwrap_or(u32::MAX);
        let queued = turn.shard.send_queue_bytes(stream.connection) as u64;
        let known = Info {
            state: CLOSED,
            receive_queue_bytes: unread,
            received_bytes: state.received(),
            sent_bytes: stream.offered_bytes,
            acknowledged_bytes: state.taken().saturating_sub(queued),
            slow_start_threshold_bytes: u32::MAX,
            ..Info::default()
        };
        // A connection that failed has no record any more.
        let row = turn.shard.row(turn.now, stream.connection);
        let told = turn.shard.tcp_info(turn.now, stream.connection);
        let known = told.map_or(known, |told| with_told(known, &told));
        Ok(row.map_or(known, |row| with_row(known, &row)))
    }
}

fn with_told(known: Info, told: &TcpInfo) -> Info {
    let ecn = &told.ecn;
    let counted = |segments, [one, zero, marked]: [u32; 3]| [segments, one, zero, marked];
    Info {
        recovery: u32::from(told.ca_state),
        timeouts: u32::from(told.retransmits),
        probes: u32::from(told.probes),
        options: u32::from(told.options),
        acknowledgement_delay_us: told.ato,
        reordering_segments: told.reordering,
        unacknowledged_segments: told.unacked,
        sacked_segments: told.sacked,
        lost_segments: told.lost,
        resent_segments: told.retrans,
        since_sent_ms: told.last_data_sent,
        since_received_ms: told.last_data_recv,
        since_heard_ms: told.last_ack_recv,
        path_mtu_bytes: told.pmtu,
        round_trip_least_us: told.min_rtt,
        unsent_bytes: told.notsent_bytes,
        receive_buffer_bytes: told.rcv_space,
        seen_segment_bytes: told.rcv_mss,
        pacing_rate: told.pacing_rate,
        backoff: told.backoff,
        send_window_shift: told.scales & 15,
        receive_window_shift: told.scales >> 4,
        fast_open_failure: told.fast_open_failure,
        ecn_mode: ecn.mode,
        ecn_option_seen: ecn.option_seen,
        ecn_failures: ecn.failures,
        ecn_delivered: counted(ecn.delivered_ce, ecn.delivered_bytes),
        ecn_received: counted(ecn.received_ce, ecn.received_bytes),
        ..known
    }
}

fn with_row(known: Info, row: &ConnectionRow) -> Info {
    Info {
        state: state_number(row.state),
        retransmissions: row.retransmissions,
        round_trip_us: row.round_trip.map_or(0, micros),
        round_trip_variation_us: micros(row.round_trip_variation),
        retransmission_timeout_us: micros(row.retransmission_timeout),
        congestion_window_bytes: row.congestion_window_bytes,
        slow_start_threshold_bytes: row.slow_start_threshold_bytes,
        send_window_bytes: row.send_window_bytes,
        receive_window_bytes: row.receive_window_bytes,
        send_segment_bytes: u32::from(row.maximum_segment_bytes),
        receive_segment_bytes: u32::from(row.receive_segment_bytes),
        send_queue_bytes: row.send_queue_bytes,
        receive_queue_bytes: known
            .receive_queue_bytes
            .saturating_add(row.receive_queue_bytes),
        ..known
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// Linux's numbers of the states (tcp_states.h).
fn state_number(state: State) -> u32 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => CLOSED,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}

const CLOSED: u32 = 7;
