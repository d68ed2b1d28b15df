//! Options of an IPv4 header: none is acted on, all are walked, so that a malformed list or a
//! source route is seen (RFC 791, section 3.1; RFC 7126, sections 4.3 and 4.4; RFC 9293, MUST-50).

/// Why the options are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// A source route, whose sender is not told (RFC 7126, section 4.3.5).
    SourceRoute,
    /// The option that begins at this offset of the options is malformed.
    Malformed(usize),
}

/// Checks the options behind the fixed header.
#[inline]
pub(super) fn check(all: &[u8]) -> Result<(), Refused> {
    let mut options = all;
    while let [kind, rest @ ..] = options {
        let bad = Refused::Malformed(all.len() - options.len());
        options = match *kind {
            END => return Ok(()),
            NO_OPERATION => rest,
            LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE => return Err(Refused::SourceRoute),
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
