//! What every top is after every message, and whether what readers are told agrees with it.

use std::collections::BTreeMap;

use wirebook_abi::{BatchBuffer, CheckedTable, Event, EventCold, Frame, Framing, Status, flags};
use wirebook_book::{BookConfig, BookReader, BookState, BookWriter, Top, TopLevel};

/// A top without what is not of the venue: sequence and time of its publication.
type Levels = (Vec<TopLevel>, Vec<TopLevel>);

fn levels(top: &Top) -> Levels {
    (top.bids().to_vec(), top.asks().to_vec())
}

/// The tops of a session after each of its messages.
#[derive(Debug, Default)]
pub struct Truth {
    /// Of each instrument the sequences at which its top changed, and to what.
    changes: BTreeMap<u32, Vec<(u64, Levels)>>,
    pub last_sequence: u64,
}

impl Truth {
    /// Applies every message by itself, in order, to books of its own.
    pub fn of<'a>(table: CheckedTable, framing: Framing, packets: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut decoder = table.create(framing).unwrap();
        let mut batch = BatchBuffer::new(1 << 12, 1 << 10, table.description());
        let mut books = BookWriter::new(&small_books(table)).unwrap();
        let reader = books.reader();
        let mut truth = Self::default();
        for packet in packets {
            let mut frame = Frame::default();
            assert_eq!(decoder.frame(packet, &mut frame).status, Status::OK);
            batch.clear();
            assert_eq!(decoder.decode(packet, 0, &mut batch).status, Status::OK);
            let (events, cold, _) = batch.parts_mut();
            for (event, cold) in events.iter_mut().zip(cold) {
                books.apply(event, cold);
                if event.flags & flags::LAST != 0 {
                    truth.note(&reader, event, cold);
                }
            }
            truth.last_sequence = frame.first_sequence + u64::from(frame.sequence_count()) - 1;
        }
        truth
    }

    fn note(&mut self, reader: &BookReader, event: &Event, cold: &EventCold) {
        let Ok(top) = reader.top(event.instrument) else { return };
        let changes = self.changes.entry(event.instrument).or_default();
        let now = levels(&top);
        if changes.last().is_none_or(|(_, before)| *before != now) {
            changes.push((cold.sequence, now));
        }
    }

    pub fn instruments(&self) -> impl Iterator<Item = u32> + '_ {
        self.changes.keys().copied()
    }

    fn at(&self, key: u32, sequence: u64) -> Levels {
        let changes = &self.changes[&key];
        let at = changes.partition_point(|(changed, _)| *changed <= sequence);
        at.checked_sub(1).map(|at| changes[at].1.clone()).unwrap_or_default()
    }

    /// Holds what readers are told against the truth at that sequence, and says how many are told that it can be believed.
    pub fn check(&self, reader: &BookReader) -> usize {
        let mut believed = 0;
        for key in self.instruments() {
            let Ok(top) = reader.top(key) else { continue };
            let may_be_wrong =
                matches!(top.validity.state, BookState::Building | BookState::Recovering | BookState::Stale);
            if !may_be_wrong {
                believed += 1;
                let is = levels(&top);
                assert_eq!(
                    is,
                    self.at(key, top.sequence),
                    "instrument {key} is told {:?} at {}",
                    top.validity,
                    top.sequence
                );
            }
        }
        believed
    }
}

/// Memory for a small day.
pub fn small_books(table: CheckedTable) -> BookConfig {
    BookConfig {
        instrument_limit: 64,
        orders: 1 << 12,
        levels: 1 << 12,
        window_bits: 12,
        ..BookConfig::of(table.description())
    }
}
