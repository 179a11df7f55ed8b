//! The life of a packet: framed, judged by its sequence, decoded, applied to the books, published.
//!
//! Packets of a burst flow through one ring of events, so that the memory that an event needs is on its way while those
//! before it are applied, however few messages a packet has. [`Pipeline::flush`] ends a burst: what is in the ring is applied
//! at once. Between reserves running out, nothing here allocates, locks or calls the system.

use wirebook_abi::{
    BatchBuffer, DecoderInstance, Event, EventCold, EventKind, Frame, FrameKind, Record, Refused, Status, Tag,
};
use wirebook_book::{BookWriter, Cursor, Reason};
use wirebook_channel::{Gap, Sequencer};

mod joining;

use joining::Joining;

use crate::{
    books::{BooksImage, ImageDetail},
    faults::FaultLog,
    symbols::Symbols,
    watch::{Watch, clears_channel},
};

/// Events of the ring. Its hot and cold parts together stay within half of a second-level cache.
const RING_EVENTS: usize = 1024;

/// Records of the ring.
const RING_RECORDS: usize = 512;

/// A packet is not begun with less room than this left, so that most packets are decoded by one call.
const ROOM_FOR_PACKET: usize = 256;

/// Applied events, as recorders get them: completed by the books, in order.
#[derive(Clone, Copy, Debug)]
pub struct Applied<'a> {
    /// The events.
    pub events: &'a [Event],
    /// Beside each its cold part.
    pub cold: &'a [EventCold],
    /// Beside each its packet's receive time, nanoseconds since 1970-01-01 UTC, 0 where unknown; empty where not asked for.
    pub ts_recv_ns: &'a [u64],
    /// Records that [`EventCold::record`] counts from 1.
    pub records: &'a [Record],
}

/// What takes applied events off the pipeline.
pub trait EventSink {
    /// Whether receive times are wanted beside the events.
    const WANTS_RECEIVE_TIME: bool;

    /// Takes events; they are gone after the call.
    fn take(&mut self, applied: Applied<'_>);
}

/// Takes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSink;

impl EventSink for NoSink {
    const WANTS_RECEIVE_TIME: bool = false;

    #[inline]
    fn take(&mut self, _applied: Applied<'_>) {}
}

/// One channel at work.
#[derive(Debug)]
pub struct Pipeline {
    decoder: DecoderInstance,
    sequencer: Sequencer,
    ring: BatchBuffer,
    cursor: Cursor,
    /// Events that the sink has had.
    taken: usize,
    ts_recv_ns: Vec<u64>,
    books: BookWriter,
    symbols: Symbols,
    faults: FaultLog,
    gaps: Vec<Gap>,
    /// Messages of packets that were taken and then ended, or failed, before all they announce; and how many packets.
    cut_off: (u64, u64),
    messages: u64,
    /// The decoder failed and the books say so.
    is_down: bool,
    /// Venue time of the newest event.
    ts_event_ns: u64,
    watch: Watch,
    is_watching: bool,
    /// The books before the channel was last cleared.
    closing: Option<BooksImage>,
    /// Events of the ring up to the end that is watched for, once it is in the ring.
    last: Option<usize>,
    /// Of a channel beside which snapshots of instruments may come in loops.
    joining: Option<Box<Joining>>,
    /// The packet at hand is of a snapshot of all books.
    in_snapshot: bool,
    /// The channel's last event leaves its group open; noted only where loops may come.
    is_group_open: bool,
}

/// Gaps that are kept by number; all are counted.
const GAPS_KEPT: usize = 1_000;

impl Pipeline {
    /// A channel whose packets `decoder` reads and whose books are `books`.
    pub fn new(decoder: DecoderInstance, books: BookWriter) -> Self {
        let description = decoder.table().description();
        let joining = decoder.framing().has_loops().then(|| Box::new(Joining::new(decoder.table())));
        Self {
            ring: BatchBuffer::new(RING_EVENTS, RING_RECORDS, description),
            symbols: Symbols::new(description),
            decoder,
            sequencer: Sequencer::new(),
            cursor: Cursor::default(),
            taken: 0,
            ts_recv_ns: Vec::with_capacity(RING_EVENTS),
            books,
            faults: FaultLog::default(),
            gaps: Vec::with_capacity(GAPS_KEPT),
            cut_off: (0, 0),
            messages: 0,
            is_down: false,
            ts_event_ns: 0,
            watch: Watch::default(),
            is_watching: false,
            closing: None,
            last: None,
            joining,
            in_snapshot: false,
            is_group_open: false,
        }
    }

    /// Looks out for what `watch` says in the packets to come, which costs a look at each event.
    pub fn watch(&mut self, watch: Watch) {
        self.watch = watch;
        self.is_watching = watch.is_on();
    }

    /// Takes one packet, or the front of a stream's bytes, and gives the bytes that it took; 0 of a stream that has less than
    /// a whole message there. `offset` is where the bytes stand in the input, for reports.
    #[inline]
    pub fn packet<S: EventSink>(&mut self, bytes: &[u8], ts_recv_ns: u64, offset: u64, sink: &mut S) -> usize {
        match self.frame(bytes, offset, sink) {
            Ok(frame) => self.framed(&frame, bytes, ts_recv_ns, offset, sink),
            Err(size) => size,
        }
    }

    /// The first half of [`packet`](Self::packet): what the packet says of itself, or the bytes that are dealt with where it
    /// was refused.
    ///
    /// # Errors
    ///
    /// The bytes that the refused packet takes; 0 of a stream that has less than a whole message there.
    #[inline]
    pub fn frame<S: EventSink>(&mut self, bytes: &[u8], offset: u64, sink: &mut S) -> Result<Frame, usize> {
        let mut frame = Frame::default();
        let outcome = self.decoder.frame(bytes, &mut frame);
        if outcome.status != Status::OK {
            return Err(self.refused(outcome.status, offset + u64::from(outcome.offset), bytes.len(), sink));
        }
        Ok(frame)
    }

    /// The second half: takes the packet that [`frame`](Self::frame) was just called for, and gives the bytes that it took.
    #[inline]
    pub fn framed<S: EventSink>(
        &mut self,
        frame: &Frame,
        bytes: &[u8],
        ts_recv_ns: u64,
        offset: u64,
        sink: &mut S,
    ) -> usize {
        let size = frame.size_bytes as usize;
        let verdict = self.sequencer.judge(frame);
        if verdict.new_session || verdict.gap.is_some() || verdict.joined_late {
            self.turn(frame, verdict.new_session, verdict.gap, sink);
        }
        // A repeated packet is not looked into; one that announces nothing may still hold too much.
        if verdict.take == 0 && (frame.kind != FrameKind::DATA || verdict.skip != 0) {
            return size;
        }
        self.decode(&bytes[..size], frame, verdict.skip, ts_recv_ns, offset, sink);
        size
    }

    /// A packet without a sound frame; gives the bytes that are dealt with.
    #[cold]
    fn refused<S: EventSink>(&mut self, status: Status, at: u64, len: usize, sink: &mut S) -> usize {
        let is_stream = self.decoder.framing().is_stream();
        if is_stream && status == Status::TRUNCATED {
            return 0;
        }
        self.faults.packet(status, at);
        if self.decoder.failed() {
            self.fail(sink);
        } else if is_stream {
            // Where the next message of the stream starts is not known any more.
            self.doubt(Reason::Gap, sink);
        }
        len
    }

    /// Marks the books from the next sequence on, once what came before is applied.
    pub(crate) fn doubt<S: EventSink>(&mut self, reason: Reason, sink: &mut S) {
        self.empty_ring(sink);
        let next = self.sequencer.next_sequence();
        self.lose(reason, next, Gap { first: next, last: next.saturating_sub(1) });
    }

    /// Takes a doubt of all books back, once what came before the next sequence is applied.
    pub(crate) fn lift<S: EventSink>(&mut self, reason: Reason, sink: &mut S) {
        self.empty_ring(sink);
        self.books.lift_channel(reason, self.sequencer.next_sequence().saturating_sub(1), self.ts_event_ns);
    }

    /// Goes on at `next_sequence` of the session; what is missing before that is lost.
    pub(crate) fn go_on_at<S: EventSink>(&mut self, session: [u8; 16], next_sequence: u64, sink: &mut S) {
        let frame = Frame { session, first_sequence: next_sequence, kind: FrameKind::HEARTBEAT, ..Frame::default() };
        self.framed(&frame, &[], 0, 0, sink);
    }

    /// A session begins whose packets are yet to come: what was built before is void.
    pub(crate) fn void<S: EventSink>(&mut self, sink: &mut S) {
        self.empty_ring(sink);
        self.begin_session();
        self.books.clear_channel(0, self.ts_event_ns);
        self.closing = None;
    }

    fn decode<S: EventSink>(
        &mut self,
        packet: &[u8],
        frame: &Frame,
        skip: u32,
        ts_recv_ns: u64,
        offset: u64,
        sink: &mut S,
    ) {
        let mut skip = skip;
        loop {
            if self.ring.room() < ROOM_FOR_PACKET {
                self.empty_ring(sink);
            }
            let (before, records_before) = (self.ring.len(), self.ring.parts_mut().2.len());
            let decoded = self.decoder.decode(packet, skip, &mut self.ring);
            skip += decoded.messages;
            self.messages += u64::from(decoded.messages);
            if self.in_snapshot {
                self.ring.make_snapshot(before, 0);
            } else if let Some(joining) = &mut self.joining
                && self.ring.len() > before
            {
                self.is_group_open = joining.join.sift(&mut self.ring, before);
            }
            if S::WANTS_RECEIVE_TIME {
                self.ts_recv_ns.resize(self.ring.len(), ts_recv_ns);
            }
            if self.ring.has_faults() {
                let (count, faults) = self.ring.take_faults();
                self.faults.messages(count, faults, offset);
            }
            if self.ring.parts_mut().2.len() != records_before {
                self.take_depths(before);
            }
            if self.is_watching && self.look(before) {
                return;
            }
            match decoded.status {
                Status::OK => break,
                Status::BATCH_FULL => self.empty_ring(sink),
                status => {
                    self.faults.packet(status, offset + u64::from(decoded.offset));
                    self.stopped(frame, skip, sink);
                    break;
                }
            }
        }
        let (events, cold, _) = self.ring.parts_mut();
        self.books.advance(events, cold, &mut self.cursor, false);
    }

    /// Tells the books how deep a feed's levels go, as definitions among the events from `from` on say. That goes before what
    /// is still in flight, which makes no difference unless an instrument's depth changes in its day.
    #[cold]
    fn take_depths(&mut self, from: usize) {
        let (_, cold, records) = self.ring.parts_mut();
        for cold in cold[from..].iter().filter(|cold| cold.record != 0 && !self.watch.bounds.is_over(cold)) {
            let Some(record) = records.get(usize::from(cold.record) - 1) else { continue };
            let depth = |tag| record.get(tag).map_or(0, |depth| u16::try_from(depth).unwrap_or(0));
            let (direct, implied) = (depth(Tag::MARKET_DEPTH), depth(Tag::IMPLIED_DEPTH));
            if record.kind == EventKind::DEFINITION && direct | implied != 0 {
                self.books.set_depth(record.instrument, direct, implied);
            }
        }
    }

    /// A packet ended, or its decoder failed, before message `index`: that one and those behind it are lost, though their
    /// sequences are taken.
    #[cold]
    fn stopped<S: EventSink>(&mut self, frame: &Frame, index: u32, sink: &mut S) {
        let lost = frame.message_count.saturating_sub(index);
        if lost != 0 {
            self.cut_off = (self.cut_off.0 + u64::from(lost), self.cut_off.1 + 1);
            if frame.first_sequence != 0 && self.gaps.len() < GAPS_KEPT {
                let (first, last) = (frame.sequence_of(index), frame.sequence_of(frame.message_count - 1));
                self.gaps.push(Gap { first, last: last.max(first) });
            }
            self.doubt(Reason::Gap, sink);
        }
        if self.decoder.failed() {
            self.fail(sink);
        }
    }

    /// Marks the books once for a decoder that takes no more packets.
    fn fail<S: EventSink>(&mut self, sink: &mut S) {
        if !self.is_down {
            self.is_down = true;
            self.doubt(Reason::DecoderFailed, sink);
        }
    }

    /// Looks at the events that a packet wrote from `from` on for what is watched, and says whether the end is among them.
    #[inline(never)]
    fn look(&mut self, from: usize) -> bool {
        if self.is_over() {
            return true;
        }
        let Watch { closing_books, bounds } = self.watch;
        let len = self.ring.len();
        for at in from..len {
            let (events, cold, _) = self.ring.parts_mut();
            let is_over = bounds.is_over(&cold[at]);
            if !is_over && (closing_books.is_none() || !clears_channel(&events[at])) {
                continue;
            }
            self.books.advance(&mut events[..at], &cold[..at], &mut self.cursor, true);
            if is_over {
                self.last = Some(at);
                return true;
            }
            if let Some(detail) = closing_books {
                self.close(at, detail);
            }
        }
        false
    }

    /// Keeps the books as they are before the event `at` clears them.
    #[cold]
    fn close(&mut self, at: usize, detail: ImageDetail) {
        if self.books.is_empty() {
            return;
        }
        self.name_symbols(at);
        self.closing = Some(BooksImage::of(&self.books, &self.symbols, detail));
    }

    /// Starts the decoder anew where bytes of its stream are missing: what it was in the middle of does not go on. It counts
    /// sequences from 1 again; give its frames as unsequenced ones until the stream names its session.
    ///
    /// # Errors
    ///
    /// [`Refused`] where the decoder's table does not give another one.
    pub fn restart<S: EventSink>(&mut self, sink: &mut S) -> Result<(), Refused> {
        self.doubt(Reason::Gap, sink);
        self.decoder = self.decoder.table().create(self.decoder.framing())?;
        self.is_down = false;
        Ok(())
    }

    /// Another session, a gap or a late join: what came before is applied first, then the books are marked.
    #[cold]
    fn turn<S: EventSink>(&mut self, frame: &Frame, new_session: bool, gap: Option<Gap>, sink: &mut S) {
        self.empty_ring(sink);
        if new_session {
            self.books.clear_channel(frame.first_sequence, self.ts_event_ns);
            self.closing = None;
            if let Some(joining) = &mut self.joining {
                joining.join.begin_session();
            }
        }
        match gap {
            Some(gap) => {
                if self.gaps.len() < GAPS_KEPT {
                    self.gaps.push(gap);
                }
                self.lose(Reason::Gap, gap.first, gap);
            }
            None if frame.first_sequence > 1 => {
                let first = frame.first_sequence;
                self.lose(Reason::JoinedLate, first, Gap { first: 1, last: first - 1 });
            }
            None => {}
        }
    }

    /// Ends a burst: every event is applied and published, and the sink has had it.
    #[inline]
    pub fn flush<S: EventSink>(&mut self, sink: &mut S) {
        self.flush_with(sink, || {});
    }

    /// [`flush`](Self::flush), for who measures: `applied` is called when every event is applied, before what changed last is
    /// published; not where nothing was left to do.
    #[inline]
    pub fn flush_with<S: EventSink>(&mut self, sink: &mut S, applied: impl FnOnce()) {
        if self.taken != self.last.unwrap_or(self.ring.len()) {
            self.drain(sink, applied);
        }
        self.books.serve_snapshots(self.sequencer.next_sequence().saturating_sub(1), self.ts_event_ns);
    }

    fn drain<S: EventSink>(&mut self, sink: &mut S, applied: impl FnOnce()) {
        let len = self.last.unwrap_or(self.ring.len());
        self.name_symbols(len);
        let (events, cold, records) = self.ring.parts_mut();
        let (events, cold) = (&mut events[..len], &cold[..len]);
        self.books.drain_with(events, cold, &mut self.cursor, applied);
        if let Some(newest) = cold.last() {
            self.ts_event_ns = newest.ts_event_ns;
        }
        let new = self.taken..len;
        let ts_recv_ns = if S::WANTS_RECEIVE_TIME { &self.ts_recv_ns[new.clone()] } else { &[] };
        sink.take(Applied { events: &events[new.clone()], cold: &cold[new], ts_recv_ns, records });
        self.taken = len;
    }

    /// Names the instruments that events before `end` define.
    fn name_symbols(&mut self, end: usize) {
        let (_, cold, records) = self.ring.parts_mut();
        for event_cold in cold[self.taken..end].iter().filter(|cold| cold.record != 0) {
            if let Some(record) = records.get(usize::from(event_cold.record) - 1)
                && record.kind == EventKind::DEFINITION
            {
                self.symbols.name(record.instrument, record.text());
            }
        }
    }

    fn empty_ring<S: EventSink>(&mut self, sink: &mut S) {
        self.flush(sink);
        self.ring.clear();
        self.last = self.last.map(|_| 0);
        self.ts_recv_ns.clear();
        self.cursor = Cursor::default();
        self.taken = 0;
    }

    /// The books.
    pub fn books(&self) -> &BookWriter {
        &self.books
    }

    /// The books, to serve snapshots between bursts.
    pub fn books_mut(&mut self) -> &mut BookWriter {
        &mut self.books
    }

    /// Symbols of the instruments that the venue has named.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// The venue numbers the channel afresh under the same name: the next sequenced packet makes the books void.
    pub(crate) fn begin_session(&mut self) {
        self.sequencer.restart();
    }

    /// Sequence numbers.
    pub fn sequencer(&self) -> &Sequencer {
        &self.sequencer
    }

    /// Gaps that nothing filled, the first thousand.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Gaps that nothing filled, those at the end of cut packets included.
    pub fn gap_count(&self) -> u64 {
        self.sequencer.counters().gaps + self.cut_off.1
    }

    /// Messages missing in the gaps.
    pub fn missing(&self) -> u64 {
        self.sequencer.counters().missing + self.cut_off.0
    }

    /// Whether an event behind the end that is watched for was met. The pipeline is not to get further packets then: books
    /// and sink have everything before it and nothing behind.
    pub fn is_over(&self) -> bool {
        self.last.is_some()
    }

    /// The books as they were before the venue cleared the whole channel, where they are watched for and nothing rests since.
    pub fn closing_books(&self) -> Option<&BooksImage> {
        self.closing.as_ref().filter(|_| self.books.is_empty())
    }

    /// A picture of the books as they stand.
    pub fn image(&self, detail: ImageDetail) -> BooksImage {
        BooksImage::of(&self.books, &self.symbols, detail)
    }

    /// Messages and packets that were not taken as they stand.
    pub fn faults(&self) -> &FaultLog {
        &self.faults
    }

    pub(crate) fn faults_mut(&mut self) -> &mut FaultLog {
        &mut self.faults
    }

    /// Messages decoded, those with faults included, duplicates not.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Messages by type, by index in the description.
    pub fn type_counts(&self) -> &[u64] {
        self.ring.type_counts()
    }

    /// The decoder.
    pub fn decoder(&self) -> &DecoderInstance {
        &self.decoder
    }
}

const _: () = assert!(ROOM_FOR_PACKET < RING_EVENTS);
