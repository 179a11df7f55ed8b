//! Decoders that break their promises, one each, and one that keeps them.

use std::hint::black_box;

use wirebook_abi::{
    BatchWriter, CheckedTable, Decoded, Decoder, DecoderTable, Description, Event, EventCold, EventKind, Frame,
    Framing, Group, MessageInfo, Outcome, Span, Status, Text, describe::List,
};
use wirebook_conformance::{Survey, count_allocations, measure_rate};

/// What a [`Bytes`] decoder does wrong.
const NOTHING: u32 = 0;
const PANICS: u32 = 1;
const COUNTS_TOO_MANY: u32 = 2;
const IS_PAST_THE_END: u32 = 3;
const NUMBERS_WRONGLY: u32 = 4;
const FORGETS_THE_LAST: u32 = 5;
const STALLS: u32 = 6;
const TAKES_MEMORY: u32 = 7;
const SPLITS_OTHERWISE: u32 = 8;

/// Packets whose every byte is a message: below 128 a delete of the order of that number, else unknown.
struct Bytes<const FAULT: u32> {
    size: usize,
}

static MESSAGES: [MessageInfo; 1] = [MessageInfo {
    type_text: Text::new("D"),
    name: Text::new("delete"),
    about: Text::new("an order is gone"),
    length: 1,
    ..MessageInfo::PLAIN
}];

impl<const FAULT: u32> Decoder for Bytes<FAULT> {
    const DESCRIPTION: Description = Description {
        protocol: Text::new("bytes-1.0"),
        version: Text::new("1.0"),
        family: Text::new("bytes"),
        instrument_limit: 1,
        framings: List::new(&[Framing::LENGTH16]),
        messages: List::new(&MESSAGES),
        ..Description::PLAIN
    };

    fn new(framing: Framing) -> Option<Self> {
        (framing == Framing::LENGTH16).then_some(Self { size: 0 })
    }

    fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Outcome {
        let size = packet.len() as u32;
        *frame = Frame { first_sequence: 1, message_count: size, size_bytes: size, ..Frame::default() };
        self.size = packet.len();
        if packet.is_empty() { Outcome::refused(Status::TRUNCATED, 0) } else { Outcome::ok(0) }
    }

    fn decode(&mut self, packet: &[u8], skip: u32, batch: &mut BatchWriter<'_>) -> Decoded {
        let mut taken = 0;
        let mut status = Status::OK;
        for (index, byte) in packet.iter().enumerate().take(self.size).skip(skip as usize) {
            assert!(FAULT != PANICS || *byte != 0x7f);
            if batch.room() == 0 || FAULT == STALLS && *byte == 0x20 {
                status = Status::BATCH_FULL;
                break;
            }
            if FAULT == TAKES_MEMORY {
                drop(black_box(Box::new(*byte)));
            }
            let sequence = index as u64 + if FAULT == NUMBERS_WRONGLY { 2 } else { 1 };
            let event = Event { order_id: u64::from(*byte), kind: EventKind::DELETE, ..Event::default() };
            if !(FAULT == FORGETS_THE_LAST && index + 1 == packet.len()) {
                batch.push(event, EventCold { sequence, ..EventCold::default() });
                taken += 1;
            }
            batch.count_type(0);
        }
        let more = u32::from(FAULT == COUNTS_TOO_MANY);
        let offset = skip + taken + if FAULT == IS_PAST_THE_END { 1 } else { 0 };
        Decoded { messages: taken + more, status, reserved: 0, offset }
    }

    fn split(&mut self, packet: &[u8], spans: &mut [Span]) -> Decoded {
        let found = packet.len().min(self.size).min(spans.len());
        for (at, span) in spans.iter_mut().enumerate().take(found) {
            *span = Span { offset: at as u32, size: 1 };
        }
        let less = u32::from(FAULT == SPLITS_OTHERWISE && found > 0);
        Decoded { messages: found as u32 - less, ..Decoded::default() }
    }

    fn encode(&mut self, _group: Group<'_>, _output: &mut [u8]) -> Outcome {
        Outcome::refused(Status::NOT_ENCODABLE, 0)
    }

    fn pack(&mut self, _frame: &Frame, _messages: &[&[u8]], _output: &mut [u8]) -> Outcome {
        Outcome::refused(Status::NOT_ENCODABLE, 0)
    }
}

fn table<const FAULT: u32>() -> CheckedTable {
    struct Held<const FAULT: u32>;
    impl<const FAULT: u32> Held<FAULT> {
        const TABLE: &'static DecoderTable = &DecoderTable::of::<Bytes<FAULT>>();
    }
    CheckedTable::new(Held::<FAULT>::TABLE).unwrap()
}

const PACKET: &[u8] = &[1, 2, 3, 0x20, 0x41];

fn violations<const FAULT: u32>() -> Vec<String> {
    let mut survey = Survey::new(table::<FAULT>(), Framing::LENGTH16).unwrap();
    survey.truncations(PACKET);
    survey.bit_flips(PACKET);
    survey.lies(PACKET);
    survey.noise(PACKET, 1, 50);
    survey.mismatches(&[PACKET, &[0x7f], &[]]);
    assert!(survey.packets() > 200);
    survey.violations().iter().map(|each| each.what.clone()).collect()
}

#[track_caller]
fn assert_found<const FAULT: u32>(what: &str) {
    let found = violations::<FAULT>();
    assert!(found.iter().any(|each| each.contains(what)), "{found:?}");
}

#[test]
fn sound_decoder_breaks_no_promise() {
    assert_eq!(violations::<NOTHING>(), Vec::<String>::new());
}

#[test]
fn each_broken_promise_is_found() {
    assert_found::<PANICS>("panicked");
    assert_found::<COUNTS_TOO_MANY>("took 6 messages of 5");
    assert_found::<IS_PAST_THE_END>("offset 6 is past the packet's 5 bytes");
    assert_found::<NUMBERS_WRONGLY>("sequence 6 is of none of 5 messages from 1");
    assert_found::<FORGETS_THE_LAST>("answered ok after 4 of 5 messages");
    assert_found::<STALLS>("took no message with room for");
    assert_found::<SPLITS_OTHERWISE>("split: found 4 messages where decode took 5");
}

#[test]
fn a_violation_names_its_packet() {
    let mut survey = Survey::new(table::<PANICS>(), Framing::LENGTH16).unwrap();
    survey.try_packet(&[1, 0x7f]);
    assert_eq!(survey.violations()[0].packet, [1, 0x7f]);
}

#[test]
fn memory_taken_while_decoding_is_counted_though_it_is_given_back() {
    let counted = |table| count_allocations(table, Framing::LENGTH16, &[PACKET, PACKET], 10).unwrap();
    let sound = counted(table::<NOTHING>());
    assert_eq!((sound.decoding, sound.messages), (0, 100));
    assert!(sound.construction >= 1);
    assert_eq!(counted(table::<TAKES_MEMORY>()).decoding, 100);
}

#[test]
fn rate_is_of_every_message_of_every_run() {
    let rate = measure_rate(table::<NOTHING>(), Framing::LENGTH16, &[PACKET], 10_000, 3).unwrap();
    assert_eq!((rate.messages, rate.events, rate.runs_ns.len()), (10_000, 10_000, 3));
    assert!(rate.ns_per_message() > 0.0 && rate.ns_per_message() == rate.ns_per_event());
}

#[test]
fn another_framing_is_refused() {
    assert!(Survey::new(table::<NOTHING>(), Framing::MOLDUDP64).is_err());
}
