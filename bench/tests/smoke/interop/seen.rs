//! What was seen of a direction's packets on the wire: the proof that a feature was in use, whatever the ends say.

/// One direction since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Packets of TCP over IPv4.
    pub packets: u64,
    /// Of these, lost here.
    pub lost: u64,
    /// Of these, held back.
    pub reordered: u64,
    /// Of these, doubled.
    pub doubled: u64,
    /// Of these, marked CE here.
    pub marked: u64,
    /// The last SYN's, with or without ACK.
    pub syn: Option<Syn>,
    /// With payload.
    pub data: u64,
    /// Of these, allowed to be marked (ECT or CE).
    pub data_ect: u64,
    /// Without SYN or RST, with timestamps.
    pub stamped: u64,
    /// Without SYN or RST, without them.
    pub unstamped: u64,
    /// With SACK blocks.
    pub sacks: u64,
    /// Not SYN, with ECE.
    pub echoes: u64,
    /// Not SYN, with CWR.
    pub reduced: u64,
    /// With RST.
    pub resets: u64,
    /// With FIN.
    pub fins: u64,
    /// SYNs with payload.
    pub early: u64,
    /// Signed by TCP-MD5.
    pub signed: u64,
    /// Bytes of the largest packet.
    pub largest: usize,
}

/// What a SYN offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Syn {
    /// Window scale.
    pub scale: Option<u8>,
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// SACK permitted.
    pub sack: bool,
    /// Timestamps.
    pub stamps: bool,
    /// Asks for, or agrees to, explicit congestion notification.
    pub ecn: bool,
    /// Asks for AccECN.
    pub accurate: bool,
}

/// Where the ports are of a packet of TCP over IPv4; None for any other.
pub fn ports(packet: &[u8]) -> Option<[u16; 2]> {
    let (_, tcp) = headers(packet)?;
    let port = |at| Some(u16::from_be_bytes([*tcp.get(at)?, *tcp.get(at + 1)?]));
    Some([port(0)?, port(2)?])
}

/// Whether the network may mark it.
pub fn is_markable(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|tos| matches!(tos & ECN, 1 | 2))
}

/// Marks it CE; the header's checksum follows (RFC 1624).
pub fn mark(packet: &mut [u8]) {
    let before = u16::from_be_bytes([packet[0], packet[1]]);
    packet[1] |= ECN;
    let after = u16::from_be_bytes([packet[0], packet[1]]);
    let sum = u16::from_be_bytes([packet[10], packet[11]]);
    let mut folded = u32::from(!sum) + u32::from(!before) + u32::from(after);
    while folded > u32::from(u16::MAX) {
        folded = (folded & 0xffff) + (folded >> 16);
    }
    let sum = !u16::try_from(folded).unwrap_or(0);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

impl Seen {
    /// Takes a packet as its sender sent it.
    pub fn take(&mut self, packet: &[u8]) {
        let Some((total, tcp)) = headers(packet) else {
            return;
        };
        let header = usize::from(tcp[12] >> 4) * 4;
        let (flags, options) = (tcp[13], tcp.get(20..header).unwrap_or_default());
        self.packets += 1;
        self.largest = self.largest.max(total);
        let mut syn = read(options, flags & ECE != 0);
        if flags & SYN != 0 {
            syn.accurate = tcp[12] & AE != 0 && flags & (ECE | CWR) == ECE | CWR;
            self.early += u64::from(tcp.len() > header);
            self.syn = Some(syn);
        } else {
            self.echoes += u64::from(flags & ECE != 0);
            self.reduced += u64::from(flags & CWR != 0);
        }
        self.resets += u64::from(flags & RST != 0);
        self.fins += u64::from(flags & FIN != 0);
        if flags & (SYN | RST) == 0 {
            self.stamped += u64::from(syn.stamps);
            self.unstamped += u64::from(!syn.stamps);
        }
        self.signed += u64::from(kinds(options).any(|(kind, _)| kind == MD5));
        self.sacks += u64::from(kinds(options).any(|(kind, _)| kind == SACK));
        if tcp.len() > header {
            self.data += 1;
            self.data_ect += u64::from(packet[1] & ECN != 0);
        }
    }
}

/// Length of the packet, and its TCP header with what follows it.
fn headers(packet: &[u8]) -> Option<(usize, &[u8])> {
    let is_tcp = packet.first()? >> 4 == 4 && *packet.get(9)? == 6;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let tcp = packet.get(usize::from(packet[0] & 0xf) * 4..total)?;
    (is_tcp && tcp.len() >= 20).then_some((total, tcp))
}

fn read(options: &[u8], ecn: bool) -> Syn {
    let mut syn = Syn {
        ecn,
        ..Syn::default()
    };
    for (kind, value) in kinds(options) {
        match (kind, value) {
            (MSS, [high, low]) => syn.mss = Some(u16::from_be_bytes([*high, *low])),
            (SCALE, [shift]) => syn.scale = Some(*shift),
            (SACK_PERMITTED, []) => syn.sack = true,
            (STAMPS, _) => syn.stamps = true,
            _ => {}
        }
    }
    syn
}

/// Kinds of options with their values.
fn kinds(mut options: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        loop {
            match options {
                [END, ..] | [] => return None,
                [NOTHING, rest @ ..] => options = rest,
                [kind, length, ..] => {
                    let value = options.get(2..usize::from(*length))?;
                    options = &options[usize::from(*length)..];
                    return Some((*kind, value));
                }
                [_] => return None,
            }
        }
    })
}

/// In the byte before the other flags.
const AE: u8 = 0x01;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ECE: u8 = 0x40;
const CWR: u8 = 0x80;
/// Bits of the type-of-service octet.
const ECN: u8 = 0x03;
const END: u8 = 0;
const NOTHING: u8 = 1;
const MSS: u8 = 2;
const SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const STAMPS: u8 = 8;
const MD5: u8 = 19;
