//! Link layers: where the IP packet starts in a frame.

/// Kinds of interfaces, by their numbers in the registry of link types (tcpdump.org/linktypes.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Ethernet, with VLAN tags or without.
    Ethernet,
    /// IP without anything before it.
    Raw,
    /// BSD loopback: an address family of four bytes in the recording machine's byte order, or in that of the network.
    Loopback,
    /// Linux "cooked" captures of the `any` device.
    LinuxSll,
    /// The newer form of the same.
    LinuxSll2,
}

impl Link {
    /// The kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 | 108 => Self::Loopback,
            1 => Self::Ethernet,
            // 12 and 14 are what raw IP is called inside of two BSDs, and what old files from there say.
            12 | 14 | 101 | 228 | 229 => Self::Raw,
            113 => Self::LinuxSll,
            276 => Self::LinuxSll2,
            _ => return None,
        })
    }

    /// The bytes behind the link header. `Ok(None)` where they are not IP.
    #[inline]
    pub fn packet(self, frame: &[u8]) -> Result<Option<&[u8]>, Short> {
        match self {
            Self::Ethernet => tagged(frame, 12),
            Self::Raw => Ok(Some(frame)),
            Self::Loopback => loopback(frame),
            Self::LinuxSll => tagged(frame, 14),
            Self::LinuxSll2 => {
                let (kind, rest) = (u16_at(frame, 0)?, frame.get(20..).ok_or(Short)?);
                if is_tag(kind) { tagged(rest, 2) } else { Ok(is_ip(kind).then_some(rest)) }
            }
        }
    }
}

/// A header does not fit into the bytes that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short;

#[inline]
pub fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Short> {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    field.map(|field| u16::from_be_bytes(*field)).ok_or(Short)
}

const fn is_ip(kind: u16) -> bool {
    matches!(kind, 0x0800 | 0x86dd)
}

/// 802.1Q, 802.1ad and the number that was used for double tags before it.
const fn is_tag(kind: u16) -> bool {
    matches!(kind, 0x8100 | 0x88a8 | 0x9100)
}

/// Walks over tags from the EtherType at `at`.
#[inline]
fn tagged(frame: &[u8], mut at: usize) -> Result<Option<&[u8]>, Short> {
    loop {
        let kind = u16_at(frame, at)?;
        if is_ip(kind) {
            return Ok(Some(&frame[at + 2..]));
        }
        if !is_tag(kind) {
            return Ok(None);
        }
        at += 4;
    }
}

fn loopback(frame: &[u8]) -> Result<Option<&[u8]>, Short> {
    let (family, rest) = frame.split_first_chunk().ok_or(Short)?;
    // A family is a small number, so that only one byte order makes sense of it. IPv6 has another one on each system.
    let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
    Ok(matches!(family, 2 | 10 | 24 | 28 | 30).then_some(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_finds_its_packet() {
        let ip = [0x45, 1, 2, 3];
        let cases: [(Link, Vec<u8>); 8] = [
            (Link::Ethernet, [&[0; 12][..], &[8, 0], &ip].concat()),
            (Link::Ethernet, [&[0; 12][..], &[0x81, 0, 0, 5, 0x86, 0xdd], &ip].concat()),
            (Link::Ethernet, [&[0; 12][..], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0], &ip].concat()),
            (Link::Raw, ip.to_vec()),
            (Link::Loopback, [&[2, 0, 0, 0][..], &ip].concat()),
            (Link::Loopback, [&[0, 0, 0, 30][..], &ip].concat()),
            (Link::LinuxSll, [&[0; 14][..], &[8, 0], &ip].concat()),
            (Link::LinuxSll2, [&[0x08, 0][..], &[0; 18], &ip].concat()),
        ];
        for (link, frame) in cases {
            assert_eq!(link.packet(&frame), Ok(Some(&ip[..])), "{link:?}");
        }
    }

    #[test]
    fn other_protocols_and_short_headers_are_told_apart() {
        assert_eq!(Link::Ethernet.packet(&[&[0; 12][..], &[8, 6], &[0; 28]].concat()), Ok(None));
        assert_eq!(Link::Ethernet.packet(&[0; 13]), Err(Short));
        assert_eq!(Link::Ethernet.packet(&[&[0; 12][..], &[0x81, 0], &[0; 3]].concat()), Err(Short));
        assert_eq!(Link::LinuxSll2.packet(&[8, 0, 0]), Err(Short));
        assert_eq!(Link::Loopback.packet(&[7, 0, 0, 0, 1]), Ok(None));
    }
}
