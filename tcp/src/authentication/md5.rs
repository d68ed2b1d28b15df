//! The digest of TCP-MD5 (RFC 2385, section 2.0).

use md5::{Digest, Md5};

use super::Covered;
use super::key::Secret;

/// The digest that goes into the option. Options are not covered, nor is the checksum.
/// RFC 2385, section 2.0.
pub(crate) fn digest(covered: &Covered<'_>, secret: &Secret) -> [u8; 16] {
    let mut digest = Md5::new();
    covered.feed_pseudo_header(&mut |piece| digest.update(piece));
    digest.update(covered.fixed_header());
    digest.update(covered.payload());
    digest.update(secret.bytes());
    digest.finalize().into()
}

#[cfg(test)]
mod tests;
