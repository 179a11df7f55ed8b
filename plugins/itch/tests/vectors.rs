//! Bytes to events and back, message type by message type, from `vectors/`.

mod common;

use std::{fs, path::Path};

use saphyr::{LoadableYamlNode, SafelyIndex, Yaml};
use wirebook_abi::{
    DecoderTable, Event, EventCold, EventKind, Framing, Group, Record, Side, Status, Tag, TradingState, flags,
};

use common::{Feed, Whole, data};

const DEFAULT_TIME_NS: u64 = 34_200_000_000_230;

struct Vector {
    table: &'static DecoderTable,
    what: String,
    bytes: Vec<u8>,
    events: Vec<Whole>,
}

#[test]
fn each_vector_decodes_to_its_events() {
    for vector in vectors() {
        let mut feed = Feed::new(vector.table, Framing::LENGTH16);
        let stream = feed.pack(&data(1), &[&vector.bytes]);
        feed.stream(&stream);
        let events: Vec<Whole> = feed.events.iter().map(|whole| without_indices(*whole)).collect();
        assert_eq!(events, vector.events, "{}", vector.what);
        assert!(feed.faults.is_empty(), "{}", vector.what);
    }
}

#[test]
fn each_vector_is_what_its_events_encode_to() {
    for vector in vectors() {
        let mut feed = Feed::new(vector.table, Framing::LENGTH16);
        let records: Vec<Record> = vector.events.iter().filter_map(|(.., record)| *record).collect();
        let mut next_record = 0;
        let (mut events, mut cold) = (Vec::new(), Vec::new());
        for (event, each, record) in &vector.events {
            next_record += u16::from(record.is_some());
            events.push(*event);
            cold.push(EventCold { record: if record.is_some() { next_record } else { 0 }, ..*each });
        }
        let mut output = [0; 64];
        let group = Group { events: &events, cold: &cold, records: &records };
        let outcome = feed.decoder.encode(group, &mut output);
        assert_eq!(outcome.status, Status::OK, "{}", vector.what);
        assert_eq!(output[..outcome.offset as usize], vector.bytes, "{}", vector.what);
    }
}

#[test]
fn every_message_type_has_a_vector() {
    let vectors = vectors();
    let description = wirebook_itch::nasdaq_totalview_5_0::DESCRIPTION;
    assert_eq!(description.messages.as_slice().len(), 23);
    for message in description.messages.as_slice() {
        let found = vectors.iter().any(|vector| u32::from(vector.bytes[0]) == message.type_value);
        assert!(found, "{}", message.name.as_str());
    }
}

/// The event without what depends on where in the batch and in the description it stands.
fn without_indices((event, cold, record): Whole) -> Whole {
    (event, EventCold { message: 0, record: 0, ..cold }, record)
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut vectors = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is in the repository") {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let yaml = Yaml::load_from_str(&text).expect("vectors are YAML").remove(0);
        let table = table(yaml.get("protocol").and_then(Yaml::as_str).expect("protocol"));
        for each in yaml.get("vectors").and_then(Yaml::as_vec).expect("vectors") {
            vectors.push(vector(table, each));
        }
    }
    assert!(vectors.len() > 30);
    vectors
}

fn table(protocol: &str) -> &'static DecoderTable {
    match protocol {
        "nasdaq-totalview-5.0" => &wirebook_itch::NASDAQ,
        "nasdaq-bx-totalview-5.0" => &wirebook_itch::NASDAQ_BX,
        "nasdaq-psx-totalview-5.0" => &wirebook_itch::NASDAQ_PSX,
        other => panic!("no such protocol: {other}"),
    }
}

fn vector(table: &'static DecoderTable, yaml: &Yaml<'_>) -> Vector {
    let digits: String = text(yaml, "bytes").chars().filter(|each| !each.is_whitespace()).collect();
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    let events = yaml.get("events").and_then(Yaml::as_vec).expect("events").iter().map(event).collect();
    Vector { table, what: text(yaml, "what"), bytes, events }
}

fn event(yaml: &Yaml<'_>) -> Whole {
    let kind = (1..=15).map(EventKind).find(|kind| kind.name() == text(yaml, "kind")).expect("an event kind");
    let instrument = number(yaml, "instrument").map_or(Event::NO_INSTRUMENT, |key| key as u32);
    let state = (0..=10).map(TradingState).find(|state| state.name() == text(yaml, "state"));
    let last = yaml.get("last").and_then(Yaml::as_bool).unwrap_or(true);
    let mut participant = [0; 4];
    let named = text(yaml, "participant");
    participant[..named.len()].copy_from_slice(named.as_bytes());
    let event = Event {
        order_id: number(yaml, "order_id").unwrap_or(0),
        price: number(yaml, "price").unwrap_or(0) as i64,
        quantity: number(yaml, "quantity").unwrap_or(0),
        instrument,
        kind,
        side: match text(yaml, "side").as_str() {
            "B" => Side::BID,
            "A" => Side::ASK,
            "inherited" => Side::INHERITED,
            _ => Side::NONE,
        },
        flags: if last { flags::LAST } else { 0 },
        detail: state.map_or(number(yaml, "detail").unwrap_or(0) as u8, |state| state.0),
    };
    let cold = EventCold {
        ts_event_ns: number(yaml, "ts").unwrap_or(DEFAULT_TIME_NS),
        sequence: 1,
        match_id: number(yaml, "match_id").unwrap_or(0),
        participant,
        ..EventCold::default()
    };
    (event, cold, yaml.get("record").map(|each| record(each, kind, instrument)))
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

/// Integers past `i64` are read as floating point by YAML libraries, so that the largest is told by its neighbourhood.
fn number(yaml: &Yaml<'_>, key: &str) -> Option<u64> {
    let node = yaml.get(key)?;
    node.as_integer().map(|value| value as u64).or_else(|| node.as_floating_point().map(|value| value as u64))
}
