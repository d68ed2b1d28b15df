//! Options of an IPv4 header: none is acted on, all are walked, so that a malformed list or a
//! source route is seen (RFC 791, section 3.1; RFC 7126, sections 4.3 and 4.4).

use crate::drop_reason::LinkDropReason;

/// Checks the options behind the fixed header.
#[inline]
pub(super) fn check(mut options: &[u8]) -> Result<(), LinkDropReason> {
    let bad = LinkDropReason::Ipv4BadOptions;
    while let [kind, rest @ ..] = options {
        options = match *kind {
            END => return Ok(()),
            NO_OPERATION => rest,
            LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE => return Err(bad),
            _ => {
                let length = usize::from(*rest.first().ok_or(bad)?);
                if length < 2 {
                    return Err(bad);
                }
                options.get(length..).ok_or(bad)?
            }
        };
    }
    Ok(())
}

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const LOOSE_SOURCE_ROUTE: u8 = 131;
const STRICT_SOURCE_ROUTE: u8 = 137;
