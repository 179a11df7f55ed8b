//! What the events of `vectors/` encode to, for protocols whose plugin declares no encoder too. That the bytes decode to the
//! events, and that every type has a vector, is the conformance suite's.

mod common;

use std::{fs, path::Path};

use saphyr::{LoadableYamlNode, SafelyIndex, Yaml};
use wirebook_abi::{
    DecoderTable, Event, EventCold, EventKind, Fault, Framing, Record, Side, Status, Tag, TradingState, flags,
};
use wirebook_itch::TABLES;

use common::{Feed, Whole, data, description, encode, is_not_written, teach};

const DEFAULT_TIME_NS: u64 = 34_200_000_000_230;

struct Vector {
    table: &'static DecoderTable,
    what: String,
    /// Messages that went before.
    before: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    /// Whether the events encode to these very bytes.
    is_exact: bool,
    events: Vec<Whole>,
}

#[test]
fn each_vector_is_what_its_events_encode_to() {
    for vector in vectors() {
        let mut feed = Feed::new(vector.table, Framing::LENGTH16);
        teach(&mut feed, &vector.before);
        let mut output = [0; 512];
        let outcome = encode(&mut feed, &vector.events, &mut output);
        let written = &output[..outcome.offset as usize];
        if vector.events.is_empty() || is_not_written(vector.table, vector.bytes[0]) {
            assert!(outcome.status != Status::OK || written != vector.bytes, "{}", vector.what);
            continue;
        }
        assert_eq!(outcome.status, Status::OK, "{}", vector.what);
        // Fields that no event has are as the description says by default: what counts then is that nothing else changed.
        if written != vector.bytes {
            assert!(!vector.is_exact && written[0] == vector.bytes[0], "{}", vector.what);
            assert_eq!(decoded(&vector, written).0, vector.events, "{}", vector.what);
        }
    }
}

/// Events of a message that follows those before a vector's, and what was wrong with any of them.
fn decoded(vector: &Vector, message: &[u8]) -> (Vec<Whole>, Vec<Fault>) {
    let mut feed = Feed::new(vector.table, Framing::LENGTH16);
    let messages: Vec<&[u8]> = vector.before.iter().map(Vec::as_slice).chain([message]).collect();
    let stream = feed.pack(&data(1), &messages);
    feed.stream(&stream);
    let own = feed.events.iter().filter(|(_, cold, _)| cold.sequence == messages.len() as u64);
    (own.map(|whole| without_indices(*whole)).collect(), feed.faults)
}

/// The event without what depends on where in the batch and in the description it stands.
fn without_indices((event, cold, record): Whole) -> Whole {
    (event, EventCold { message: 0, record: 0, sequence: 0, ..cold }, record)
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut vectors = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is in the repository") {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let yaml = Yaml::load_from_str(&text).expect("vectors are YAML").remove(0);
        let table = table(yaml.get("protocol").and_then(Yaml::as_str).expect("protocol"));
        let ts = number(&yaml, "ts").unwrap_or(DEFAULT_TIME_NS);
        // Of Nasdaq's US feeds every field is in the events, or is given as by default.
        let is_exact = protocol(table).ends_with("totalview-5.0");
        for each in yaml.get("vectors").and_then(Yaml::as_vec).expect("vectors") {
            vectors.push(vector(table, ts, is_exact, each));
        }
    }
    assert!(vectors.len() > 30);
    vectors
}

fn table(protocol: &str) -> &'static DecoderTable {
    let found = TABLES.iter().find(|(_, table)| self::protocol(table) == protocol);
    found.unwrap_or_else(|| panic!("no such protocol: {protocol}")).1
}

fn protocol(table: &'static DecoderTable) -> &'static str {
    description(table).protocol.as_str()
}

fn vector(table: &'static DecoderTable, ts: u64, is_exact: bool, yaml: &Yaml<'_>) -> Vector {
    let bytes = from_hex(&text(yaml, "bytes"));
    let before = yaml.get("before").and_then(Yaml::as_vec).into_iter().flatten();
    let before = before.map(|message| from_hex(message.as_str().expect("hexadecimal digits"))).collect();
    let events: Vec<Whole> =
        yaml.get("events").and_then(Yaml::as_vec).expect("events").iter().map(|each| event(each, ts)).collect();
    Vector { table, what: text(yaml, "what"), before, bytes, is_exact, events }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(|each| !each.is_whitespace()).collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn event(yaml: &Yaml<'_>, ts: u64) -> Whole {
    let kind = (1..=15).map(EventKind).find(|kind| kind.name() == text(yaml, "kind")).expect("an event kind");
    let instrument = number(yaml, "instrument").map_or(Event::NO_INSTRUMENT, |key| key as u32);
    let state = (0..=10).map(TradingState).find(|state| state.name() == text(yaml, "state"));
    let last = yaml.get("last").and_then(Yaml::as_bool).unwrap_or(true);
    let mut participant = [0; 4];
    let named = text(yaml, "participant");
    participant[..named.len()].copy_from_slice(named.as_bytes());
    let side = match text(yaml, "side").as_str() {
        "B" => Side::BID,
        "A" => Side::ASK,
        "inherited" => Side::INHERITED,
        _ => Side::NONE,
    };
    let event = Event {
        order_id: number(yaml, "order_id").unwrap_or(0),
        price: price(yaml),
        quantity: number(yaml, "quantity").unwrap_or(0),
        instrument,
        kind,
        side,
        flags: if last { flags::LAST } else { 0 },
        detail: state.map_or(number(yaml, "detail").unwrap_or(0) as u8, |state| state.0),
    };
    let cold = EventCold {
        ts_event_ns: number(yaml, "ts").unwrap_or(ts),
        sequence: 0,
        match_id: number(yaml, "match_id").unwrap_or(0),
        participant,
        ..EventCold::default()
    };
    (event, cold, yaml.get("record").map(|each| record(each, kind, instrument)))
}

/// A price, or `none` for that of a market order.
fn price(yaml: &Yaml<'_>) -> i64 {
    if text(yaml, "price") == "none" { Event::NO_PRICE } else { number(yaml, "price").unwrap_or(0) as i64 }
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
