//! Groups in groups, data in entries, big-endian, by what the description of `protocols/nested.yaml` says.

mod common;

use common::Reader;
use serde_json::Value as Json;
use wirebook_abi::{DecoderTable, Event, EventKind, Side, Status, flags};
use wirebook_codegen_checks::{framed, nested_1_0, support::Protocol as _};
use wirebook_inspect::{FieldValue, JsonLine, Place, encode, message};

static NESTED: DecoderTable = DecoderTable::of::<framed::Decoder<nested_1_0::Nested10>>();

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.into())
}

/// Two legs, the first with two prices and a trade, the second with neither.
fn everything(version: i128, market: &str, symbol: &str) -> Vec<u8> {
    let integer = FieldValue::Integer;
    let mut values = vec![
        ("version", integer(version)),
        ("flags", integer(2)),
        ("at", integer(1_000)),
        ("market", text(market)),
        ("series", integer(4)),
        ("places", integer(-2)),
        ("decimals", integer(1)),
        ("type", text("12.34")),
        ("ratio", text("0.5")),
        ("weights", FieldValue::List(vec![integer(1), integer(2), integer(3)])),
        ("rate", FieldValue::Float(1.5)),
        ("maturity.month", integer(12)),
        ("part", text("-0.75")),
        ("legs[0].leg", integer(70_000)),
        ("legs[0].side", text("sell")),
        ("legs[0].prices[0].price", text("1.01")),
        ("legs[0].prices[1].price", text("-1.02")),
        ("legs[0].label", text("première")),
        ("legs[1].side", text("buy")),
        ("symbol", text(symbol)),
    ];
    if version >= 3 {
        values.push(("legs[0].trades[0].id", integer(900)));
        values.push(("legs[0].trades[0].quantity", integer(3)));
    }
    if version >= 2 {
        values.push(("blob", FieldValue::Bytes(vec![1, 2, 3])));
    }
    encode(&nested_1_0::DESCRIPTION, "everything", values).expect("the values fit")
}

#[test]
fn an_inspector_shows_every_part_by_its_path() {
    let bytes = everything(5, "MAIN", "ABC");
    let line = JsonLine(Place::default(), message(&nested_1_0::DESCRIPTION, &bytes).expect("it is whole")).to_string();
    let line: Json = serde_json::from_str(&line).expect("it is JSON");
    let fields = &line["fields"];
    for (name, value) in [
        ("message_length", bytes.len().to_string()),
        ("at", "1000".into()),
        ("type", "12.34".into()),
        ("ratio", "0.5".into()),
        ("part", "-0.75".into()),
        ("weights", "[1,2,3]".into()),
        ("rate", "1.5".into()),
        ("maturity.year", "null".into()),
        ("maturity.month", "12".into()),
        ("legs.block_length", "6".into()),
        ("legs.num_in_group", "2".into()),
        ("legs[0].leg", "70000".into()),
        ("legs[0].side", "\"S\"".into()),
        ("legs[0].prices.num_in_group", "2".into()),
        ("legs[0].prices[0].price", "1.01".into()),
        ("legs[0].prices[1].price", "-1.02".into()),
        ("legs[0].trades[0].id", "900".into()),
        ("legs[0].label", "\"première\"".into()),
        ("legs[1].prices.num_in_group", "0".into()),
        ("legs[1].label", "\"\"".into()),
        ("symbol", "\"ABC\"".into()),
        ("blob", "\"010203\"".into()),
    ] {
        assert_eq!(fields[name].to_string(), value, "{name}");
    }
    assert_eq!(fields.get("source"), None, "a constant is not on the wire");
    assert_eq!(line["raw"]["maturity.year"], 65_535);
    assert_eq!(line["raw"]["legs[0].prices[1].price"], -102);
    assert_eq!(line["meanings"]["legs[0].side"], "sell");
}

#[test]
fn entries_of_entries_are_events_with_what_stands_around_them() {
    let read = Reader::new(&NESTED).read(&everything(5, "MAIN", "ABC"));
    let level = |price| Event {
        price,
        quantity: 7,
        instrument: 0,
        kind: EventKind::LEVEL_SET,
        side: Side::ASK,
        flags: flags::MBP,
        ..Event::default()
    };
    assert_eq!(read.events[..2], [level(1_010_000_000), level(-1_020_000_000)]);
    assert_eq!(
        (read.events[2].kind, read.events[2].price, read.events[2].quantity),
        (EventKind::TRADE, 12_340_000_000, 3)
    );
    assert_eq!((read.cold[2].match_id, read.cold[2].ts_event_ns), (900, 1_000_000));
    assert_eq!((read.events[3].kind, read.events[3].flags), (EventKind::DEFINITION, flags::LAST));
    assert_eq!((read.records[0].text(), &read.records[0].code[..4]), ("ABC", &b"MAIN"[..]));
    assert_eq!((read.events.len(), read.faults.len()), (4, 0));
}

#[test]
fn parts_of_later_versions_are_not_there_before() {
    let read = Reader::new(&NESTED).read(&everything(1, "SIDE", "ABC"));
    let kinds: Vec<_> = read.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::LEVEL_SET, EventKind::LEVEL_SET], "no trade, and no definition of another market");
    let view_bytes = everything(1, "SIDE", "ABC");
    let view = nested_1_0::Everything::new(&view_bytes).expect("it is whole");
    assert_eq!((view.blob().len(), view.symbol(), view.legs().len()), (0, &b"ABC"[..], 2));
    let labels: Vec<_> = view.legs().map(|leg| leg.label().len()).collect();
    assert_eq!(labels, ["première".len(), 0]);
    assert_eq!(view.weights(), [1, 2, 3]);
    assert_eq!((view.type_(), view.rate(), view.maturity_year(), view.maturity_month()), (1_234, 1.5, None, Some(12)));
}

#[test]
fn versions_that_are_not_listed_are_unknown() {
    let fault = |version: i128| {
        Reader::new(&NESTED).read(&everything(version, "MAIN", "A")).faults.first().map(|fault| fault.status)
    };
    assert_eq!(
        (fault(0), fault(1), fault(5), fault(6)),
        (Some(Status::UNKNOWN_TYPE), None, None, Some(Status::UNKNOWN_TYPE))
    );
}

#[test]
fn instruments_named_by_text_get_keys_until_there_are_too_many() {
    let mut reader = Reader::new(&NESTED);
    let mut instrument =
        |symbol: &str| reader.read(&everything(5, "MAIN", symbol)).events.first().map(|event| event.instrument);
    assert_eq!((instrument("AAA"), instrument("BBB"), instrument("AAA")), (Some(0), Some(1), Some(0)));
    assert_eq!((instrument("CCC"), instrument("DDD")), (Some(2), Some(3)));
    let refused = reader.read(&everything(5, "MAIN", "EEE"));
    assert_eq!(refused.faults[0].status, Status::TOO_MANY_INSTRUMENTS);
    assert_eq!(refused.events.len(), 1, "the event group ends all the same");
}

#[test]
fn every_cut_is_a_fault_and_a_size_is_known_only_of_whole_messages() {
    let whole = everything(5, "MAIN", "ABC");
    let mut reader = Reader::new(&NESTED);
    for size in 1..whole.len() {
        let read = reader.read(&whole[..size]);
        assert_eq!(
            (read.events.len(), read.faults.len(), read.faults[0].status),
            (0, 1, Status::SHORT_MESSAGE),
            "{size}"
        );
        assert_eq!(nested_1_0::Nested10::size(&whole[..size]), None);
        assert!(message(&nested_1_0::DESCRIPTION, &whole[..size]).is_err(), "{size}");
    }
    assert_eq!(nested_1_0::Nested10::size(&whole), Some(whole.len()));
}

#[test]
fn no_flipped_bit_does_more_than_a_fault() {
    let whole = everything(5, "MAIN", "ABC");
    let mut reader = Reader::new(&NESTED);
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let read = reader.read(&bytes);
        assert!(read.events.len() <= 960 && read.faults.len() <= 1, "{bit}");
        let shown = message(&nested_1_0::DESCRIPTION, &bytes).map(|message| message.fields().count());
        assert!(shown.is_err() || shown.is_ok_and(|count| count < 10_000), "{bit}");
    }
}

#[test]
fn entries_without_bytes_are_no_more_than_the_message_has() {
    // Header of version 1, in which an entry has nothing; then entry length and count.
    let empties = |count: u8| vec![0, 8, 11, 0, 0, 1, 0, count];
    let mut reader = Reader::new(&NESTED);
    assert_eq!(reader.read(&empties(8)).faults, []);
    assert!(message(&nested_1_0::DESCRIPTION, &empties(8)).is_ok());
    assert_eq!(reader.read(&empties(9)).faults[0].status, Status::SHORT_MESSAGE);
    assert!(message(&nested_1_0::DESCRIPTION, &empties(9)).is_err());
}

#[test]
fn instruments_that_get_keys_may_be_too_many() {
    assert_eq!(nested_1_0::DESCRIPTION.statuses.as_slice().last(), Some(&Status::TOO_MANY_INSTRUMENTS));
}
