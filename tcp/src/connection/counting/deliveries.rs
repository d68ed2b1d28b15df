//! Counting what arrives: how many segments of ours and how fast, and how long those of the peer take.

use super::{Context, statistics};
use crate::congestion::RateSample;
use crate::connection::Connection;
use crate::header::Segment;
use crate::header_options::Options;
use crate::send_records::SendRecordPool;
use crate::sequence::SequenceNumber;
use crate::statistics::Statistics;
use crate::time::Instant;

impl<Q> Connection<Q> {
    /// Where deliveries are counted they are measured, too, from now on.
    #[cold]
    pub(in crate::connection) fn measure_deliveries<M>(&mut self, context: &mut Context<M>) {
        if statistics(context, self).is_some() {
            self.congestion
                .measure_deliveries(&mut context.congestion, context.now);
        }
    }

    /// Segments before `acknowledgment`; 0 where nobody counts them.
    #[inline]
    pub(in crate::connection) fn segments_before(
        &self,
        records: &SendRecordPool,
        acknowledgment: SequenceNumber,
    ) -> u32 {
        if self.extension.is_held() {
            self.count_before(records, acknowledgment)
        } else {
            0
        }
    }

    #[cold]
    fn count_before(&self, records: &SendRecordPool, acknowledgment: SequenceNumber) -> u32 {
        let whole = records
            .iter(&self.send.records)
            .take_while(|record| record.end <= acknowledgment);
        whole.map(|record| u32::from(record.segments)).sum()
    }

    /// Segments have arrived, by an acknowledgement that may tell of their rate.
    #[inline]
    pub(in crate::connection) fn count_delivery<M>(
        &self,
        context: &mut Context<M>,
        segments: u32,
        rate: Option<&RateSample>,
    ) {
        if self.extension.is_held() {
            self.delivered(context, segments, rate);
        }
    }

    #[cold]
    fn delivered<M>(&self, context: &mut Context<M>, segments: u32, rate: Option<&RateSample>) {
        if let Some(counted) = statistics(context, self) {
            counted.delivered(segments, rate.copied());
        }
    }

    /// How long the path takes, by a segment with data.
    pub(super) fn count_receive_trip(
        &self,
        counted: &mut Statistics,
        now: Instant,
        segment: &Segment<'_>,
        options: &Options,
    ) {
        let length = segment.payload.len();
        if length == 0 {
            return;
        }
        let (receive, trip) = (&self.receive, &mut counted.receive_trip);
        trip.advanced(now, receive.next, receive.window());
        if let Some(stamp) = options.timestamps.filter(|_| self.stamps.is_on) {
            let age = self.stamps.clock(now).wrapping_sub(stamp.echo);
            let is_full = length >= usize::from(receive.full_bytes);
            trip.echoed(stamp.echo, age, is_full, receive.readable == 0);
        }
    }
}
