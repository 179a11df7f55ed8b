//! Bytes to events and back, message by message, from `vectors/`.

mod common;

use std::{fs, path::Path};

use saphyr::{LoadableYamlNode, SafelyIndex, Yaml};
use wirebook_abi::{DecoderTable, Event, EventCold, EventKind, Record, Side, Tag, TradingState, detail, flags};

use common::{Feed, TABLES, Whole, description, table, without_indices};

struct Vector {
    table: &'static DecoderTable,
    what: String,
    before: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    events: Vec<Whole>,
}

impl Vector {
    /// A decoder that has seen what goes before.
    fn feed(&self) -> Feed {
        let mut feed = Feed::new(self.table);
        let before: Vec<&[u8]> = self.before.iter().map(Vec::as_slice).collect();
        if !before.is_empty() {
            feed.messages(1, &before);
        }
        assert!(feed.events.is_empty() && feed.faults.is_empty());
        feed
    }

    fn decoded(&self, bytes: &[u8]) -> Vec<Whole> {
        let mut feed = self.feed();
        feed.messages(1 + self.before.len() as u32, &[bytes]);
        assert!(feed.faults.is_empty(), "{}: {:?}", self.what, feed.faults);
        feed.events.into_iter().map(without_indices).collect()
    }
}

#[test]
fn each_vector_decodes_to_its_events() {
    for vector in vectors() {
        assert_eq!(vector.decoded(&vector.bytes), vector.events, "{}", vector.what);
    }
}

#[test]
fn events_of_each_vector_encode_to_its_message_or_to_a_shorter_form() {
    for vector in vectors() {
        let (_, info) = description(vector.table).message(u32::from(vector.bytes[1])).expect("the type is described");
        // Reports of trades elsewhere are not told from the venue's own trades by their events.
        if vector.events.is_empty() || matches!(info.name.as_str(), "trade_extended" | "trade_unknown_symbol") {
            continue;
        }
        let encoded = vector.feed().encode(&vector.events);
        if vector.bytes.len() > info.length as usize {
            // What stands behind the fixed fields is in no event. A count of it in the event would be a lie.
            let is_counted = !vector.what.ends_with("variance future");
            assert_eq!(encoded.is_err(), is_counted, "{}", vector.what);
            continue;
        }
        let bytes = encoded.unwrap_or_else(|status| panic!("{}: {status:?}", vector.what));
        // Several codes of a trading status may mean one state.
        if bytes[1] == vector.bytes[1] && info.name.as_str() != "trading_status" {
            assert_eq!(bytes, vector.bytes, "{}", vector.what);
        }
        assert!(bytes.len() <= vector.bytes.len(), "{}", vector.what);
        assert_eq!(vector.decoded(&bytes), vector.events, "{}", vector.what);
    }
}

#[test]
fn every_message_type_of_every_protocol_has_a_vector() {
    let vectors = vectors();
    for table in TABLES {
        for message in description(table).messages.as_slice() {
            let own = vectors.iter().filter(|vector| std::ptr::eq(vector.table, table));
            let found = own.into_iter().any(|vector| u32::from(vector.bytes[1]) == message.type_value);
            assert!(found, "{} of {}", message.name.as_str(), description(table).protocol.as_str());
        }
    }
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut vectors = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is in the repository") {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let yaml = Yaml::load_from_str(&text).expect("vectors are YAML").remove(0);
        let protocol = yaml.get("protocol").and_then(Yaml::as_str).expect("protocol");
        for each in yaml.get("vectors").and_then(Yaml::as_vec).expect("vectors") {
            vectors.push(vector(protocol, each));
        }
    }
    assert!(vectors.len() > 300);
    vectors
}

fn vector(protocol: &str, yaml: &Yaml<'_>) -> Vector {
    let before = yaml.get("before").and_then(Yaml::as_vec).into_iter().flatten();
    Vector {
        table: table(protocol),
        what: format!("{protocol}: {}", text(yaml, "what")),
        before: before.map(|each| hex(each.as_str().expect("hex digits"))).collect(),
        bytes: hex(&text(yaml, "bytes")),
        events: yaml.get("events").and_then(Yaml::as_vec).expect("events").iter().map(event).collect(),
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(|each| !each.is_whitespace()).collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
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
        order_id: number(yaml, "order_id").unwrap_or(0) as u64,
        price: number(yaml, "price").unwrap_or(0),
        quantity: number(yaml, "quantity").unwrap_or(0) as u64,
        instrument,
        kind,
        side: match text(yaml, "side").as_str() {
            "B" => Side::BID,
            "A" => Side::ASK,
            _ => Side::NONE,
        },
        flags: if last { flags::LAST } else { 0 },
        detail: state.map_or_else(|| details(yaml), |state| state.0),
    };
    let cold = EventCold {
        ts_event_ns: number(yaml, "ts").unwrap_or(0) as u64,
        match_id: number(yaml, "match_id").unwrap_or(0) as u64,
        participant,
        ..EventCold::default()
    };
    (event, cold, yaml.get("record").map(|each| record(each, kind, instrument)))
}

fn details(yaml: &Yaml<'_>) -> u8 {
    let names = yaml.get("detail").and_then(Yaml::as_vec).into_iter().flatten();
    names.fold(0, |bits, name| {
        bits | match name.as_str().expect("a name") {
            "cross" => detail::CROSS,
            "whole_channel" => detail::WHOLE_CHANNEL,
            "remaining" => detail::REMAINING,
            "keeps_priority" => detail::KEEPS_PRIORITY,
            "loses_priority" => detail::LOSES_PRIORITY,
            other => panic!("no such detail: {other}"),
        }
    })
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

fn number(yaml: &Yaml<'_>, key: &str) -> Option<i64> {
    yaml.get(key)?.as_integer()
}
