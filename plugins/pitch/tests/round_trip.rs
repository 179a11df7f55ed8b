//! Encoding and decoding undo each other, for every message type of every protocol.

mod common;

use proptest::prelude::*;
use wirebook_abi::{DecoderTable, FieldKind, MessageInfo, Status};

use common::{Feed, TABLES, Whole, description, without_indices};

/// A message of any type with any content, whose listed codes are codes of their lists and whose text is text.
fn any_message() -> impl Strategy<Value = (&'static DecoderTable, &'static MessageInfo, Vec<u8>)> {
    (0..TABLES.len(), any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 255)).prop_map(
        |(table, index, random)| {
            let table = TABLES[table];
            let message = index.get(description(table).messages.as_slice());
            let mut bytes = random[..message.length as usize].to_vec();
            for field in message.fields.as_slice() {
                let at = field.offset as usize;
                let part = &mut bytes[at..at + field.size as usize];
                let codes = field.enumeration.values.as_slice();
                match field.kind {
                    FieldKind::CHAR if !codes.is_empty() => {
                        part[0] = codes[usize::from(part[0]) % codes.len()].code.as_str().as_bytes()[0];
                    }
                    FieldKind::ASCII => {
                        let filled = 1 + usize::from(part[0]) % part.len();
                        part.iter_mut().for_each(|byte| *byte = b'A' + *byte % 26);
                        part[filled..].fill(b' ');
                    }
                    _ => {}
                }
                if matches!(field.name.as_str(), "leg_count" | "futures_flags") {
                    part[0] = 0;
                }
            }
            bytes[0] = message.length as u8;
            bytes[1] = message.type_value as u8;
            (table, message, bytes)
        },
    )
}

/// The message's events behind a time message, which sets the second in every protocol of `table`.
fn decoded(table: &'static DecoderTable, message: &[u8]) -> Feed {
    let (_, info) = description(table).message(0x20).expect("every protocol has a time message");
    let mut time = vec![0; info.length as usize];
    time[..2].copy_from_slice(&[info.length as u8, 0x20]);
    let mut feed = Feed::new(table);
    feed.messages(1, &[&time, message]);
    feed
}

/// Whether a number did not fit and stands at its limit, or an offset is past a second: such a message cannot come back.
fn is_lossy(events: &[Whole]) -> bool {
    events.iter().any(|(event, cold, record)| {
        let values = record.map_or([0; 8], |record| record.values);
        event.price == i64::MAX
            || values.contains(&i64::MAX)
            || values.contains(&i64::MIN)
            || cold.ts_event_ns >= 1_000_000_000
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn events_encode_to_a_message_of_the_same_events((table, message, bytes) in any_message()) {
        let first = decoded(table, &bytes);
        if let Some(fault) = first.faults.first() {
            prop_assert_eq!(fault.status, Status::BAD_VALUE);
            prop_assert!(first.events.is_empty());
            return Ok(());
        }
        if first.events.is_empty() || message.name.as_str().starts_with("trade_extended") || message.name.as_str().contains("unknown") {
            return Ok(());
        }
        let events: Vec<Whole> = first.events.into_iter().map(without_indices).collect();
        match Feed::new(table).encode(&events) {
            Ok(again) if !is_lossy(&events) => {
                prop_assert!(again.len() <= bytes.len());
                let back: Vec<Whole> = decoded(table, &again).events.into_iter().map(without_indices).collect();
                prop_assert_eq!(back, events);
            }
            Ok(_) => {}
            Err(status) => {
                prop_assert_eq!(status, Status::NOT_ENCODABLE);
                prop_assert!(is_lossy(&events), "{:?}", events);
            }
        }
    }
}
