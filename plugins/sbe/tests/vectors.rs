//! Bytes to events, from `vectors/`.

mod common;

use std::{fs, path::Path};

use saphyr::{LoadableYamlNode, SafelyIndex, Yaml};
use wirebook_abi::{
    CheckedTable, DecoderTable, Event, EventCold, EventKind, Framing, Record, Side, Tag, TradingState, detail, flags,
};

use common::{FEEDS, Feed, Whole, one_of_each};

struct Vector {
    table: &'static DecoderTable,
    framing: Framing,
    what: String,
    bytes: Vec<u8>,
    faults: Vec<String>,
    events: Vec<Whole>,
}

#[test]
fn each_vector_decodes_to_its_events() {
    for vector in vectors() {
        let mut feed = Feed::new(vector.table, vector.framing);
        let events: Vec<Whole> = feed.message(&vector.bytes).into_iter().map(without_indices).collect();
        assert_eq!(events, vector.events, "{}", vector.what);
        let faults: Vec<_> = feed.faults.iter().map(|fault| fault.status.name().to_owned()).collect();
        assert_eq!(faults, vector.faults, "{}", vector.what);
    }
}

#[test]
fn every_decoder_has_vectors() {
    let vectors = vectors();
    for (table, _) in FEEDS {
        assert!(vectors.iter().any(|vector| std::ptr::eq(vector.table, table)));
    }
}

/// A message means something if it does with one content or another.
#[test]
fn every_message_that_means_something_has_a_vector() {
    let vectors = vectors();
    for (table, framing) in FEEDS {
        let own = || vectors.iter().filter(|vector| std::ptr::eq(vector.table, table));
        let types: Vec<_> = own().map(|vector| type_of(table, &vector.bytes)).collect();
        for fill in 0..8 {
            for (info, message) in one_of_each(table, fill) {
                let events = Feed::new(table, framing).message(&message);
                let means = events.iter().any(|(event, ..)| event.kind != EventKind::END);
                assert!(!means || types.contains(&info.type_value), "{}: {}", description(table), info.name.as_str());
            }
        }
    }
}

/// A message's template id.
fn type_of(table: &'static DecoderTable, message: &[u8]) -> u32 {
    let header = CheckedTable::new(table).unwrap().description().header;
    let place =
        usize::from(header.template_id.offset)..usize::from(header.template_id.offset + header.template_id.size);
    let digits = message[place].iter();
    let joined = |value, byte: &u8| value << 8 | u32::from(*byte);
    if header.big_endian != 0 { digits.fold(0, joined) } else { digits.rev().fold(0, joined) }
}

/// The event without what depends on where in the batch, the packet and the description it stands.
fn without_indices((event, cold, record): Whole) -> Whole {
    (event, EventCold { message: 0, record: 0, sequence: 0, ..cold }, record)
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut vectors = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is in the repository") {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let yaml = Yaml::load_from_str(&text).expect("vectors are YAML").remove(0);
        let (table, framing) = decoder(&self::text(&yaml, "protocol"));
        let ts = number(&yaml, "ts").expect("ts");
        for each in yaml.get("vectors").and_then(Yaml::as_vec).expect("vectors") {
            vectors.push(vector(table, framing, ts, each));
        }
    }
    vectors
}

fn decoder(protocol: &str) -> (&'static DecoderTable, Framing) {
    let name = |table| CheckedTable::new(table).unwrap().description().protocol.as_str();
    FEEDS.into_iter().find(|(table, _)| name(table) == protocol).expect("a protocol of the plugin")
}

fn vector(table: &'static DecoderTable, framing: Framing, ts: u64, yaml: &Yaml<'_>) -> Vector {
    // A packet that is a message stands for it.
    let bytes = text(yaml, "bytes") + &text(yaml, "packet");
    let digits: String = bytes.chars().filter(|each| !each.is_whitespace()).collect();
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    let events = list(yaml, "events").iter().map(|each| event(each, ts)).collect();
    let faults = list(yaml, "faults").iter().map(|each| each.as_str().expect("a status").to_owned()).collect();
    Vector { table, framing, what: format!("{}: {}", description(table), text(yaml, "what")), bytes, faults, events }
}

fn description(table: &'static DecoderTable) -> &'static str {
    CheckedTable::new(table).unwrap().description().protocol.as_str()
}

fn event(yaml: &Yaml<'_>, ts: u64) -> Whole {
    let kind = (1..=15).map(EventKind).find(|kind| kind.name() == text(yaml, "kind")).expect("an event kind");
    let instrument = number(yaml, "instrument").map_or(Event::NO_INSTRUMENT, |key| key as u32);
    let state = (0..=10).map(TradingState).find(|state| state.name() == text(yaml, "state"));
    let last = yaml.get("last").and_then(Yaml::as_bool).unwrap_or(true);
    let level = |key| number(yaml, key).unwrap_or(0);
    let is_level = matches!(kind, EventKind::LEVEL_SET | EventKind::LEVEL_DELETE);
    let key = Event::level_key_within(level("position") as u16, level("orders") as u32, level("depth") as u16);
    let event = Event {
        order_id: if is_level { key } else { level("order_id") },
        price: match text(yaml, "price").as_str() {
            "none" => Event::NO_PRICE,
            _ => number(yaml, "price").unwrap_or(0) as i64,
        },
        quantity: level("quantity"),
        instrument,
        kind,
        side: match text(yaml, "side").as_str() {
            "B" => Side::BID,
            "A" => Side::ASK,
            _ => Side::NONE,
        },
        flags: level("flags") as u8 | if last { flags::LAST } else { 0 },
        detail: state.map_or_else(|| list(yaml, "detail").iter().map(detail_bit).sum(), |state| state.0),
    };
    let cold = EventCold {
        ts_event_ns: number(yaml, "ts").unwrap_or(ts),
        match_id: level("match_id"),
        ..EventCold::default()
    };
    (event, cold, yaml.get("record").map(|each| record(each, kind, instrument)))
}

fn detail_bit(name: &Yaml<'_>) -> u8 {
    match name.as_str().expect("a name") {
        "priced" => detail::PRICED,
        "non_printable" => detail::NON_PRINTABLE,
        "cross" => detail::CROSS,
        "whole_channel" => detail::WHOLE_CHANNEL,
        "remaining" => detail::REMAINING,
        "keeps_priority" => detail::KEEPS_PRIORITY,
        "loses_priority" => detail::LOSES_PRIORITY,
        "put" => detail::PUT,
        "insert" => detail::INSERT,
        "implied" => detail::IMPLIED,
        "through" => detail::THROUGH,
        "onward" => detail::ONWARD,
        other => panic!("no such detail: {other}"),
    }
}

fn record(yaml: &Yaml<'_>, kind: EventKind, instrument: u32) -> Record {
    let mut record = Record::new(kind, instrument);
    record.set_text(text(yaml, "text").as_bytes());
    let code = text(yaml, "code");
    record.code[..code.len()].copy_from_slice(code.as_bytes());
    for (tag, value) in yaml.get("values").and_then(Yaml::as_mapping).into_iter().flatten() {
        let tag = Tag::from_name(tag.as_str().expect("a tag")).expect("a known tag");
        record.push(tag, value.as_integer().expect("a number"));
    }
    record
}

fn text(yaml: &Yaml<'_>, key: &str) -> String {
    yaml.get(key).and_then(Yaml::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(yaml: &'a Yaml<'_>, key: &str) -> &'a [Yaml<'a>] {
    yaml.get(key).and_then(Yaml::as_vec).map_or(&[], |list| list)
}

/// The bits of a number, whatever its sign.
fn number(yaml: &Yaml<'_>, key: &str) -> Option<u64> {
    yaml.get(key)?.as_integer().map(i64::cast_unsigned)
}
