//! Damaged packets: nothing panics, nothing is read past the end, and what is said of them holds.

mod common;

use proptest::prelude::*;
use wirebook_abi::{Frame, FrameKind, Framing, Span, Status};
use wirebook_itch::NASDAQ;

use common::{Feed, add_order, data, empty, order_delete};

const FRAMINGS: [Framing; 3] = [Framing::MOLDUDP64, Framing::LENGTH16, Framing::SOUPBINTCP];

/// One message of each type with a valid shape.
fn one_of_each() -> Vec<Vec<u8>> {
    let description = wirebook_itch::nasdaq_totalview_5_0::DESCRIPTION;
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for message in description.messages.as_slice() {
        let mut bytes = vec![1; message.length as usize];
        bytes[0] = message.type_value as u8;
        for field in message.fields.as_slice() {
            if let Some(code) = field.enumeration.values.as_slice().first() {
                bytes[field.offset as usize] = code.code.as_str().as_bytes()[0];
            }
        }
        messages.push(bytes);
    }
    messages
}

/// Decodes and splits a packet that may be anything, and checks what every answer must keep to.
fn survive(framing: Framing, packet: &[u8]) {
    // A copy of exactly the packet's size, so that a checker of memory accesses sees a read past its end.
    let packet = packet.to_vec().into_boxed_slice();
    let mut feed = Feed::new(&NASDAQ, framing);
    let mut frame = Frame::default();
    let outcome = feed.decoder.frame(&packet, &mut frame);
    assert!(outcome.offset as usize <= packet.len());
    if outcome.status != Status::OK {
        return;
    }
    assert!(frame.size_bytes as usize <= packet.len());
    let decoded = feed.decode(&packet, 0);
    assert!(decoded.messages <= frame.message_count && decoded.offset <= frame.size_bytes);
    assert!(matches!(decoded.status, Status::OK | Status::TRUNCATED));
    let mut spans = [Span::default(); 64];
    let split = feed.decoder.split(&packet, &mut spans);
    assert_eq!(split.messages, decoded.messages.min(64));
    assert!(!feed.decoder.failed());
    let taken = u64::from(decoded.messages);
    assert!(feed.batch.type_counts().iter().sum::<u64>() <= taken);
    assert!(feed.events.iter().all(|(_, cold, _)| cold.sequence.wrapping_sub(frame.first_sequence) < taken));
}

fn packets() -> Vec<(Framing, Vec<u8>)> {
    let messages = one_of_each();
    let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let mut packets = Vec::new();
    for framing in FRAMINGS {
        let mut feed = Feed::new(&NASDAQ, framing);
        let packet = feed.pack(&data(1), &slices);
        feed.packet(&packet);
        assert!(feed.faults.is_empty(), "{:?}", feed.faults);
        assert_eq!(feed.batch.type_counts(), [1; 23]);
        packets.push((framing, packet));
    }
    let mut soup = Feed::new(&NASDAQ, Framing::SOUPBINTCP);
    packets.push((Framing::SOUPBINTCP, soup.pack(&empty(1, FrameKind::CONTROL), &[])));
    packets
}

#[test]
fn every_truncation_is_survived() {
    for (framing, packet) in packets() {
        for size in 0..=packet.len() {
            survive(framing, &packet[..size]);
        }
    }
}

#[test]
fn every_corruption_of_a_byte_to_a_telling_value_is_survived() {
    for (framing, packet) in packets() {
        for at in 0..packet.len() {
            for value in [0, 1, b' ', b'A', b'S', 0x7f, 0x80, 0xff, !packet[at]] {
                let mut damaged = packet.clone();
                damaged[at] = value;
                survive(framing, &damaged);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for framing in FRAMINGS {
            survive(framing, &bytes);
        }
    }

    #[test]
    fn corrupted_packets_cut_anywhere_are_survived(
        at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), value in any::<u8>(),
    ) {
        for framing in FRAMINGS {
            let mut feed = Feed::new(&NASDAQ, framing);
            let messages: [&[u8]; 3] = [&order_delete(1), &add_order(7, 2, b"WIRE    "), &order_delete(3)];
            let mut packet = feed.pack(&data(1), &messages);
            *at.get_mut(&mut packet) = value;
            survive(framing, &packet[..=cut.index(packet.len())]);
        }
    }

    #[test]
    fn a_packet_other_than_the_framed_one_is_survived(
        framed in prop::collection::vec(any::<u8>(), 0..120), other in prop::collection::vec(any::<u8>(), 0..120),
        skip in any::<u32>(),
    ) {
        for framing in FRAMINGS {
            let mut feed = Feed::new(&NASDAQ, framing);
            feed.decoder.frame(&framed, &mut Frame::default());
            feed.decode(&other, skip);
            feed.decoder.split(&other, &mut [Span::default(); 8]);
            prop_assert!(!feed.decoder.failed());
        }
    }
}
