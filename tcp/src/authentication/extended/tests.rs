use super::*;

fn number(raw: u32) -> SequenceNumber {
    SequenceNumber::new(raw)
}

#[test]
fn it_goes_up_when_numbers_wrap_and_old_ones_keep_theirs() {
    let mut extended = Extended::new(number(0xffff_ff00));
    assert_eq!(extended.extension_of(number(0xffff_fff0)), 0);
    assert_eq!(extended.extension_of(number(5)), 1, "beyond the end");
    assert_eq!(extended, Extended::new(number(0xffff_ff00)));
    extended.advance(number(5));
    assert_eq!(extended.extension_of(number(6)), 1);
    assert_eq!(extended.extension_of(number(0xffff_ff00)), 0, "sent again");
    extended.advance(number(0xffff_ff00));
    assert_eq!(extended.extension_of(number(6)), 1, "it never goes back");
}

#[test]
fn it_counts_each_turn_of_the_space() {
    let mut extended = Extended::new(number(7));
    let mut at: u64 = 7;
    while at < 5 << 32 {
        at += 0x3fff_fff1;
        let low = number(at as u32);
        assert_eq!(u64::from(extended.extension_of(low)), at >> 32);
        extended.advance(low);
    }
}
