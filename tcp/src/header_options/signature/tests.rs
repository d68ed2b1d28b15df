use super::*;
use crate::header_options::{OPTIONS_BYTES_MAX, Options, Timestamps};

fn emitted(options: &Options) -> Vec<u8> {
    let mut out = [0xee; OPTIONS_BYTES_MAX];
    let length = options.emit(&mut out).unwrap();
    assert_eq!(length, options.length());
    out[..length].to_vec()
}

#[test]
fn md5_stands_first_with_zeros_for_its_code() {
    let options = Options {
        mss: Some(1_460),
        signature: Some(Signature::Md5),
        ..Options::default()
    };
    let bytes = emitted(&options);
    assert_eq!(bytes[..4], [1, 1, 19, 18]);
    assert_eq!(bytes[4..20], [0; 16]);
    assert_eq!(bytes[20..], [2, 4, 0x05, 0xb4]);
    assert_eq!(code_within(&bytes), Some(4..20));
    assert_eq!(Options::parse(&bytes), Ok(options));
}

#[test]
fn ao_is_filled_up_to_whole_words() {
    for (mac_bytes, length) in [(12, 16), (10, 16), (16, 20), (9, 16)] {
        let signature = Signature::Ao {
            key_id: 61,
            next_key_id: 84,
            mac_bytes,
        };
        let options = Options {
            signature: Some(signature),
            timestamps: Some(Timestamps { value: 1, echo: 2 }),
            ..Options::default()
        };
        let bytes = emitted(&options);
        assert_eq!(bytes.len(), length + 12);
        assert_eq!(bytes[..4], [29, 4 + mac_bytes, 61, 84]);
        let end = 4 + usize::from(mac_bytes);
        assert!(bytes[4..end].iter().all(|byte| *byte == 0));
        assert!(bytes[end..length].iter().all(|byte| *byte == 1));
        assert_eq!(code_within(&bytes), Some(4..end));
        assert_eq!(Options::parse(&bytes), Ok(options));
    }
}

#[test]
fn one_that_cannot_be_is_refused() {
    // RFC 5925, section 2.2: at least four bytes, and one of them alone.
    for bytes in [
        &[19, 4, 0, 0][..],
        &[29, 3, 0, 1],
        &[29, 4, 0, 0],
        &[29, 6, 1, 1, 7, 7, 29, 6, 1, 1, 7, 7],
    ] {
        let parsed = Options::parse(bytes);
        assert_eq!(parsed, Err(crate::DropReason::BadSignature), "{bytes:?}");
    }
    // Longer than the header: no option at all.
    let parsed = Options::parse(&[29, 20, 1, 1, 7, 7]);
    assert_eq!(parsed, Err(crate::DropReason::BadHeader));
}

#[test]
fn its_code_is_found_behind_other_options_or_not_at_all() {
    let mut bytes = vec![1, 2, 4, 5, 180, 29, 8, 1, 2, 9, 9, 9, 9];
    assert_eq!(code_within(&bytes), Some(9..13));
    bytes[5] = 0;
    assert_eq!(code_within(&bytes), None);
    assert_eq!(code_within(&[]), None);
    assert_eq!(code_within(&[29]), None);
    assert_eq!(code_within(&[5, 0]), None);
}
