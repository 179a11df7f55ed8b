//! Batches that fill up and messages that were seen before.

mod common;

use wirebook_abi::{Frame, Status};
use wirebook_pitch::{EQUITIES_2_41_64, cboe_us_equities_depth_2_41_64::*};

use common::{Feed, Whole, add_order, delete_order, time, unit};

fn executed_at_price(order: u64) -> [u8; 38] {
    OrderExecutedAtPriceSizeFields { order_id: order, executed_quantity: 5, price: 10_000, ..Default::default() }
        .encode()
}

fn halt(symbol: &[u8; 8]) -> [u8; 18] {
    TradingStatusFields { symbol: *symbol, trading_status: b'H', reg_sho_action: b'0', ..Default::default() }.encode()
}

/// Messages of one event and of two, of one record and of two, and of none.
fn packet() -> Vec<u8> {
    let mut messages: Vec<Vec<u8>> = vec![time(34_200).to_vec()];
    for index in 0..12_u8 {
        messages.push(add_order(u64::from(index) + 1, &[b'A' + index, b' ', b' ', b' ', b' ', b' ']).to_vec());
        messages.push(executed_at_price(u64::from(index) + 1).to_vec());
        messages.push(halt(&[b'N' + index, b' ', b' ', b' ', b' ', b' ', b' ', b' ']).to_vec());
    }
    let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    unit(31, 1, &slices)
}

fn plain(feed: &Feed) -> Vec<Whole> {
    feed.events.iter().map(|whole| common::without_indices(*whole)).collect()
}

#[test]
fn full_batches_lose_and_repeat_nothing() {
    let packet = packet();
    let mut roomy = Feed::new(&EQUITIES_2_41_64);
    roomy.packet(&packet);
    assert_eq!(roomy.events.len(), 12 * 6);
    for (events, records) in [(2, 2), (3, 2), (5, 2), (7, 3), (100, 3), (100, 4)] {
        let mut tight = Feed::with_room(&EQUITIES_2_41_64, events, records);
        assert_eq!(tight.packet(&packet).1.messages, 37);
        assert_eq!(plain(&tight), plain(&roomy));
        assert_eq!(tight.batch.type_counts(), roomy.batch.type_counts());
    }
}

#[test]
fn any_part_of_a_packet_gives_its_own_events() {
    let packet = packet();
    let mut whole = Feed::new(&EQUITIES_2_41_64);
    whole.packet(&packet);
    for skip in 0..40 {
        let mut part = Feed::new(&EQUITIES_2_41_64);
        part.decoder.frame(&packet, &mut Frame::default());
        let decoded = part.decode(&packet, skip);
        assert_eq!((decoded.status, decoded.messages), (Status::OK, 37_u32.saturating_sub(skip)));
        let first = u64::from(skip) + 1;
        // Which number an instrument gets depends on which was met first; all else does not.
        let told = |feed: &Feed| -> Vec<_> {
            let kept = feed.events.iter().filter(|(_, cold, _)| cold.sequence >= first);
            kept.map(|(event, cold, record)| {
                (event.kind, event.order_id, cold.ts_event_ns, cold.sequence, record.map(|record| record.text))
            })
            .collect()
        };
        assert_eq!(told(&part), told(&whole));
    }
}

#[test]
fn an_encoder_repeats_the_symbols_of_definitions() {
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    let messages = [add_order(1, b"YANG  "), add_order(2, b"XSVN  "), add_order(3, b"YANG  ")];
    feed.messages(1, &[&messages[0], &messages[1], &messages[2], &delete_order(1)]);
    let events: Vec<Whole> = feed.events.clone();
    let groups = [&events[..2], &events[2..4], &events[4..5]];
    for (group, message) in groups.into_iter().zip(messages) {
        let mut expected = message;
        // No time message went before, so that events have no time.
        expected[2..6].fill(0);
        assert_eq!(feed.encode(group), Ok(expected.to_vec()));
    }
    // An instrument that no definition named has no symbol to write, and two adds are no message.
    assert_eq!(Feed::new(&EQUITIES_2_41_64).encode(&events[4..5]), Err(Status::NOT_ENCODABLE));
    assert_eq!(feed.encode(&events[3..5]), Err(Status::NOT_ENCODABLE));
    assert_eq!(feed.encode(&[]), Err(Status::NOT_ENCODABLE));
}

#[test]
fn the_narrowest_form_that_holds_the_values_is_written() {
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    feed.messages(1, &[&add_order(1, b"YANG  ")]);
    let add = [feed.events[0], feed.events[1]];
    let mut with = |change: &dyn Fn(&mut Whole)| {
        let mut group = add;
        change(&mut group[1]);
        feed.encode(&group).map(|message| (message[1], message.len()))
    };
    assert_eq!(with(&|_| {}), Ok((0x22, 26)));
    assert_eq!(with(&|(event, ..)| event.quantity = 65_536), Ok((0x21, 34)));
    assert_eq!(with(&|(event, ..)| event.price += 1), Ok((0x21, 34)));
    assert_eq!(with(&|(_, cold, _)| cold.participant = *b"GSCO"), Ok((0x2f, 41)));
    assert_eq!(with(&|(event, ..)| event.quantity = 1 << 32), Err(Status::NOT_ENCODABLE));
    assert_eq!(with(&|(event, ..)| event.price = -1), Err(Status::NOT_ENCODABLE));
    let mut named = add;
    let mut record = named[0].2.unwrap();
    record.set_text(b"BRK.PRA");
    record.code = *b"BRK.PRA\0\0\0\0\0\0\0\0\0";
    named[0].2 = Some(record);
    // A symbol of seven characters has room in the expanded form only, participant or not.
    assert_eq!(feed.encode(&named).map(|message| message[1]), Ok(0x2f));
}
