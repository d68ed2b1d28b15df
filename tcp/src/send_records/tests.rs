//! The ring of records against a simple list.

use super::{Marks, SendRecord, SendRecordPool, SendRecords};
use crate::sequence::SequenceNumber;
use proptest::prelude::*;

fn record(start: u32, end: u32) -> SendRecord {
    SendRecord {
        start: SequenceNumber::new(start),
        end: SequenceNumber::new(end),
        ..SendRecord::default()
    }
}

fn bounds(pool: &SendRecordPool, records: &SendRecords) -> Vec<(u32, u32)> {
    let all = pool.iter(records);
    all.map(|record| (record.start.raw(), record.end.raw()))
        .collect()
}

/// The number of the record at a place in the list.
fn index_at(pool: &SendRecordPool, records: &SendRecords, place: usize) -> u32 {
    let (mut index, _) = pool.first(records).expect("not empty");
    for _ in 0..place {
        index = pool.after(records, index).expect("long enough");
    }
    index
}

proptest! {
    #[test]
    fn it_is_a_list_and_loses_no_record(steps in prop::collection::vec((0_u8..5, 0_usize..8), 1..200)) {
        let mut pool = SendRecordPool::new(16);
        let mut records = SendRecords::default();
        let mut oracle: Vec<(u32, u32)> = Vec::new();
        let mut next = u32::MAX - 500;
        for (step, place) in steps {
            let place = place.min(oracle.len().saturating_sub(1));
            match step {
                0 | 1 => {
                    let end = next.wrapping_add(10);
                    if pool.append(&mut records, record(next, end)) {
                        oracle.push((next, end));
                        next = end;
                    } else {
                        prop_assert_eq!(oracle.len(), 16);
                    }
                }
                2 => {
                    pool.pop(&mut records);
                    if !oracle.is_empty() {
                        oracle.remove(0);
                    }
                }
                3 if !oracle.is_empty() && oracle.len() < 16 => {
                    let (start, end) = oracle[place];
                    let middle = start.wrapping_add(end.wrapping_sub(start) / 2);
                    let index = index_at(&pool, &records, place);
                    prop_assert!(pool.split(&mut records, index, SequenceNumber::new(middle)).is_some());
                    oracle[place] = (start, middle);
                    oracle.insert(place + 1, (middle, end));
                }
                4 if !oracle.is_empty() => {
                    let index = index_at(&pool, &records, place);
                    let joined = pool.join(&mut records, index).is_some();
                    prop_assert_eq!(joined, place + 1 < oracle.len());
                    if joined {
                        oracle[place].1 = oracle.remove(place + 1).1;
                    }
                }
                _ => {}
            }
            prop_assert_eq!(&bounds(&pool, &records), &oracle);
            prop_assert_eq!(pool.live(), oracle.len());
            prop_assert_eq!(pool.is_single(&records), oracle.len() == 1);
            prop_assert_eq!(pool.last(&records).map(|(_, last)| last.end.raw()), oracle.last().map(|last| last.1));
        }
        pool.clear(&mut records);
        prop_assert_eq!(pool.live(), 0);
    }
}

#[test]
fn the_last_eighth_is_for_those_that_have_none() {
    let mut pool = SendRecordPool::new(16);
    let mut busy = SendRecords::default();
    let mut count = 0;
    while pool.has_room_for(&busy) {
        assert!(pool.append(&mut busy, record(count, count + 1)));
        count += 1;
    }
    assert_eq!(count, 14);
    let mut others = [SendRecords::default(), SendRecords::default()];
    for other in &mut others {
        assert!(pool.has_room_for(other));
        assert!(pool.append(other, record(0, 1)));
        assert!(!pool.has_room_for(other));
    }
    assert!(!pool.has_room_for(&SendRecords::default()));
}

#[test]
fn a_cut_takes_the_push_to_the_second_part() {
    let mut pool = SendRecordPool::new(4);
    let mut records = SendRecords::default();
    let mut whole = record(0, 10);
    whole.marks.set(Marks::PUSHED | Marks::LOST);
    pool.append(&mut records, whole);
    let first = index_at(&pool, &records, 0);
    let second = pool
        .split(&mut records, first, SequenceNumber::new(4))
        .expect("room");
    let marks = |index| pool.get(index).expect("linked").marks;
    assert!(marks(first).any(Marks::LOST) && !marks(first).any(Marks::PUSHED));
    assert!(marks(second).any(Marks::LOST) && marks(second).any(Marks::PUSHED));
}
