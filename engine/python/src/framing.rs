//! Which framing the packets of a flow come in.

use wirebook_abi::{CheckedTable, Framing};
use wirebook_io::{Packet, PacketKind, capture::CaptureSource};

/// Framings that this protocol may have for such a packet, the usual one first. A raw file's format implies its own.
pub fn candidates(table: CheckedTable, source: Option<Framing>, kind: PacketKind) -> impl Iterator<Item = Framing> {
    let framings = table.description().framings.as_slice();
    // A bare length says nothing of sessions and is not sent over TCP, unless the messages are the session's own.
    let is_session = framings == [Framing::LENGTH16];
    framings.iter().copied().filter(move |framing| match (source, kind) {
        (Some(implied), _) => *framing == implied,
        (None, PacketKind::Datagram) => !framing.is_stream(),
        (None, PacketKind::Stream) => framing.is_stream() && (*framing != Framing::LENGTH16 || is_session),
    })
}

/// The framing to decode this packet with; `None` where the protocol does not come so.
pub fn of_packet(
    table: CheckedTable,
    wanted: Option<Framing>,
    source: Option<Framing>,
    packet: &Packet<'_>,
) -> Option<Framing> {
    let mut fitting = candidates(table, source, packet.kind);
    match wanted {
        Some(wanted) => fitting.find(|framing| *framing == wanted),
        None => fitting.next(),
    }
}

/// Name of a capture's format with its compression: `pcap`, `length16 in gzip`.
pub fn format_name(source: &CaptureSource) -> String {
    match source.compression() {
        Some(compression) => format!("{} in {compression}", source.format()),
        None => source.format().to_string(),
    }
}
