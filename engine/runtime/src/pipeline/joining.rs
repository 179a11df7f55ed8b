//! What a channel takes beside its own packets: snapshots of all books, and loops of snapshots of single instruments.

use wirebook_abi::{
    BatchBuffer, CheckedTable, DecoderInstance, Event, EventCold, EventKind, Frame, FrameKind, Record, Refused, Status,
    flags,
};
use wirebook_book::Reason;
use wirebook_channel::{Gap, Sequencer};

use super::{EventSink, Pipeline, RING_EVENTS, RING_RECORDS};
use crate::join::{Join, JoinCounters, Sorted};

/// Loops that a channel can have: definitions, levels and orders, some to spare.
const LOOPS: usize = 16;

/// Where the packets of a loop are read.
#[derive(Debug)]
pub(super) struct LoopReader {
    /// A decoder of its own, where packets do not say which feed they are of.
    decoder: Option<DecoderInstance>,
    sequencer: Sequencer,
    /// It came from its first packet on, and none was missing.
    is_whole: bool,
}

/// The channel's part in joining loops.
#[derive(Debug)]
pub(super) struct Joining {
    pub join: Join,
    readers: Vec<LoopReader>,
    stage: BatchBuffer,
}

impl Joining {
    pub fn new(table: CheckedTable) -> Self {
        let stage = BatchBuffer::new(RING_EVENTS, RING_RECORDS, table.description());
        Self { join: Join::new(), readers: Vec::with_capacity(LOOPS), stage }
    }
}

impl Pipeline {
    /// Drops every book for a snapshot that gives them anew. Until [`end_snapshot`](Self::end_snapshot) readers are told that
    /// they are being recovered.
    pub fn begin_snapshot<S: EventSink>(&mut self, sink: &mut S) {
        self.empty_ring(sink);
        let sequence = self.sequencer.next_sequence();
        self.books.doubt_channel(Reason::Recovering, sequence, self.ts_event_ns);
        self.books.clear_channel(sequence, self.ts_event_ns);
        self.closing = None;
    }

    /// Takes a packet of a snapshot, in the channel's framing and without a sequence. Gives the messages that it had.
    pub fn snapshot_packet<S: EventSink>(&mut self, bytes: &[u8], ts_recv_ns: u64, offset: u64, sink: &mut S) -> u64 {
        let Ok(frame) = self.frame(bytes, offset, sink) else { return 0 };
        let before = self.messages;
        self.empty_ring(sink);
        let frame = Frame { first_sequence: 0, ..frame };
        self.in_snapshot = true;
        self.decode(&bytes[..(frame.size_bytes as usize).min(bytes.len())], &frame, 0, ts_recv_ns, offset, sink);
        self.in_snapshot = false;
        self.messages - before
    }

    /// The snapshot is whole, and the channel goes on at `next_sequence`: what is seen of it before that is in the snapshot.
    pub fn end_snapshot<S: EventSink>(&mut self, next_sequence: u64, sink: &mut S) {
        self.empty_ring(sink);
        self.sequencer.join(next_sequence);
        let last = next_sequence.saturating_sub(1);
        for reason in [Reason::JoinedLate, Reason::Gap, Reason::Silent, Reason::Recovering] {
            self.books.lift_channel(reason, last, self.ts_event_ns);
        }
    }

    /// Whether instruments wait for their snapshots out of a loop.
    pub fn is_joining(&self) -> bool {
        self.joining.as_ref().is_some_and(|joining| joining.join.is_doubtful())
    }

    /// What became of the snapshots in loops.
    pub fn join_counters(&self) -> JoinCounters {
        self.joining.as_ref().map_or_else(JoinCounters::default, |joining| joining.join.counters())
    }

    /// Takes a packet of the loop at `index`, which numbers its packets for itself: definitions, or snapshots of instruments,
    /// which are joined with the channel's own messages.
    ///
    /// # Errors
    ///
    /// [`Refused`] where the decoder's table does not give another decoder.
    pub fn loop_packet<S: EventSink>(
        &mut self,
        index: usize,
        bytes: &[u8],
        ts_recv_ns: u64,
        offset: u64,
        sink: &mut S,
    ) -> Result<(), Refused> {
        let Some(mut joining) = self.joining.take() else { return Ok(()) };
        let result = self.read_loop(&mut joining, index.min(LOOPS - 1), bytes, (ts_recv_ns, offset), sink);
        self.joining = Some(joining);
        result
    }

    /// What was taken for the loop at `index` turned out to be increments that began with definitions: where it came whole, from
    /// its first packet on, the increments go on behind it and are not joined late.
    pub(crate) fn go_on_from_loop(&mut self, index: usize) {
        let reader = self.joining.as_ref().and_then(|joining| joining.readers.get(index));
        if let Some(reader) = reader.filter(|reader| reader.is_whole && self.sequencer.counters().sessions == 0) {
            self.sequencer = reader.sequencer.clone();
        }
    }

    fn read_loop<S: EventSink>(
        &mut self,
        joining: &mut Joining,
        index: usize,
        bytes: &[u8],
        (ts_recv_ns, offset): (u64, u64),
        sink: &mut S,
    ) -> Result<(), Refused> {
        while joining.readers.len() <= index {
            let (table, framing) = (self.decoder.table(), self.decoder.framing());
            let decoder = if framing.names_feeds() { None } else { Some(table.create(framing)?) };
            joining.readers.push(LoopReader { decoder, sequencer: Sequencer::new(), is_whole: true });
        }
        let Joining { join, readers, stage } = joining;
        let LoopReader { decoder, sequencer, is_whole } = &mut readers[index];
        let decoder = decoder.as_mut().unwrap_or(&mut self.decoder);
        let mut frame = Frame::default();
        let outcome = decoder.frame(bytes, &mut frame);
        if outcome.status != Status::OK {
            self.faults.packet(outcome.status, offset + u64::from(outcome.offset));
            join.turn_loop(index, true);
            return Ok(());
        }
        let verdict = sequencer.judge(&frame);
        *is_whole &= !(verdict.new_session || verdict.gap.is_some() || verdict.joined_late);
        if verdict.new_session || verdict.gap.is_some() || verdict.joined_late {
            join.turn_loop(index, verdict.gap.is_some() || verdict.joined_late);
        }
        if verdict.take == 0 && (frame.kind != FrameKind::DATA || verdict.skip != 0) {
            return Ok(());
        }
        let mut skip = verdict.skip;
        loop {
            stage.clear();
            let LoopReader { decoder, .. } = &mut readers[index];
            let decoded = decoder.as_mut().unwrap_or(&mut self.decoder).decode(bytes, skip, stage);
            skip += decoded.messages;
            self.messages += u64::from(decoded.messages);
            if stage.has_faults() {
                let (count, faults) = stage.take_faults();
                self.faults.messages(count, faults, offset);
            }
            stage.move_type_counts(&mut self.ring);
            self.take_loop(join, index, stage, ts_recv_ns, sink);
            match decoded.status {
                Status::BATCH_FULL if decoded.messages != 0 => {}
                Status::OK => break,
                status => {
                    self.faults.packet(status, offset + u64::from(decoded.offset));
                    join.turn_loop(index, true);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes the events that a loop's packet stands for.
    fn take_loop<S: EventSink>(
        &mut self,
        join: &mut Join,
        index: usize,
        stage: &mut BatchBuffer,
        ts_recv_ns: u64,
        sink: &mut S,
    ) {
        let (events, cold, records) = stage.parts_mut();
        for (event, cold) in events.iter().zip(cold) {
            let record = usize::from(cold.record).checked_sub(1).and_then(|at| records.get(at));
            let mut sorted = join.sort(index, event, cold, record, &self.books);
            if sorted == Sorted::WholeBefore {
                self.take_snapshot(join, index, ts_recv_ns, sink);
                sorted = join.sort(index, event, cold, record, &self.books);
            }
            match sorted {
                Sorted::Pass => {
                    let event = Event { flags: event.flags | flags::SNAPSHOT, ..*event };
                    self.give(event, *cold, record, ts_recv_ns, sink);
                }
                Sorted::Whole => self.take_snapshot(join, index, ts_recv_ns, sink),
                Sorted::Kept | Sorted::WholeBefore => {}
            }
        }
        self.apply_given();
    }

    /// Puts the snapshot that is whole into its book, where it is wanted, and what came behind it.
    fn take_snapshot<S: EventSink>(&mut self, join: &mut Join, index: usize, ts_recv_ns: u64, sink: &mut S) {
        let next = self.sequencer.next_sequence();
        let Some(taken) = join.take(index, next, self.is_group_open, &self.books) else {
            self.settle(join);
            return;
        };
        // What is ahead of the channel is published apart from the rest, each at its own sequence.
        let is_ahead = taken.as_of >= next;
        if is_ahead {
            self.empty_ring(sink);
        }
        let (clear, cold, record) = taken.clear;
        let key = clear.instrument;
        self.give(Event { flags: flags::SNAPSHOT, ..clear }, cold, Some(&record), ts_recv_ns, sink);
        for (event, cold) in join.entries(index) {
            let flags = (event.flags | flags::SNAPSHOT) & !flags::LAST;
            self.give(Event { flags, ..*event }, *cold, None, ts_recv_ns, sink);
        }
        let mut replayed = 0;
        for (event, cold) in join.behind(&taken) {
            replayed += 1;
            self.give(Event { flags: event.flags & !flags::LAST, ..event }, *cold, None, ts_recv_ns, sink);
        }
        join.note_replayed(replayed);
        // The book is published at the end of the channel's event group.
        let end =
            Event { kind: EventKind::END, instrument: key, flags: flags::SNAPSHOT | flags::LAST, ..Event::default() };
        let sequence = taken.as_of.max(next.saturating_sub(1));
        self.give(end, EventCold { sequence, record: 0, ..cold }, None, ts_recv_ns, sink);
        if is_ahead {
            self.empty_ring(sink);
        }
        self.settle(join);
    }

    /// Ends the channel's doubt once its loops have given every instrument.
    fn settle(&mut self, join: &mut Join) {
        if join.settle() {
            self.books.trust_newcomers();
        }
    }

    /// Adds an event of the engine's own to the ring. In the middle of a group of the channel's it does not end one.
    fn give<S: EventSink>(
        &mut self,
        event: Event,
        cold: EventCold,
        record: Option<&Record>,
        ts_recv_ns: u64,
        sink: &mut S,
    ) {
        let mut event = event;
        if self.is_group_open {
            event.flags &= !flags::LAST;
        }
        let before = self.ring.len();
        if !self.ring.push(event, cold, record) {
            self.empty_ring(sink);
            // An empty ring has room for an event and its record.
            self.ring.push(event, cold, record);
        }
        let from = if self.ring.len() > before { before } else { 0 };
        if S::WANTS_RECEIVE_TIME {
            self.ts_recv_ns.resize(self.ring.len(), ts_recv_ns);
        }
        if record.is_some() {
            self.take_depths(from);
        }
    }

    fn apply_given(&mut self) {
        let (events, cold, _) = self.ring.parts_mut();
        self.books.advance(events, cold, &mut self.cursor, false);
    }

    /// Marks the books from `sequence` on for messages that are lost, but for those of instruments that were given as of a
    /// later one.
    pub(super) fn lose(&mut self, reason: Reason, sequence: u64, gap: Gap) {
        let ts_event_ns = self.ts_event_ns;
        match &mut self.joining {
            None => self.books.doubt_channel(reason, sequence, ts_event_ns),
            Some(joining) => {
                joining.join.lose(gap);
                let join = &joining.join;
                self.books.doubt_channel_but(reason, sequence, ts_event_ns, |key| join.is_sound(key));
            }
        }
    }
}
