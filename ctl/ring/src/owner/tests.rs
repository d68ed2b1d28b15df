use super::*;

fn mark(generation: u32) -> ReadMark {
    let socket = Handle {
        memory: 0,
        slot: 3,
        generation,
    };
    let words = Part {
        first_word: 0,
        words: 2,
    };
    ReadMark::new(words, socket)
}

#[test]
fn a_mark_is_believed_within_what_was_unread_and_of_the_same_socket_alone() {
    let words = SharedWrite::heap(2);
    let reader = mark(7);
    assert_eq!(reader.beyond(&words, (0, 100)), None, "nothing was said");
    reader.set(&words, 60);
    assert_eq!(reader.beyond(&words, (0, 100)), Some(60));
    assert_eq!(reader.beyond(&words, (60, 40)), None, "that is known");
    assert_eq!(reader.beyond(&words, (0, 59)), None, "more than there was");
    assert_eq!(
        reader.beyond(&words, (61, 100)),
        None,
        "less than it told before"
    );
    assert_eq!(mark(8).beyond(&words, (0, 100)), None, "another socket's");
}

#[test]
fn positions_go_on_where_the_mark_wraps() {
    let words = SharedWrite::heap(2);
    let reader = mark(u32::MAX);
    let far = (5 << POSITION_BITS) + 3;
    reader.set(&words, far);
    assert_eq!(reader.beyond(&words, (far - 10, 20)), Some(far));
}

#[test]
fn directions_are_owned_and_freed_by_themselves() {
    let words = SharedWrite::heap(2);
    let (reader, writer) = (Owner::reader(words.clone()), Owner::writer(words.clone()));
    assert!(reader.acquire(3, 7));
    assert!(!reader.acquire(3, 7), "it has an owner");
    assert!(writer.acquire(u16::MAX, u16::MAX));
    assert!(!reader.release_dead(2) && !writer.release_dead(3));
    assert!(reader.release_dead(3));
    assert!(!writer.acquire(0, 0), "the other half is as it was");
    writer.release();
    assert!(writer.acquire(0, 0) && reader.acquire(0, 0));
}
