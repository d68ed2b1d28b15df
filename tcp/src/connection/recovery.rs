//! Loss recovery: what an acknowledgement says when something is suspicious, and where recovery goes from there.
//!
//! The states and their ways are Linux's: Open, Disorder, Reducing (CWR), Recovery, Loss. An acknowledgement is taken
//! apart into [`Findings`] (`sacked`, `released`), losses are looked for (`rack`, `thresholds`), then the state
//! moves, forward or back (`undo`). RFC 5681, RFC 6675, RFC 6582 and RFC 8985 are the map.

mod duplicates;
mod marked;
mod rack;
mod reduction;
mod released;
mod report;
mod resend;
mod sacked;
mod tail_probe;
mod thresholds;
mod timeout;
mod timer;
mod undo;

pub(crate) use thresholds::Reordering;
pub(crate) use timer::Timer;

use super::{Connection, Context};
use crate::congestion::rate_sample::Newest;
use crate::congestion::{Acknowledged, Phase};
use crate::connection::{Due, Facts};
use crate::header::Header;
use crate::header_options::{Options, Timestamps};
use crate::limits::LossDetection;
use crate::memory::Memory;
use crate::scoreboard::{Probe, Scoreboard};
use crate::send_records::micros;
use crate::sequence::SequenceNumber;
use crate::table::NONE;

/// What one acknowledgement told.
#[derive(Debug, Default)]
struct Findings {
    /// SND.UNA before it.
    before: SequenceNumber,
    /// It moved SND.UNA.
    advances: bool,
    /// It is a duplicate by RFC 5681.
    is_duplicate: bool,
    /// Bytes that it is the first to tell of.
    delivered: u32,
    /// Segments that it is the first to tell of.
    segments: u32,
    /// Of the bytes, those that came marked, by AccECN.
    marked: u32,
    /// Bytes counted as lost before it.
    lost_before: u32,
    in_flight_before: u32,
    /// Something was sacked that had not been.
    sacks: bool,
    /// A D-SACK: something arrived twice.
    tells_duplicate: bool,
    /// What arrived twice is the tail loss probe.
    tells_probe_duplicate: bool,
    /// It acknowledges, cumulatively or not, what was sent once and before the present state began.
    acknowledges_original: bool,
    acknowledges_retransmitted: bool,
    /// What was sacked is next, but not acknowledged: the peer has let go of it.
    reneges: bool,
    /// The lowest number never sent again that arrived after later ones.
    reordered: Option<SequenceNumber>,
    highest_before: Option<SequenceNumber>,
    /// When segments were sent that arrived first time: the oldest and the last acknowledged, the first sacked.
    first_sent_at: Option<u32>,
    last_sent_at: Option<u32>,
    sacked_sent_at: Option<u32>,
    timestamps: Option<Timestamps>,
    newest: Newest,
    /// The retransmission timer starts again.
    restarts_timer: bool,
}

impl<Q: Default> Connection<Q> {
    /// An acknowledgement that is suspicious, or comes while something is.
    #[cold]
    pub(super) fn examine<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        header: &Header,
        is_duplicate: bool,
        options: &Options,
    ) {
        let acknowledgment = header.acknowledgment;
        let mut board = self.board(context);
        let mut found = Findings {
            before: self.send.unacknowledged,
            advances: acknowledgment > self.send.unacknowledged,
            is_duplicate,
            lost_before: board.lost_ever,
            in_flight_before: self.send.in_flight(),
            highest_before: board.highest(),
            timestamps: options.timestamps.filter(|_| self.stamps.is_on),
            ..Findings::default()
        };
        self.due.unset(Due::NEW_FIRST);
        let is_fin_acknowledged = found.advances && self.take_acknowledged(context, acknowledgment);
        if self.uses_sack(&context.limits) && !options.sack.is_empty() {
            self.take_sack(
                context,
                &mut board,
                &mut found,
                acknowledgment,
                options.sack.as_slice(),
            );
        }
        self.release_records(context, &mut board, &mut found);
        self.measure_found(context, &mut found);
        self.adapt_reordering_window(&mut board, &found);
        if self.receive.ecn.is_accurate() && acknowledgment >= found.before {
            self.hear_marks_found(context, &mut board, &mut found, header, options);
        }
        if board.probe != Probe::None {
            self.judge_probe(context, &mut board, &found);
        }
        if found.is_duplicate
            || found.sacks
            || found.tells_duplicate
            || self.send.phase != Phase::Open
        {
            self.judge(context, &mut board, &mut found);
        }
        self.send.left = board.left();
        if found.restarts_timer {
            self.restart_timer(context);
        }
        self.move_window(context, &mut board, &mut found);
        self.keep(context, &board);
        self.offer_room(context);
        if is_fin_acknowledged {
            self.fin_acknowledged(context);
        }
    }

    /// The scoreboard, or an empty one.
    fn board<M>(&self, context: &Context<M>) -> Scoreboard {
        let kept = context.scoreboards.get(&self.send.scoreboard);
        kept.copied().unwrap_or_else(Scoreboard::new)
    }

    /// Keeps the scoreboard while it says anything.
    fn keep<M>(&mut self, context: &mut Context<M>, board: &Scoreboard) {
        self.send.left = board.left();
        if board.lost == 0 {
            // The hint must not outlive its record.
            self.send.resend = NONE;
        }
        // A D-SACK that shows the last recovery to have been needless comes within a round trip.
        let may_undo = board.undo.is_possible && self.send.unacknowledged <= board.high;
        let is_over = self.send.phase == Phase::Open
            && board.sacked == 0
            && board.lost == 0
            && board.retransmitted == 0
            && board.probe == Probe::None
            && !board.rack.is_widened
            && !may_undo;
        if is_over {
            context.scoreboards.release(&mut self.send.scoreboard);
        } else {
            context.scoreboards.put(&mut self.send.scoreboard, board);
        }
    }

    /// True when what the peer says by SACK is believed.
    /// RFC 8985, section 4.
    pub(crate) fn uses_sack(&self, limits: &crate::limits::Limits) -> bool {
        self.receive.facts.has(Facts::SACK) && limits.loss_detection != LossDetection::NewReno
    }

    /// RFC 6298, section 3 (Karn) and RFC 7323, section 4.1: segments sent once are measured; where there are none,
    /// the echoed timestamp tells which copy arrived.
    fn measure_found<M>(&mut self, context: &mut Context<M>, found: &mut Findings) {
        let now = micros(context.now);
        let by_record = if found.acknowledges_retransmitted {
            found.sacked_sent_at
        } else {
            found.first_sent_at.or(found.sacked_sent_at)
        };
        let sample = match by_record {
            Some(sent_at) => Some(u64::from(now.wrapping_sub(sent_at))),
            None if found.advances => found
                .timestamps
                .and_then(|stamp| self.stamps.round_trip(stamp, context.now))
                .and_then(|sample| u64::try_from(sample.as_micros()).ok()),
            None => None,
        };
        if let Some(sample) = sample {
            self.measure(context, sample);
            context.counters.round_trip_micros.record(sample);
        }
        // What was sent before the oldest was last (re)sent must not put off its timeout for ever.
        found.restarts_timer = found.advances
            || found.sacked_sent_at.is_some_and(|sent_at| {
                let oldest = context.records.first(&self.send.records);
                oldest.is_some_and(|(_, oldest)| {
                    now.wrapping_sub(sent_at) > now.wrapping_sub(oldest.sent_at)
                })
            });
    }

    /// Where recovery goes from here.
    /// RFC 6675, section 4.
    fn judge<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
    ) {
        if found.reneges && found.advances {
            self.await_reneging(context);
            found.restarts_timer = false;
            return;
        }
        let is_complete = self.send.unacknowledged >= board.high;
        match self.send.phase {
            Phase::Reducing if is_complete && self.send.unacknowledged != board.high => {
                self.end_reduction(board);
                self.send.phase = Phase::Open;
            }
            Phase::Recovery if is_complete => {
                if !self.uses_sack(&context.limits) {
                    forget_duplicates(board);
                }
                if self.try_undo_recovery(context, board, found) {
                    return;
                }
                self.end_reduction(board);
            }
            _ => {}
        }
        match self.send.phase {
            Phase::Recovery => self.judge_in_recovery(context, board, found),
            Phase::Loss => {
                self.judge_in_loss(context, board, found);
                if self.send.phase != Phase::Loss {
                    self.look_for_losses(context, board, found);
                    self.recover_or_open(context, board, found);
                }
            }
            Phase::Open | Phase::Disorder | Phase::Reducing => {
                if !self.uses_sack(&context.limits) {
                    if found.advances {
                        forget_duplicates(board);
                    }
                    self.count_duplicate(context, board, found);
                }
                if self.send.phase != Phase::Reducing {
                    self.try_undo_by_duplicates(context, board);
                }
                self.look_for_losses(context, board, found);
                self.recover_or_open(context, board, found);
            }
        }
    }

    fn recover_or_open<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &Findings,
    ) {
        if board.lost == 0 {
            self.try_open(context, board);
        } else {
            self.enter_recovery(context, board, found.delivered);
        }
    }

    // RFC 6675, section 5.
    fn judge_in_recovery<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
    ) {
        if found.advances {
            if self.try_undo_partially(context, board, found) {
                return;
            }
        } else if !self.uses_sack(&context.limits) {
            self.count_duplicate(context, board, found);
        }
        if self.try_undo_by_duplicates(context, board) {
            self.keep_open(board);
        }
        self.look_for_losses(context, board, found);
        self.rescue(context, board);
        if self.send.phase != Phase::Recovery && board.lost > 0 {
            self.enter_recovery(context, board, found.delivered);
        }
    }

    /// Nothing is lost.
    fn try_open<M>(&mut self, context: &Context<M>, board: &mut Scoreboard) {
        if !self.has_retransmitted(context, board) {
            board.undo.has_stamp = false;
        }
        if self.send.phase != Phase::Reducing {
            self.keep_open(board);
        }
    }

    /// The windows are what they were; Disorder as long as something is missing.
    fn keep_open(&mut self, board: &mut Scoreboard) {
        let is_disordered = board.sacked > 0 || board.lost > 0;
        let phase = if is_disordered {
            Phase::Disorder
        } else {
            Phase::Open
        };
        if phase != self.send.phase {
            self.send.phase = phase;
            board.high = self.send.next;
        }
    }

    /// True when a retransmission is outstanding, or the oldest segment was sent again.
    fn has_retransmitted<M>(&self, context: &Context<M>, board: &Scoreboard) -> bool {
        use crate::send_records::Marks;
        board.retransmitted > 0
            || context
                .records
                .first(&self.send.records)
                .is_some_and(|(_, first)| first.marks.any(Marks::EVER_RETRANSMITTED))
    }

    /// The windows follow: by proportional rate reduction while they are reduced, else by the algorithm.
    fn move_window<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
    ) {
        let lost = board.lost_ever.wrapping_sub(found.lost_before);
        if self.send.phase.is_reduction() {
            let is_safe = lost == 0 && found.advances;
            // RFC 6582, section 3.2, step 3: the next hole goes at once.
            let forces = lost > 0 && found.advances && !self.uses_sack(&context.limits);
            self.reduce_in_proportion(board, found.delivered, is_safe, forces);
        }
        if found.delivered == 0 {
            return;
        }
        let reorders = self.send.reordering.degree > context.limits.reordering;
        let in_flight = found.in_flight_before;
        let rate = self.rate_sample(context, &found.newest, in_flight);
        self.count_delivery(context, found.segments, rate.as_ref());
        let now = micros(context.now);
        let acknowledged = Acknowledged {
            now: context.now,
            delivered: found.delivered,
            marked: found.marked + self.marked(context, found.delivered),
            in_flight,
            may_grow: found.advances || (reorders && found.sacks),
            phase: self.send.phase,
            unacknowledged: self.send.unacknowledged,
            next: self.send.next,
            timeout: self.timeout(context),
            sample_micros: found
                .last_sent_at
                .or(found.sacked_sent_at)
                .map(|sent_at| now.wrapping_sub(sent_at)),
            rate: rate.map(|rate| crate::congestion::RateSample { lost, ..rate }),
        };
        self.congestion
            .on_ack(&mut context.congestion, &acknowledged);
    }
}

/// RFC 6582: duplicates told of segments that are acknowledged now.
fn forget_duplicates(board: &mut Scoreboard) {
    board.sacked_segments = 0;
    board.sacked = 0;
}
