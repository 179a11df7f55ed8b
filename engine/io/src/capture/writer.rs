//! Writes datagrams as a nanosecond pcap that every tool opens.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddrV4},
};

const RECORD: usize = 16;
const ETHERNET: usize = 14;
const IPV4: usize = 20;
const UDP: usize = 8;
const HEADERS: usize = ETHERNET + IPV4 + UDP;

/// Writes a pcap of Ethernet frames with UDP over IPv4, with times in nanoseconds.
///
/// It writes each record in two pieces: give it a [`BufWriter`](std::io::BufWriter) for a file.
#[derive(Debug)]
pub struct PcapWriter<W> {
    output: W,
}

impl<W: Write> PcapWriter<W> {
    /// The longest payload that fits into a datagram.
    pub const PAYLOAD_LIMIT: usize = 65_535 - IPV4 - UDP;

    /// Writes the file's header.
    ///
    /// # Errors
    ///
    /// What `output` reports.
    pub fn new(mut output: W) -> io::Result<Self> {
        let mut header = [0; 24];
        header[..4].copy_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
        header[4] = 2;
        header[6] = 4;
        header[16..20].copy_from_slice(&262_144_u32.to_le_bytes());
        header[20] = 1;
        output.write_all(&header)?;
        Ok(Self { output })
    }

    /// Writes a datagram, received at `ts_recv_ns` since 1970-01-01 UTC. Its UDP checksum is 0, which means none.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for a payload over [`PAYLOAD_LIMIT`](Self::PAYLOAD_LIMIT) or a time past 2106, which
    /// the format cannot hold; or what the output reports.
    pub fn write_udp(
        &mut self,
        ts_recv_ns: u64,
        source: SocketAddrV4,
        destination: SocketAddrV4,
        payload: &[u8],
    ) -> io::Result<()> {
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let seconds = u32::try_from(ts_recv_ns / 1_000_000_000)
            .map_err(|_| invalid(format!("{ts_recv_ns} ns is past 2106, where the seconds of a pcap end")))?;
        if payload.len() > Self::PAYLOAD_LIMIT {
            return Err(invalid(format!(
                "a payload of {} bytes, a datagram holds {}",
                payload.len(),
                Self::PAYLOAD_LIMIT
            )));
        }
        let size = (HEADERS + payload.len()) as u32;
        let mut header = [0; RECORD + HEADERS];
        let (record, frame) = header.split_at_mut(RECORD);
        record[..4].copy_from_slice(&seconds.to_le_bytes());
        record[4..8].copy_from_slice(&((ts_recv_ns % 1_000_000_000) as u32).to_le_bytes());
        record[8..12].copy_from_slice(&size.to_le_bytes());
        record[12..].copy_from_slice(&size.to_le_bytes());
        let (ethernet, rest) = frame.split_at_mut(ETHERNET);
        ethernet[..6].copy_from_slice(&mac(*destination.ip()));
        ethernet[6..12].copy_from_slice(&mac(*source.ip()));
        ethernet[12] = 8;
        let (ip, udp) = rest.split_at_mut(IPV4);
        write_ipv4(ip, source, destination, payload.len());
        udp[..2].copy_from_slice(&source.port().to_be_bytes());
        udp[2..4].copy_from_slice(&destination.port().to_be_bytes());
        udp[4..6].copy_from_slice(&((UDP + payload.len()) as u16).to_be_bytes());
        self.output.write_all(&header)?;
        self.output.write_all(payload)
    }

    /// Flushes the output and gives it back.
    ///
    /// # Errors
    ///
    /// What the output reports.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

fn write_ipv4(header: &mut [u8], source: SocketAddrV4, destination: SocketAddrV4, payload_size: usize) {
    header[0] = 0x45;
    header[2..4].copy_from_slice(&((IPV4 + UDP + payload_size) as u16).to_be_bytes());
    // Not to be fragmented, as feeds are.
    header[6] = 0x40;
    header[8] = 64;
    header[9] = 17;
    header[12..16].copy_from_slice(&source.ip().octets());
    header[16..20].copy_from_slice(&destination.ip().octets());
    let sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    header[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

/// The Ethernet address of a multicast group (RFC 1112), and a locally administered one made of a host's address.
fn mac(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    if address.is_multicast() { [0x01, 0x00, 0x5e, b & 0x7f, c, d] } else { [0x02, 0x00, a, b, c, d] }
}
