//! IP, UDP and TCP headers: whose payload a frame carries.
//!
//! Lengths come from the IP and UDP headers, never from the frame, which may be padded or cut.

use crate::{
    flow::{FlowKey, Protocol},
    link::{Link, Short, u16_at},
};

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A datagram; `cut` where only its front is there.
    Datagram { key: FlowKey, payload: &'a [u8], cut: bool },
    /// A TCP segment, or its front.
    Segment { key: FlowKey, segment: Segment<'a> },
    /// Part of a datagram.
    Fragment,
    /// No IP packet.
    NotIp,
    /// An IP packet of another protocol.
    NotUdpOrTcp,
    /// A header is not whole because the frame was cut.
    CutHeader,
    /// Lengths that contradict each other.
    Malformed,
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Sequence number of the first byte of the payload, or of the SYN before it.
    pub sequence: u32,
    /// The connection begins.
    pub syn: bool,
    /// The connection is broken off; the payload, if any, is a reason in words.
    pub reset: bool,
    /// The bytes.
    pub payload: &'a [u8],
}

/// Why a packet is not delivered.
enum Stop {
    Short,
    Is(Content<'static>),
}

impl From<Short> for Stop {
    fn from(_: Short) -> Self {
        Self::Short
    }
}

/// What `frame` carries; `cut` says that the capture did not keep all of it.
#[inline]
pub fn content(link: Link, frame: &[u8], cut: bool) -> Content<'_> {
    match network(link, frame, cut) {
        Ok(content) => content,
        Err(Stop::Is(content)) => content,
        Err(Stop::Short) if cut => Content::CutHeader,
        Err(Stop::Short) => Content::Malformed,
    }
}

#[inline]
fn network(link: Link, frame: &[u8], cut: bool) -> Result<Content<'_>, Stop> {
    let packet = link.packet(frame)?.ok_or(Stop::Is(Content::NotIp))?;
    match packet.first().ok_or(Short)? >> 4 {
        4 => ipv4(packet, cut),
        6 => ipv6(packet, cut),
        _ => Err(Stop::Is(Content::NotIp)),
    }
}

/// The first `size` bytes; all of them, and a sign that they are cut, where fewer are there because the frame was.
#[inline]
fn take(bytes: &[u8], size: usize, cut: bool) -> Result<(&[u8], bool), Stop> {
    match bytes.get(..size) {
        Some(taken) => Ok((taken, false)),
        None if cut => Ok((bytes, true)),
        None => Err(Stop::Is(Content::Malformed)),
    }
}

#[inline]
fn ipv4(packet: &[u8], cut: bool) -> Result<Content<'_>, Stop> {
    let header: &[u8; 20] = packet.first_chunk().ok_or(Short)?;
    let header_size = usize::from(header[0] & 15) * 4;
    let total = match usize::from(u16::from_be_bytes([header[2], header[3]])) {
        // Cards that split large segments themselves show the capture a length of 0.
        0 => packet.len(),
        total => total,
    };
    if header_size < 20 || total < header_size {
        return Err(Stop::Is(Content::Malformed));
    }
    if u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0 {
        return Err(Stop::Is(Content::Fragment));
    }
    let (packet, cut) = take(packet, total, cut)?;
    let body = packet.get(header_size..).ok_or(if cut { Stop::Short } else { Stop::Is(Content::Malformed) })?;
    let address =
        |at: usize| FlowKey::mapped(u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
    transport(header[9], address(12), address(16), body, cut)
}

fn ipv6(packet: &[u8], cut: bool) -> Result<Content<'_>, Stop> {
    let (header, rest): (&[u8; 40], _) = packet.split_first_chunk().ok_or(Short)?;
    let size = match usize::from(u16::from_be_bytes([header[4], header[5]])) {
        0 => rest.len(),
        size => size,
    };
    let (mut body, cut) = take(rest, size, cut)?;
    let mut next = header[6];
    // Hop-by-hop, routing and destination options give their size in units of 8 bytes, authentication in units of 4.
    while matches!(next, 0 | 43 | 44 | 51 | 60) {
        let field = u16_at(body, 0).map_err(|short| whole_or(short, cut))?;
        let size = match next {
            44 if u16_at(body, 2).map_err(|short| whole_or(short, cut))? & 0xfff9 != 0 => {
                return Err(Stop::Is(Content::Fragment));
            }
            44 => 8,
            51 => (usize::from(field & 0xff) + 2) * 4,
            _ => (usize::from(field & 0xff) + 1) * 8,
        };
        next = (field >> 8) as u8;
        body = body.get(size..).ok_or_else(|| whole_or(Short, cut))?;
    }
    let address = |at: usize| header[at..at + 16].iter().fold(0, |value, byte| value << 8 | u128::from(*byte));
    transport(next, address(8), address(24), body, cut)
}

/// A header that does not fit was cut, or its lengths lie.
fn whole_or(_: Short, cut: bool) -> Stop {
    if cut { Stop::Is(Content::CutHeader) } else { Stop::Is(Content::Malformed) }
}

#[inline]
fn transport(protocol: u8, source: u128, destination: u128, body: &[u8], cut: bool) -> Result<Content<'_>, Stop> {
    let protocol = match protocol {
        17 => Protocol::Udp,
        6 => Protocol::Tcp,
        _ => return Err(Stop::Is(Content::NotUdpOrTcp)),
    };
    let header: &[u8; 8] = body.first_chunk().ok_or_else(|| whole_or(Short, cut))?;
    let ports = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
    let key = FlowKey { source, destination, ports, protocol };
    if protocol == Protocol::Tcp {
        return segment(body, cut).map(|segment| Content::Segment { key, segment });
    }
    let size = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if size < 8 {
        return Err(Stop::Is(Content::Malformed));
    }
    let (datagram, cut) = take(body, size, cut)?;
    Ok(Content::Datagram { key, payload: &datagram[8..], cut })
}

fn segment(body: &[u8], cut: bool) -> Result<Segment<'_>, Stop> {
    let header: &[u8; 20] = body.first_chunk().ok_or_else(|| whole_or(Short, cut))?;
    let header_size = usize::from(header[12] >> 4) * 4;
    if header_size < 20 {
        return Err(Stop::Is(Content::Malformed));
    }
    let payload = body.get(header_size..).ok_or_else(|| whole_or(Short, cut))?;
    Ok(Segment {
        sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        syn: header[13] & 2 != 0,
        reset: header[13] & 4 != 0,
        payload,
    })
}
