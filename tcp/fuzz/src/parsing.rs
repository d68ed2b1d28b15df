//! Any bytes as a header or as options: what is understood is written as it was understood.

use coremill_tcp::header::{HEADER_BYTES_MAX, Segment};
use coremill_tcp::header_options::{OPTIONS_BYTES_MAX, Options};

/// Bytes as a segment.
pub fn header(bytes: &[u8]) {
    let Ok(segment) = Segment::parse(bytes) else {
        return;
    };
    assert!(segment.payload.len() + segment.options.len() < bytes.len());
    let options = Options::parse(segment.options).unwrap_or_default();
    let mut out = [0; HEADER_BYTES_MAX];
    let Some(length) = segment.header.emit(&options, &mut out) else {
        return;
    };
    let again = Segment::parse(&out[..length]).expect("what we write can be read");
    assert_eq!(again.header, segment.header);
}

/// Bytes as options.
pub fn options(bytes: &[u8]) {
    let Ok(options) = Options::parse(&bytes[..bytes.len().min(OPTIONS_BYTES_MAX)]) else {
        return;
    };
    let mut out = [0; OPTIONS_BYTES_MAX];
    let Some(length) = options.emit(&mut out) else {
        return;
    };
    assert_eq!(length % 4, 0, "a header ends at a word");
    assert!(length <= options.length().max(OPTIONS_BYTES_MAX));
    let again = Options::parse(&out[..length]).expect("what we write can be read");
    // Where all do not fit, some blocks are left out.
    if options.sack.len() == again.sack.len() {
        assert_eq!(again, options);
    }
}
