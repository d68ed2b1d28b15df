//! How the peer of a test signs, and checks what is sent to it: written anew from RFC 2385, not the machine's own code.

use std::net::IpAddr;

use coremill_tcp::header_options::Signature;
use md5::{Digest, Md5};

/// A key of TCP-MD5 that both ends have.
pub struct Signing(pub &'static [u8]);

impl Signing {
    pub fn option(&self) -> Signature {
        Signature::Md5
    }

    /// Fills the digest in; the option stands first, as the machine writes it.
    pub fn sign(&self, source: IpAddr, destination: IpAddr, bytes: &mut [u8]) {
        if bytes[20..24] == OPTION {
            let digest = self.digest(source, destination, bytes);
            bytes[24..40].copy_from_slice(&digest);
        }
    }

    /// The segment is signed, and rightly.
    pub fn check(&self, source: IpAddr, destination: IpAddr, bytes: &[u8]) {
        assert_eq!(bytes[20..24], OPTION, "not signed: {bytes:?}");
        let digest = self.digest(source, destination, bytes);
        assert_eq!(bytes[24..40], digest, "signed wrongly");
    }

    fn digest(&self, source: IpAddr, destination: IpAddr, bytes: &[u8]) -> [u8; 16] {
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) else {
            panic!("tests are of IPv4");
        };
        let header_length = usize::from(bytes[12] >> 4) * 4;
        let mut covered = Vec::new();
        covered.extend(source.octets());
        covered.extend(destination.octets());
        covered.extend([0, 6]);
        covered.extend((bytes.len() as u16).to_be_bytes());
        covered.extend(&bytes[..16]);
        covered.extend([0, 0]);
        covered.extend(&bytes[18..20]);
        covered.extend(&bytes[header_length..]);
        covered.extend(self.0);
        Md5::digest(&covered).into()
    }
}

const OPTION: [u8; 4] = [1, 1, 19, 18];
