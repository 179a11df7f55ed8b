//! A capture, message by message, as text.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

use wirebook_abi::{
    BatchBuffer, CheckedTable, DecoderInstance, EventCold, EventKind, Frame, Framing, Numbering, Refused, Status,
};
use wirebook_inspect::{ErrorLine, HumanForm, InspectError, InspectedMessage, JsonLine, Place};
use wirebook_io::{
    Burst, FlowId, Packet, PacketKind, PacketSource, Polled, Progress, SourceError, capture::CaptureSource,
};

use crate::{framing, messages::Splitter};

/// Text gathered before it is handed on.
const CHUNK: usize = 64 << 10;
/// Bursts worked through before the caller is asked whether to go on.
const BURSTS: usize = 64;

/// What to show, and how.
#[derive(Default)]
pub struct Choice {
    /// Types or names of messages; empty for all.
    pub types: HashSet<String>,
    /// Symbols; empty for all.
    pub symbols: HashSet<String>,
    /// Messages to show at most.
    pub limit: Option<u64>,
    /// One JSON object a line, instead of lines for people.
    pub json: bool,
    /// The bytes too, in the form for people.
    pub hex: bool,
    /// Framing of every packet; told from the packet where it is not given.
    pub framing: Option<Framing>,
}

/// Counts so far.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// Messages met.
    pub messages: u64,
    /// Messages shown.
    pub shown: u64,
    /// Messages and packets that are not what the protocol says.
    pub errors: u64,
    /// Packets that cannot be of this protocol: a stream where it comes in datagrams, or the other way round.
    pub foreign: u64,
}

/// What a step gave.
pub enum Step {
    /// Whole lines.
    Text(String),
    /// Nothing to show yet.
    Nothing,
    /// The capture is at its end.
    End,
}

/// A capture being inspected.
pub struct Inspection {
    source: CaptureSource,
    table: CheckedTable,
    flows: HashMap<FlowId, Flow>,
    writer: Writer,
    /// What broke the capture off; told once the text before it has been handed on.
    broken: Option<SourceError>,
    ended: bool,
}

/// What is known of one flow.
enum Flow {
    Decoded(Box<Channel>),
    /// Cannot be decoded, or not any further.
    Given,
}

struct Channel {
    decoder: DecoderInstance,
    names: Option<Names>,
    splitter: Splitter,
}

/// Says which messages are of wanted symbols. Messages name an instrument by its key alone; the decoder's events know
/// which symbol that is.
struct Names {
    batch: BatchBuffer,
    wanted: HashMap<u32, bool>,
    /// Index of a message in its packet, and an instrument that it is of.
    instruments: Vec<(usize, u32)>,
}

impl Inspection {
    /// Inspects what `source` gives.
    pub fn new(source: CaptureSource, table: CheckedTable, choice: Choice) -> Self {
        let writer = Writer { choice, counts: Counts::default(), out: String::new() };
        Self { source, table, flows: HashMap::new(), writer, broken: None, ended: false }
    }

    /// Counts so far.
    pub fn counts(&self) -> Counts {
        self.writer.counts
    }

    /// How far it has come.
    pub fn progress(&self) -> Option<Progress> {
        self.source.progress()
    }

    /// Format of the capture.
    pub fn format(&self) -> String {
        framing::format_name(&self.source)
    }

    /// Goes on by some packets.
    ///
    /// # Errors
    ///
    /// What is wrong with the capture, after everything before it was given.
    pub fn step(&mut self) -> Result<Step, SourceError> {
        let mut burst = Burst::default();
        for _ in 0..BURSTS {
            if self.ended || self.writer.out.len() >= CHUNK {
                break;
            }
            self.burst(&mut burst);
        }
        if !self.writer.out.is_empty() {
            return Ok(Step::Text(std::mem::take(&mut self.writer.out)));
        }
        match (self.broken.take(), self.ended) {
            (Some(error), _) => Err(error),
            (None, true) => Ok(Step::End),
            (None, false) => Ok(Step::Nothing),
        }
    }

    fn burst(&mut self, burst: &mut Burst) {
        let implied = self.source.framing();
        let mut consumed = None;
        match self.source.burst(burst) {
            Ok(Polled::Packets(packets)) => {
                for packet in packets {
                    if self.writer.is_full() {
                        break;
                    }
                    let size = inspect(&mut self.flows, self.table, implied, packet, &mut self.writer);
                    if packet.kind == PacketKind::Stream {
                        consumed = Some((packet.flow, size));
                    }
                }
            }
            Ok(Polled::End) => self.ended = true,
            Err(error) => {
                self.broken = Some(error);
                self.ended = true;
            }
        }
        if let Some((flow, size)) = consumed {
            self.source.consume(flow, size);
        }
        self.ended |= self.writer.is_full();
    }
}

/// Shows the messages of one packet and gives the bytes that were taken.
fn inspect(
    flows: &mut HashMap<FlowId, Flow>,
    table: CheckedTable,
    implied: Option<Framing>,
    packet: &Packet<'_>,
    writer: &mut Writer,
) -> usize {
    if packet.after_hole {
        flows.remove(&packet.flow);
    }
    let flow = flows.entry(packet.flow).or_insert_with(|| {
        let framing = framing::of_packet(table, writer.choice.framing, implied, packet);
        let channel = framing.and_then(|framing| Channel::new(table, framing, &writer.choice).ok());
        channel.map_or(Flow::Given, |channel| Flow::Decoded(Box::new(channel)))
    });
    let Flow::Decoded(channel) = flow else {
        writer.counts.foreign += 1;
        return packet.payload.len();
    };
    let mut taken = 0;
    loop {
        match channel.part(table, packet.index, &packet.payload[taken..], packet.kind, writer) {
            Part::Taken(size) => taken += size,
            Part::Short => return taken,
            Part::Broken => {
                if packet.kind == PacketKind::Stream {
                    // Where the next message starts cannot be told any more.
                    *flow = Flow::Given;
                }
                return packet.payload.len();
            }
        }
        if packet.kind == PacketKind::Datagram || taken >= packet.payload.len() || writer.is_full() {
            return taken;
        }
    }
}

/// What came of a part of a packet's bytes.
enum Part {
    /// This many were taken.
    Taken(usize),
    /// Less than a message is there.
    Short,
    /// They are not what the framing says.
    Broken,
}

impl Channel {
    fn new(table: CheckedTable, framing: Framing, choice: &Choice) -> Result<Self, Refused> {
        let names = (!choice.symbols.is_empty()).then(|| Names {
            batch: BatchBuffer::new(1024, 512, table.description()),
            wanted: HashMap::new(),
            instruments: Vec::new(),
        });
        Ok(Self { decoder: table.create(framing)?, names, splitter: Splitter::default() })
    }

    fn part(&mut self, table: CheckedTable, index: u64, bytes: &[u8], kind: PacketKind, writer: &mut Writer) -> Part {
        let Self { decoder, names, splitter } = self;
        let split = splitter.split(decoder, bytes);
        let cut = split.status == Status::TRUNCATED && split.spans.is_empty();
        if cut && kind == PacketKind::Stream {
            return Part::Short;
        }
        let frame = &split.frame;
        if let Some(names) = names {
            names.read(decoder, bytes, frame, split.spans.len(), &writer.choice);
        }
        for (at, span) in split.spans.iter().enumerate() {
            let place = Place { packet: index, sequence: frame.sequence_of(at as u32), session: &frame.session };
            let message = &bytes[span.offset as usize..][..span.size as usize];
            let wanted = names.as_ref().is_none_or(|names| names.wants(at));
            writer.message(table, place, message, wanted);
        }
        if split.status != Status::OK {
            let sequence = frame.sequence_of(split.spans.len() as u32);
            let place = Place { packet: index, sequence, session: &frame.session };
            writer.packet_error(place, split.offset, split.status, bytes.len());
            return Part::Broken;
        }
        match split.frame.size_bytes as usize {
            0 => Part::Broken,
            size => Part::Taken(size),
        }
    }
}

impl Names {
    /// Learns from the packet's events which instruments each of its messages is of, and what instruments are called.
    fn read(&mut self, decoder: &mut DecoderInstance, bytes: &[u8], frame: &Frame, messages: usize, choice: &Choice) {
        self.instruments.clear();
        if frame.numbering == Numbering::MESSAGES && frame.first_sequence != 0 {
            let first = frame.first_sequence;
            self.decode(decoder, bytes, 0, choice, |cold| cold.sequence.wrapping_sub(first) as usize);
            return;
        }
        // The sequence does not tell the messages apart: a message's events are those that decoding from the one behind it
        // on does not give.
        let mut behind = 0;
        for at in (0..messages).rev() {
            let known = self.instruments.len();
            let count = self.decode(decoder, bytes, at as u32, choice, |_| at);
            let own = count - behind;
            behind = count;
            let kept = self.instruments.len().min(known + own);
            self.instruments.truncate(kept);
        }
    }

    /// Decodes from message `skip` on; notes under the message that `message_of` tells which instrument each event is of, and
    /// gives the count of events.
    fn decode(
        &mut self,
        decoder: &mut DecoderInstance,
        bytes: &[u8],
        skip: u32,
        choice: &Choice,
        message_of: impl Fn(&EventCold) -> usize,
    ) -> usize {
        let (mut skip, mut count) = (skip, 0);
        loop {
            let decoded = decoder.decode(bytes, skip, &mut self.batch);
            let (events, cold, records) = self.batch.parts_mut();
            for (event, cold) in events.iter().zip(cold) {
                self.instruments.push((message_of(cold), event.instrument));
                let record = usize::from(cold.record).checked_sub(1).and_then(|at| records.get(at));
                if let (EventKind::DEFINITION, Some(record)) = (event.kind, record) {
                    self.wanted.insert(event.instrument, choice.symbols.contains(record.text()));
                }
            }
            count += events.len();
            self.batch.clear();
            self.batch.take_faults();
            skip += decoded.messages;
            if decoded.status != Status::BATCH_FULL || decoded.messages == 0 {
                return count;
            }
        }
    }

    fn wants(&self, at: usize) -> bool {
        let mut own = self.instruments.iter().filter(|(message, _)| *message == at);
        own.any(|(_, instrument)| self.wanted.get(instrument).is_some_and(|wanted| *wanted))
    }
}

/// Writes what is wanted.
struct Writer {
    choice: Choice,
    counts: Counts,
    out: String,
}

impl Writer {
    fn is_full(&self) -> bool {
        self.choice.limit.is_some_and(|limit| self.counts.shown >= limit)
    }

    fn message(&mut self, table: CheckedTable, place: Place<'_>, bytes: &[u8], wanted: bool) {
        if bytes.is_empty() {
            // Some venues number a message and send nothing for it.
            return;
        }
        self.counts.messages += 1;
        let inspected = wirebook_inspect::message(table.description(), bytes);
        self.counts.errors += u64::from(inspected.is_err());
        if !wanted || self.is_full() || !self.has_wanted_type(&inspected) {
            return;
        }
        self.counts.shown += 1;
        match (inspected, self.choice.json) {
            (Ok(message), true) => self.line(format_args!("{}", JsonLine(place, message))),
            (Err(error), true) => self.line(format_args!("{}", ErrorLine(place, bytes, &error))),
            (Ok(message), false) => {
                let form = HumanForm { message, hex: self.choice.hex };
                self.line(format_args!("packet {} sequence {}: {form}", place.packet, place.sequence));
            }
            (Err(error), false) => {
                self.line(format_args!("packet {} sequence {}: {error}\n", place.packet, place.sequence));
            }
        }
    }

    fn has_wanted_type(&self, inspected: &Result<InspectedMessage<'_>, InspectError>) -> bool {
        let types = &self.choice.types;
        types.is_empty()
            || inspected.as_ref().is_ok_and(|message| {
                types.contains(message.info.type_text.as_str()) || types.contains(message.info.name.as_str())
            })
    }

    /// Shows what is wrong with a packet as a whole, unless only certain messages are asked for.
    fn packet_error(&mut self, place: Place<'_>, offset: u32, status: Status, size: usize) {
        self.counts.errors += 1;
        if !self.choice.types.is_empty() || !self.choice.symbols.is_empty() || self.is_full() {
            return;
        }
        let Place { packet, sequence, .. } = place;
        let error = format!("offset {offset}: {}", status.name());
        if self.choice.json {
            self.line(format_args!(
                "{{\"packet\":{packet},\"session\":\"\",\"sequence\":{sequence},\"type\":\"\",\"name\":null,\
                 \"bytes\":{size},\"fields\":{{}},\"raw\":{{}},\"meanings\":{{}},\"error\":\"{error}\"}}"
            ));
        } else {
            self.line(format_args!("packet {packet} sequence {sequence}: {error}\n"));
        }
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = writeln!(self.out, "{text}");
    }
}
