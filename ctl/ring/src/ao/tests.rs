use super::*;

#[test]
fn wishes_come_as_they_went_and_others_are_refused() {
    for current in [None, Some(0), Some(255)] {
        for next in [None, Some(7)] {
            for flag in [None, Some(false), Some(true)] {
                let wish = Wish {
                    current,
                    next,
                    requires: flag,
                    accepts_icmps: flag.map(|flag| !flag),
                };
                assert_eq!(Wish::from_word(wish.to_word()), Some(wish));
            }
        }
    }
    // Bits that nobody has, an id that is not chosen, a flag that is not set.
    for word in [1 << 22, 1 << 63, 1, 1 << 18] {
        assert_eq!(Wish::from_word(word), None, "{word:x}");
    }
}

#[test]
fn what_is_told_comes_as_it_went() {
    let standing = Standing {
        ids: Some((0, 255)),
        heard: Some((255, 1)),
        requires: true,
        accepts_icmps: false,
    };
    assert_eq!(Standing::from_word(standing.to_word()), standing);
    let none = Standing::default();
    assert_eq!(Standing::from_word(none.to_word()), none);
    let key = KeyWord {
        prefix: 128,
        send_id: 61,
        receive_id: 84,
        algorithm: 2,
        mac_bytes: 16,
        flags: 7,
    };
    assert_eq!(KeyWord::from_word(key.to_word()), key);
}

#[test]
fn each_part_has_a_number_of_its_own() {
    let counts = (0..COUNTS).map(Part::Count);
    let keys = [0, 1, KEYS_MAX - 1].map(|key| [0, 1, 2].map(|word| Part::Key(key, word)));
    let parts = [Part::Standing].into_iter().chain(counts);
    for wanted in parts.chain(keys.into_iter().flatten()) {
        assert_eq!(asked(part(wanted)), Some(wanted));
    }
    let others = [
        crate::option::NO_DELAY,
        AO_INFO | (COUNTS + 1) << INDEX,
        AO_INFO | 1 << WORD,
        AO_GET_KEYS | 3 << WORD,
        u32::MAX,
    ];
    for other in others {
        assert_eq!(asked(other), None, "{other:x}");
    }
}
