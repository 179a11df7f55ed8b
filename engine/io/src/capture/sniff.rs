//! What a file is, told from its first bytes, where that is clear.

use std::fmt;

/// Formats of captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Classic pcap.
    Pcap,
    /// pcapng.
    PcapNg,
    /// Any other format in gzip members.
    Gzip,
    /// Any other format in zstd frames.
    Zstd,
    /// Messages, each behind a big-endian `u16` length, as Nasdaq publishes whole ITCH days.
    Length16,
    /// The bytes of one direction of a SoupBinTCP connection.
    SoupBinTcp,
    /// MoldUDP64 downstream packets back to back.
    MoldUdp64,
}

impl Format {
    /// Names of the formats that [`from_name`](Self::from_name) takes.
    pub const NAMES: [&'static str; 7] = ["pcap", "pcapng", "gzip", "zstd", "length16", "soupbintcp", "moldudp64"];
    const ALL: [Self; 7] =
        [Self::Pcap, Self::PcapNg, Self::Gzip, Self::Zstd, Self::Length16, Self::SoupBinTcp, Self::MoldUdp64];

    /// Name in configuration and tables.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Tells the format of a file from its first bytes; some kilobytes are enough. `None` where it is not clear: captures and
/// compressed files have magic numbers, the raw formats are recognised by records that fit together and nothing else does.
///
/// ```
/// use wirebook_io::capture::{Format, sniff};
/// assert_eq!(sniff(&[0x4d, 0x3c, 0xb2, 0xa1]), Some(Format::Pcap));
/// assert_eq!(sniff(b"no capture at all"), None);
/// ```
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    magic(bytes).or_else(|| raw(bytes))
}

fn magic(bytes: &[u8]) -> Option<Format> {
    match *bytes.first_chunk()? {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0xa1, 0xb2, 0xc3, 0xd4] => Some(Format::Pcap),
        [0x4d, 0x3c, 0xb2, 0xa1] | [0xa1, 0xb2, 0x3c, 0x4d] => Some(Format::Pcap),
        [0x0a, 0x0d, 0x0d, 0x0a] => Some(Format::PcapNg),
        [0x1f, 0x8b, 0x08, _] => Some(Format::Gzip),
        // The second is a skippable frame, which may come first.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Format::Zstd),
        _ => None,
    }
}

/// A raw format, if exactly one fits.
fn raw(bytes: &[u8]) -> Option<Format> {
    let fitting = [
        (Format::MoldUdp64, is_moldudp64(bytes)),
        (Format::SoupBinTcp, is_soupbintcp(bytes)),
        (Format::Length16, is_length16(bytes)),
    ];
    let mut fitting = fitting.into_iter().filter(|(_, fits)| *fits);
    match (fitting.next(), fitting.next()) {
        (Some((format, _)), None) => Some(format),
        _ => None,
    }
}

/// Big-endian `u16` at `at`.
fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
}

/// Whether packets follow each other by session and sequence: at least one that leads to the next, or is the whole file.
fn is_moldudp64(bytes: &[u8]) -> bool {
    let mut at = 0;
    let mut packets = 0;
    let mut expected: Option<(&[u8], u64)> = None;
    while let Some((header, _)) = bytes[at..].split_first_chunk::<20>() {
        let (session, rest) = header.split_at(10);
        let sequence = rest[..8].iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let count = u16::from_be_bytes([rest[8], rest[9]]);
        let follows = expected.is_none_or(|expected| expected == (session, sequence));
        if !follows || sequence == 0 || !session.iter().all(|byte| *byte == 0 || matches!(byte, b' '..=b'~')) {
            return false;
        }
        if count == 0 || count == u16::MAX {
            // Zeros would otherwise pass for heartbeats; a recording starts with something more telling.
            if packets == 0 {
                return false;
            }
            at += 20;
            continue;
        }
        packets += 1;
        expected = Some((session, sequence.wrapping_add(u64::from(count))));
        match mold_blocks(bytes, at + 20, count) {
            Some(end) => at = end,
            // The bytes end inside this packet. The one before it led here.
            None => return packets > 1,
        }
    }
    packets > 1 || (packets == 1 && at == bytes.len())
}

/// Where `count` message blocks from `at` on end.
fn mold_blocks(bytes: &[u8], mut at: usize, count: u16) -> Option<usize> {
    for _ in 0..count {
        at += 2 + u16_at(bytes, at)?;
    }
    (at <= bytes.len()).then_some(at)
}

/// Length and first byte of each record, as far as they are there; the last item says whether the file ends in between two.
fn records(bytes: &[u8]) -> impl Iterator<Item = (usize, u8)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let length = u16_at(bytes, at)?;
        let first = bytes.get(at + 2).copied().unwrap_or(0);
        let whole = at + 2 + length <= bytes.len();
        at += 2 + length;
        (whole || length == 0).then_some((length, first))
    })
}

/// Whether every packet has a type and a length of SoupBinTCP, and a packet that only SoupBinTCP has is among them.
fn is_soupbintcp(bytes: &[u8]) -> bool {
    let mut telling = false;
    let mut count = 0;
    for (length, packet_type) in records(bytes) {
        let (fits, tells) = match packet_type {
            b'A' => (length == 31 || length == 21, true),
            b'J' => (length == 2 || length == 5, true),
            b'H' | b'Z' | b'R' | b'O' => (length == 1, true),
            b'L' => (length == 47 || length == 52, true),
            b'S' | b'U' => (length > 1, false),
            b'+' => (length > 0, false),
            _ => (false, false),
        };
        if !fits {
            return false;
        }
        telling |= tells;
        count += 1;
    }
    telling && count > 0
}

/// Whether every message starts with a letter that always comes with the same length, often enough not to be chance.
fn is_length16(bytes: &[u8]) -> bool {
    const ENOUGH: usize = 8;
    let mut lengths = [0; 128];
    let (mut count, mut size, mut repeats) = (0, 0, 0);
    for (length, first) in records(bytes) {
        if length == 0 {
            // Such a record ends the messages of a day's file.
            size += 2;
            break;
        }
        if !first.is_ascii_alphanumeric() || length > 1024 {
            return false;
        }
        let known = &mut lengths[usize::from(first)];
        if *known != 0 && *known != length {
            return false;
        }
        repeats += usize::from(*known == length);
        *known = length;
        count += 1;
        size += 2 + length;
    }
    // Few records are clear only where they fill the file to its last byte, and those of one letter only where the lengths
    // are not those of SoupBinTCP's data packets.
    let ends = size == bytes.len();
    let kinds = lengths.iter().filter(|length| **length != 0).count();
    let could_be_soup =
        lengths.iter().enumerate().all(|(first, length)| *length == 0 || matches!(first as u8, b'S' | b'U' | b'+'));
    !could_be_soup && (count >= ENOUGH && repeats > 0 && kinds > 1 || ends && count >= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(length: usize, first: u8) -> Vec<u8> {
        let mut bytes = (length as u16).to_be_bytes().to_vec();
        bytes.push(first);
        bytes.resize(2 + length, 7);
        bytes
    }

    fn mold(sequence: u64, lengths: &[usize]) -> Vec<u8> {
        let mut bytes = b"SESSION   ".to_vec();
        bytes.extend(sequence.to_be_bytes());
        bytes.extend((lengths.len() as u16).to_be_bytes());
        lengths.iter().for_each(|length| bytes.extend(record(*length, b'A')));
        bytes
    }

    #[test]
    fn names_go_both_ways() {
        for format in Format::ALL {
            assert_eq!(Format::from_name(format.name()), Some(format));
        }
    }

    #[test]
    fn itch_messages_are_length16_and_a_session_is_soupbintcp() {
        let day: Vec<u8> =
            [(12, b'S'), (39, b'R'), (36, b'A'), (36, b'A'), (19, b'D'), (36, b'A'), (35, b'U'), (31, b'E')]
                .into_iter()
                .flat_map(|(length, first)| record(length, first))
                .collect();
        assert_eq!(sniff(&day), Some(Format::Length16));
        assert_eq!(sniff(&[&day[..55], &[0, 0]].concat()), Some(Format::Length16), "a record of length 0 ends a file");
        let session: Vec<u8> = [(31, b'A'), (13, b'S'), (37, b'S'), (1, b'H')]
            .into_iter()
            .flat_map(|(l, first)| record(l, first))
            .collect();
        assert_eq!(sniff(&session), Some(Format::SoupBinTcp));
        // A cut in the last record changes nothing, as only the first bytes of a file are looked at.
        assert_eq!(sniff(&session[..session.len() - 2]), Some(Format::SoupBinTcp));
    }

    #[test]
    fn mold_packets_in_sequence_are_moldudp64() {
        let two = [mold(1, &[12, 36]), mold(3, &[36])].concat();
        assert_eq!(sniff(&two), Some(Format::MoldUdp64));
        assert_eq!(sniff(&two[..two.len() - 5]), Some(Format::MoldUdp64));
        assert_eq!(sniff(&mold(1, &[12])), Some(Format::MoldUdp64));
        assert_eq!(sniff(&[mold(1, &[12, 36]), mold(4, &[36])].concat()), None);
    }

    #[test]
    fn what_is_not_clear_has_no_format() {
        assert_eq!(sniff(&[]), None);
        assert_eq!(sniff(&[0; 4096]), None);
        assert_eq!(sniff(&[0xff; 4096]), None);
        assert_eq!(sniff("Dear reader, this is prose. ".repeat(100).as_bytes()), None);
        // Data packets of SoupBinTCP, or system events of ITCH: nobody can tell.
        assert_eq!(sniff(&record(12, b'S').repeat(20)), None);
    }
}
