//! One channel of a replay: its pipeline, and what reaches it.

use wirebook_abi::{Frame, FrameKind, Refused, Status};
use wirebook_io::{FlowId, Packet};

use crate::{
    books::{BookImage, BooksImage, ImageDetail},
    pipeline::{Applied, EventSink, Pipeline},
    replay::ReplaySink,
    scout::Feed,
    selection::Selection,
    twin::{Held, Recent, is_anonymous},
};

/// Sessions left that are remembered, so that a line that is behind does not bring one back.
const LEFT_KEPT: usize = 8;

/// One channel of a replay.
#[derive(Debug)]
pub struct Channel {
    pipeline: Pipeline,
    flows: Vec<FlowId>,
    selection: Option<Selection>,
    left: Vec<[u8; 16]>,
    /// A session that one packet named, not yet believed.
    candidate: Option<[u8; 16]>,
    late_packets: u64,
    stream: StreamState,
    /// The session that names the channel, where one does.
    name: Option<[u8; 16]>,
    /// When a packet last brought the channel on, nanoseconds since 1970-01-01 UTC; only of a channel with a name.
    advanced_ns: u64,
    /// Of a channel that names no session: what its lines are known by.
    recent: Recent,
    /// Its loops of definitions and snapshots, by their index.
    loops: Vec<LoopName>,
    loop_flows: Vec<FlowId>,
}

/// What tells the loops of a channel apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoopName {
    pub session: [u8; 16],
    pub feed: Feed,
    /// Of one whose packets have no sequences, which are not to be taken twice.
    pub flow: Option<FlowId>,
}

/// Sequences within which the lines of a channel are of each other.
const NEAR: u64 = 1 << 16;

/// Time after which no line is behind any more, nanoseconds.
const LINE_LAG_NS: u64 = 60_000_000_000;

/// How far a channel has come that is a stream.
#[derive(Clone, Copy, Debug, Default)]
struct StreamState {
    phase: Phase,
    /// Bytes are missing and the stream has not named its session since.
    is_adrift: bool,
    /// Where a message starts whose end has not come.
    pending: Option<u64>,
    undecoded_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Running,
    /// The venue ended the session.
    Ended,
    /// What follows is not looked at.
    Done,
}

/// What to do with a packet of another session than the channel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The channel goes on with that session.
    Roll,
    /// The packet is of a session that is over.
    Late,
    /// One packet alone says so: not believed.
    Doubted,
}

/// A replay's sink as one channel's pipeline sees it.
struct ChannelSink<'a, S> {
    index: usize,
    sink: &'a mut S,
    selection: Option<&'a mut Selection>,
}

impl<S: ReplaySink> EventSink for ChannelSink<'_, S> {
    const WANTS_RECEIVE_TIME: bool = S::WANTS_RECEIVE_TIME;

    #[inline]
    fn take(&mut self, applied: Applied<'_>) {
        let Self { index, sink, selection } = self;
        match selection {
            None => sink.take(*index, applied),
            Some(selection) => selection.pass(applied, |applied| sink.take(*index, applied)),
        }
    }
}

impl Channel {
    pub(crate) fn new(pipeline: Pipeline, selection: Option<Selection>) -> Self {
        let (flows, left, stream) = (Vec::new(), Vec::with_capacity(LEFT_KEPT), StreamState::default());
        let recent = Recent::default();
        Self {
            pipeline,
            flows,
            selection,
            left,
            candidate: None,
            late_packets: 0,
            stream,
            name: None,
            advanced_ns: 0,
            recent,
            loops: Vec::new(),
            loop_flows: Vec::new(),
        }
    }

    /// Becomes the channel that `session` names.
    pub(crate) fn set_name(&mut self, session: [u8; 16]) {
        self.name = Some(session);
    }

    /// Whether a packet of another flow can be one of this channel's, as another line: it has its name, and a sequence near
    /// its own, which the equally named channel of another market has not.
    pub(crate) fn is_line(&self, frame: &Frame) -> bool {
        let next = self.pipeline.sequencer().next_sequence();
        let first = frame.first_sequence;
        self.name == Some(frame.session) && (next == 0 || first == 0 || first.abs_diff(next) <= NEAR)
    }

    /// Notes how far a channel with a name has come, and whether its venue began to number it afresh: at the first sequence
    /// again, too far behind for a line that is late.
    fn follow(&mut self, frame: &Frame, ts_recv_ns: u64) {
        let next = self.pipeline.sequencer().next_sequence();
        let is_far = next > NEAR || ts_recv_ns > self.advanced_ns.saturating_add(LINE_LAG_NS);
        if frame.first_sequence == 1 && next > 1 && self.advanced_ns != 0 && is_far {
            self.pipeline.begin_session();
            self.advanced_ns = ts_recv_ns;
        } else if frame.first_sequence.saturating_add(u64::from(frame.sequence_count())) > next {
            self.advanced_ns = ts_recv_ns;
        }
    }

    /// The pipeline: books, symbols, sequences, faults.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The pipeline, to serve snapshots between steps.
    pub fn pipeline_mut(&mut self) -> &mut Pipeline {
        &mut self.pipeline
    }

    /// Flows that carry it: the lines of a channel.
    pub fn flows(&self) -> &[FlowId] {
        &self.flows
    }

    /// Flows that carry its loops of definitions and snapshots.
    pub fn loop_flows(&self) -> &[FlowId] {
        &self.loop_flows
    }

    /// Index of the loop of this name, which `flow` is a line of; a new one where there is none.
    pub(crate) fn add_loop(&mut self, name: LoopName, flow: FlowId) -> usize {
        self.loop_flows.push(flow);
        self.loops.iter().position(|each| *each == name).unwrap_or_else(|| {
            self.loops.push(name);
            self.loops.len() - 1
        })
    }

    /// Whether the loop at `index` is one of definitions.
    pub(crate) fn defines(&self, index: usize) -> bool {
        self.loops.get(index).is_some_and(|each| each.feed == Feed::Definitions)
    }

    /// Gives a flow back that turned out not to be of a loop.
    pub(crate) fn remove_loop_flow(&mut self, flow: FlowId) {
        self.loop_flows.retain(|each| *each != flow);
    }

    /// Whether a loop of this feed of a venue's channel can be of this one: what came so far is of the same.
    pub(crate) fn is_beside(&self, session: &[u8; 16]) -> bool {
        let ours = self.has_session().then(|| self.pipeline.sequencer().session());
        ours.iter()
            .chain(self.loops.iter().map(|each| &each.session))
            .any(|each| venue_channel(each) == venue_channel(session))
    }

    /// Takes a packet of the loop at `at`.
    pub(crate) fn loop_packet<S: ReplaySink>(
        &mut self,
        index: usize,
        at: usize,
        packet: &Packet<'_>,
        sink: &mut S,
    ) -> Result<(), Refused> {
        let (pipeline, mut sink, _) = self.parts(index, sink);
        pipeline.loop_packet(at, packet.payload, packet.ts_recv_ns, packet.offset, &mut sink)
    }

    /// Session under way; empty where the framing has none.
    pub fn session(&self) -> String {
        let session = self.name.unwrap_or(self.pipeline.sequencer().session());
        String::from_utf8_lossy(&session).trim_end_matches('\0').to_owned()
    }

    /// Packets of a session that was over.
    pub fn late_packets(&self) -> u64 {
        self.late_packets
    }

    /// Bytes of a stream that were not decoded: behind the end of its session, or behind a place at which it went wrong.
    pub fn undecoded_bytes(&self) -> u64 {
        self.stream.undecoded_bytes
    }

    /// The books at the end: those before the venue cleared the channel where they were kept, else those there are now.
    /// A kept picture has the detail that [`ReplayConfig::closing_books`](crate::ReplayConfig::closing_books) says.
    pub fn final_books(&self, detail: ImageDetail) -> BooksImage {
        self.pipeline.closing_books().cloned().unwrap_or_else(|| self.pipeline.image(detail))
    }

    /// One of the [`final_books`](Self::final_books); `None` where no message named the instrument.
    pub fn final_book(&self, key: u32, detail: ImageDetail) -> Option<BookImage> {
        match self.pipeline.closing_books().and_then(|closing| closing.book(key)) {
            Some(book) => Some(book.clone()),
            None => BookImage::of(self.pipeline.books(), self.pipeline.symbols(), key, detail),
        }
    }

    pub(crate) fn add_flow(&mut self, flow: FlowId) {
        if !self.flows.contains(&flow) {
            self.flows.push(flow);
        }
    }

    /// Notes packets of a flow that were refused before one was taken, the first of them with their place.
    pub(crate) fn refused(&mut self, count: u64, first: &[(Status, u64)]) {
        let faults = self.pipeline.faults_mut();
        for (status, offset) in first {
            faults.packet(*status, *offset);
        }
        if let Some((status, _)) = first.last() {
            faults.count(*status, count - first.len() as u64);
        }
    }

    pub(crate) fn remove_flow(&mut self, flow: FlowId) {
        self.flows.retain(|each| *each != flow);
    }

    fn has_session(&self) -> bool {
        self.pipeline.sequencer().counters().sessions != 0
    }

    /// Whether the channel is in this session.
    pub(crate) fn is_in(&self, session: &[u8; 16]) -> bool {
        self.has_session() && self.pipeline.sequencer().session() == *session
    }

    /// Whether a flow is a line of this channel, which names no session, by the packets that it has sent.
    pub(crate) fn has_line(&self, flow: &Held) -> bool {
        self.recent.is_line(flow)
    }

    /// Whether the channel was in this session.
    pub(crate) fn has_left(&self, session: &[u8; 16]) -> bool {
        self.left.contains(session)
    }

    /// The halves of a channel that work together.
    #[inline]
    fn parts<'a, S: ReplaySink>(
        &'a mut self,
        index: usize,
        sink: &'a mut S,
    ) -> (&'a mut Pipeline, ChannelSink<'a, S>, &'a mut StreamState) {
        let selection = self.selection.as_mut();
        (&mut self.pipeline, ChannelSink { index, sink, selection }, &mut self.stream)
    }

    /// Takes a datagram, unless it names another session: then gives its frame.
    #[inline]
    pub(crate) fn datagram<S: ReplaySink>(&mut self, index: usize, packet: &Packet<'_>, sink: &mut S) -> Option<Frame> {
        let name = self.name;
        let Self { pipeline, selection, recent, .. } = self;
        let mut channel_sink = ChannelSink { index, sink: &mut *sink, selection: selection.as_mut() };
        let Ok(frame) = pipeline.frame(packet.payload, packet.offset, &mut channel_sink) else { return None };
        if is_anonymous(&frame) {
            recent.note(packet.payload);
        }
        let is_other = frame.session != name.unwrap_or(pipeline.sequencer().session());
        if is_other && (name.is_some() || frame.first_sequence != 0) {
            return Some(frame);
        }
        if name.is_some() {
            self.follow(&frame, packet.ts_recv_ns);
        }
        self.framed(index, &frame, packet, sink);
        None
    }

    /// Takes the datagram that [`datagram`](Self::datagram) just gave the frame of.
    pub(crate) fn framed<S: ReplaySink>(&mut self, index: usize, frame: &Frame, packet: &Packet<'_>, sink: &mut S) {
        let (pipeline, mut sink, _) = self.parts(index, sink);
        pipeline.framed(frame, packet.payload, packet.ts_recv_ns, packet.offset, &mut sink);
    }

    /// Judges a datagram of another session than the channel's.
    ///
    /// A session that starts at its first sequence is believed at once. Else a second packet must name it, so that one damaged
    /// packet does not cost the books.
    pub(crate) fn turn(&mut self, frame: &Frame, packet: &Packet<'_>) -> Turn {
        if !self.has_session() {
            return Turn::Roll;
        }
        if self.has_left(&frame.session) {
            self.late_packets += 1;
            return Turn::Late;
        }
        if frame.first_sequence != 1 && self.candidate != Some(frame.session) {
            self.candidate = Some(frame.session);
            self.pipeline.faults_mut().packet(Status::BAD_HEADER, packet.offset);
            return Turn::Doubted;
        }
        if self.left.len() == LEFT_KEPT {
            self.left.remove(0);
        }
        self.left.push(self.pipeline.sequencer().session());
        self.candidate = None;
        Turn::Roll
    }

    /// Takes what a stream has of whole messages, and gives the bytes that are dealt with. `first` is the frame of the bytes
    /// at the front, where the decoder was asked for it already.
    pub(crate) fn stream<S: ReplaySink>(
        &mut self,
        index: usize,
        packet: &Packet<'_>,
        first: Option<Frame>,
        sink: &mut S,
    ) -> usize {
        let (pipeline, mut sink, state) = self.parts(index, sink);
        let mut first = first;
        let mut at = 0;
        while at < packet.payload.len() && state.phase == Phase::Running && !pipeline.is_over() {
            let (rest, offset) = (&packet.payload[at..], packet.offset + at as u64);
            let frame = match first.take() {
                Some(frame) => Ok(frame),
                None => pipeline.frame(rest, offset, &mut sink),
            };
            let Some(frame) = state.sound(frame) else { break };
            at += pipeline.framed(&frame, rest, packet.ts_recv_ns, offset, &mut sink);
            if frame.kind == FrameKind::END_OF_SESSION {
                state.phase = Phase::Ended;
            }
            if pipeline.decoder().failed() {
                state.phase = Phase::Done;
            }
        }
        let rest = packet.payload.len() - at;
        if pipeline.is_over() {
            return packet.payload.len();
        }
        if state.phase == Phase::Ended && rest != 0 {
            pipeline.faults_mut().packet(Status::TRAILING_BYTES, packet.offset + at as u64);
            state.phase = Phase::Done;
        }
        if state.phase == Phase::Running {
            state.pending = (rest != 0).then_some(packet.offset + at as u64);
            return at;
        }
        state.pending = None;
        state.undecoded_bytes += rest as u64;
        packet.payload.len()
    }

    /// Bytes of the stream are missing, or its connection began anew: the decoder starts anew, too.
    pub(crate) fn restart<S: ReplaySink>(&mut self, index: usize, sink: &mut S) -> Result<(), Refused> {
        self.end_stream();
        let (pipeline, mut sink, state) = self.parts(index, sink);
        pipeline.restart(&mut sink)?;
        state.phase = Phase::Running;
        state.is_adrift = true;
        Ok(())
    }

    /// Nothing comes behind what the stream has now: a message that has begun is cut.
    pub(crate) fn end_stream(&mut self) {
        if let Some(offset) = self.stream.pending.take() {
            self.pipeline.faults_mut().packet(Status::TRUNCATED, offset);
        }
    }

    /// Ends a burst.
    #[inline]
    pub(crate) fn flush<S: ReplaySink>(&mut self, index: usize, sink: &mut S) {
        let (pipeline, mut sink, _) = self.parts(index, sink);
        pipeline.flush(&mut sink);
    }
}

/// The venue's channel in the name of a session: what stands before the dot.
fn venue_channel(session: &[u8; 16]) -> &[u8] {
    session.split(|byte| matches!(byte, b'.' | 0)).next().unwrap_or_default()
}

impl StreamState {
    /// The frame of a stream that goes on; none where it waits for more bytes, or cannot go on.
    fn sound(&mut self, frame: Result<Frame, usize>) -> Option<Frame> {
        match frame {
            Err(0) => None,
            Ok(frame) if frame.size_bytes != 0 => {
                self.is_adrift &= frame.session == [0; 16];
                // A decoder that starts in the middle counts from 1, which says nothing of what is missing.
                let first_sequence = if self.is_adrift { 0 } else { frame.first_sequence };
                Some(Frame { first_sequence, ..frame })
            }
            _ => {
                self.phase = Phase::Done;
                None
            }
        }
    }
}
