//! What operators see of outstanding segments.

use super::super::Connection;
use crate::send_records::{Marks, SendRecord, SendRecordPool};
use crate::snapshot::{Amount, Outstanding};

impl<Q> Connection<Q> {
    /// Counted segment by segment: for those who look.
    pub(crate) fn outstanding(&self, records: &SendRecordPool) -> Outstanding {
        let mut outstanding = Outstanding {
            phase: self.send.phase,
            bytes: self.send.outstanding(),
            in_flight_bytes: self.send.in_flight(),
            reordering_segments: self.send.reordering.degree,
            ..Outstanding::default()
        };
        for record in records.iter(&self.send.records) {
            outstanding.segments += u32::from(record.segments);
            add(&mut outstanding.sacked, record, Marks::SACKED);
            add(&mut outstanding.lost, record, Marks::LOST);
            add(&mut outstanding.retransmitted, record, Marks::RETRANSMITTED);
        }
        outstanding
    }
}

fn add(amount: &mut Amount, record: &SendRecord, marks: Marks) {
    if record.marks.any(marks) {
        amount.segments += u32::from(record.segments);
        amount.bytes += record.length();
    }
}
