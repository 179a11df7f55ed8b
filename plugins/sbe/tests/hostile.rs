//! Damaged packets: nothing panics, nothing is read past the end, and what is said of them holds.

mod common;

use proptest::prelude::*;
use wirebook_abi::{DecoderTable, Frame, Framing, Span, Status};

use common::{FEEDS, Feed, one_of_each};

/// Decodes and splits a packet that may be anything, and checks what every answer must keep to.
fn survive(table: &'static DecoderTable, framing: Framing, packet: &[u8]) {
    // A copy of exactly the packet's size, so that a checker of memory accesses sees a read past its end.
    let packet = packet.to_vec().into_boxed_slice();
    let mut feed = Feed::new(table, framing);
    let mut frame = Frame::default();
    let outcome = feed.decoder.frame(&packet, &mut frame);
    assert!(outcome.offset as usize <= packet.len());
    if outcome.status != Status::OK {
        return;
    }
    assert!(frame.size_bytes as usize <= packet.len());
    let Some((_, decoded)) = feed.packet(&packet) else { return };
    assert!(decoded.messages <= frame.message_count && decoded.offset <= frame.size_bytes);
    assert!(matches!(decoded.status, Status::OK | Status::TRUNCATED | Status::BAD_HEADER));
    let mut spans = [Span::default(); 64];
    let split = feed.decoder.split(&packet, &mut spans);
    assert_eq!(split.messages, decoded.messages.min(64));
    assert!(!feed.decoder.failed());
    assert!(feed.faults.iter().all(|fault| fault.offset as usize <= packet.len()));
}

/// Feeds whose packets say where each message ends, so that a broken one is that message's fault alone.
fn sized() -> impl Iterator<Item = (&'static DecoderTable, Framing)> {
    FEEDS.into_iter().filter(|(_, framing)| *framing != Framing::SIMBA_PACKET)
}

#[test]
fn a_message_that_nobody_can_measure_ends_its_packet() {
    let table = &wirebook_sbe::MOEX;
    for (info, message) in one_of_each(table, 0) {
        let mut unknown = message.clone();
        unknown[2..4].fill(0xEE);
        let cut = &message[..message.len() - 1];
        for broken in [&unknown[..], cut] {
            let mut feed = Feed::new(table, Framing::SIMBA_PACKET);
            let packet = feed.pack(7, &[&message, broken]);
            let (frame, decoded) = feed.packet(&packet).expect("its header is sound");
            assert_eq!(frame.message_count, 2, "{}", info.name.as_str());
            assert_eq!((decoded.messages, decoded.offset as usize), (1, 28 + message.len()));
            assert!(matches!(decoded.status, Status::BAD_HEADER), "{}", info.name.as_str());
        }
        let mut feed = Feed::new(table, Framing::SIMBA_PACKET);
        let packet = feed.pack(7, &[&message, &message, &message]);
        let (frame, decoded) = feed.packet(&packet).expect("its header is sound");
        assert_eq!((frame.message_count, decoded.messages, decoded.status), (3, 3, Status::OK));
    }
}

#[test]
fn every_type_decodes_in_its_newest_version() {
    for (table, framing) in FEEDS {
        for (info, message) in one_of_each(table, 1) {
            let mut feed = Feed::new(table, framing);
            feed.message(&message);
            // Where the first code of a list is one that the message cannot have, that is what is wrong with it.
            let is_sound = feed.faults.iter().all(|fault| fault.status == Status::BAD_VALUE);
            let counted = feed.batch.type_counts().iter().sum::<u64>() + feed.faults.len() as u64;
            assert!(is_sound && counted == 1, "{} {:?}", info.name.as_str(), feed.faults);
        }
    }
}

#[test]
fn every_truncation_is_told_and_gives_no_event() {
    for (table, framing) in sized() {
        for (info, message) in one_of_each(table, 0) {
            for size in 0..message.len() {
                let mut cut = message[..size].to_vec();
                let mut feed = Feed::new(table, framing);
                if framing == Framing::DERIBIT_PACKET {
                    if size < 16 {
                        continue;
                    }
                    cut[..2].copy_from_slice(&(size as u16).to_le_bytes());
                }
                if size == 0 && framing == Framing::MESSAGE {
                    continue;
                }
                let events = feed.message(&cut);
                let statuses: Vec<_> = feed.faults.iter().map(|fault| fault.status).collect();
                // Nothing at all of an empty message; Coinbase pads, so that what is missing may read as zeros.
                let padded = framing == Framing::COINBASE_PACKET || size == 0;
                let is_short = matches!(statuses[..], [Status::SHORT_MESSAGE | Status::UNKNOWN_TYPE]);
                assert!(is_short || padded, "{} cut to {size}: {statuses:?}", info.name.as_str());
                assert!(events.is_empty() || padded, "{} cut to {size}", info.name.as_str());
            }
        }
    }
}

#[test]
fn counts_that_lie_are_told() {
    for (table, framing) in sized() {
        for (info, message) in one_of_each(table, 0) {
            let Some(group) = info.groups.as_slice().first().filter(|group| group.entry_size != 0) else { continue };
            let header = common_header(table);
            let at = header + info.block_length as usize + usize::from(group.count.offset);
            let mut lying = message.clone();
            lying[at..at + usize::from(group.count.size)].fill(200);
            let mut feed = Feed::new(table, framing);
            let events = feed.message(&lying);
            assert_eq!(feed.faults.len(), 1, "{}", info.name.as_str());
            assert!(events.is_empty(), "{}", info.name.as_str());
        }
    }
}

fn common_header(table: &'static DecoderTable) -> usize {
    wirebook_abi::CheckedTable::new(table).unwrap().description().header.size as usize
}

#[test]
fn a_message_of_another_schema_or_template_is_unknown() {
    for (table, framing) in sized() {
        let (_, message) = one_of_each(table, 0).swap_remove(0);
        let header = wirebook_abi::CheckedTable::new(table).unwrap().description().header;
        for slot in [header.schema_id, header.template_id] {
            if slot.size == 0 {
                continue;
            }
            let mut other = message.clone();
            other[usize::from(slot.offset)..usize::from(slot.offset + slot.size)].fill(0xEE);
            let mut feed = Feed::new(table, framing);
            assert!(feed.message(&other).is_empty());
            assert_eq!(feed.faults[0].status, Status::UNKNOWN_TYPE);
        }
    }
}

#[test]
fn bytes_behind_a_message_are_taken_as_a_newer_versions() {
    for (table, framing) in FEEDS {
        if matches!(framing, Framing::MESSAGE | Framing::COINBASE_PACKET | Framing::DERIBIT_PACKET) {
            continue;
        }
        for (info, message) in one_of_each(table, 0) {
            let mut feed = Feed::new(table, framing);
            let expected = feed.message(&message);
            let longer = [&message[..], &[7; 9]].concat();
            assert_eq!(feed.message(&longer), expected, "{}", info.name.as_str());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (table, framing) in FEEDS {
            survive(table, framing, &bytes);
        }
    }

    #[test]
    fn flipped_bits_survive(seed in any::<u64>(), fill in any::<u8>()) {
        for (table, framing) in FEEDS {
            let messages = one_of_each(table, fill);
            let (_, message) = &messages[seed as usize % messages.len()];
            let mut feed = Feed::new(table, framing);
            let mut packet = feed.pack(1, &[message]);
            for turn in 0..4 {
                let bit = (seed >> (turn * 13)) as usize % (packet.len() * 8);
                packet[bit / 8] ^= 1 << (bit % 8);
                survive(table, framing, &packet);
            }
        }
    }

    #[test]
    fn batches_of_any_size_give_the_same_events(fill in any::<u8>(), events in 8..64_usize, records in 8..24_usize) {
        for (table, framing) in FEEDS {
            for (info, message) in one_of_each(table, fill) {
                let expected = Feed::new(table, framing).message(&message);
                let found = Feed::with_room(table, framing, events, records).message(&message);
                prop_assert_eq!(found, expected, "{}", info.name.as_str());
            }
        }
    }
}
