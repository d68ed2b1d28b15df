//! Room at both ends, and the free list.

use super::*;

#[test]
fn packet_grows_and_shrinks_at_both_ends() {
    let pool = HeapPool::new(1);
    let mut packet = pool.allocate().expect("the one packet");
    packet
        .append(4)
        .expect("room")
        .copy_from_slice(&[1, 2, 3, 4]);
    packet
        .prepend(2)
        .expect("headroom")
        .copy_from_slice(&[8, 9]);
    assert_eq!(packet.data(), [8, 9, 1, 2, 3, 4]);
    packet.trim_front(1);
    packet.truncate(3);
    packet.truncate(30);
    assert_eq!(packet.data_mut(), [9, 1, 2]);
    packet.trim_front(10);
    assert!(packet.data().is_empty());
}

#[test]
fn room_ends_where_it_ends_and_a_refusal_changes_nothing() {
    let pool = HeapPool::new(1);
    let mut packet = pool.allocate().expect("the one packet");
    assert!(packet.prepend(HEADROOM).is_some());
    assert!(packet.prepend(1).is_none());
    assert!(packet.append(ROOM).is_some());
    assert!(packet.append(1).is_none());
    assert!(packet.append(usize::MAX).is_none());
    assert_eq!(packet.data().len(), HEADROOM + ROOM);
}

#[test]
fn a_packet_is_made_new_by_its_own_pool_only() {
    let (pool, other) = (HeapPool::new(1), HeapPool::new(1));
    let mut packet = pool.allocate().expect("the one packet");
    packet.append(10).expect("room");
    packet.trim_front(4);
    packet.set_checksums(ChecksumStatus::Good, ChecksumStatus::Bad);
    packet.set_receive_hash(Some(7));
    assert!(!other.renew(&mut packet));
    assert_eq!(packet.data().len(), 6);
    assert!(pool.renew(&mut packet));
    assert!(packet.data().is_empty() && packet.receive_hash().is_none());
    let unknown = (ChecksumStatus::Unknown, ChecksumStatus::Unknown);
    assert_eq!(packet.checksums(), unknown);
    assert!(packet.prepend(HEADROOM).is_some() && packet.append(ROOM).is_some());
}

#[test]
fn pool_runs_out_and_fills_again_from_any_thread() {
    let pool = HeapPool::new(3);
    let packets: Vec<_> = std::iter::from_fn(|| pool.allocate()).collect();
    assert_eq!((packets.len(), pool.free()), (3, 0));
    std::thread::spawn(move || drop(packets))
        .join()
        .expect("no panic");
    assert_eq!(pool.free(), pool.capacity());
}

#[test]
fn a_reused_packet_remembers_nothing() {
    let pool = HeapPool::new(1);
    let mut packet = pool.allocate().expect("the one packet");
    packet.append(9).expect("room");
    packet.set_checksums(ChecksumStatus::Good, ChecksumStatus::Bad);
    packet.set_receive_hash(Some(7));
    packet.set_offload(TransmitOffload {
        tcp_checksum: true,
        ..TransmitOffload::default()
    });
    assert_eq!(packet.receive_hash(), Some(7));
    drop(packet);
    let packet = pool.allocate().expect("again");
    assert!(packet.data().is_empty() && packet.receive_hash().is_none());
    assert_eq!(
        packet.checksums(),
        (ChecksumStatus::Unknown, ChecksumStatus::Unknown)
    );
    assert_eq!(packet.offload(), TransmitOffload::default());
}
