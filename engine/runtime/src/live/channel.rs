//! One live channel.

use wirebook_abi::{CheckedTable, Frame};
use wirebook_book::{BookConfig, BookWriter, Reason};
use wirebook_channel::{Action, Arbiter, Cause, ChannelState, HeldPacket, Origin, Standing};
use wirebook_io::Packet;
use wirebook_recovery::Client;

use super::{
    config::{ChannelConfig, LiveError, Snapshots},
    recovery::Desk,
};
use crate::pipeline::{EventSink, Pipeline};

/// What went by, beside what the arbiter and the pipeline count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounters {
    /// Packets of the channel's lines that are not of its protocol, or of a channel of another name.
    pub foreign_packets: u64,
    /// Packets that came after the decoder had failed.
    pub packets_after_failure: u64,
    /// Times that nothing came for too long.
    pub silences: u64,
    /// Times that messages were asked for.
    pub wants_messages: u64,
    /// Times that a snapshot was asked for.
    pub wants_snapshots: u64,
    /// Snapshots joined with the packets after them.
    pub snapshots: u64,
    /// Snapshots that ended before what had been applied already.
    pub snapshots_too_old: u64,
    /// Times that what was asked for was refused, or nobody answered.
    pub refusals: u64,
}

/// A pipeline behind an arbiter of lines, with somebody to ask for what is missing.
///
/// Packets go in by [`packet`](Self::packet), a burst ends with [`flush`](Self::flush), and between bursts
/// [`tick`](Self::tick) does what is due: it hands what no line brought to recovery, and takes its answers.
#[derive(Debug)]
pub struct LiveChannel {
    pub(super) pipeline: Pipeline,
    pub(super) arbiter: Arbiter,
    pub(super) desk: Option<Desk>,
    pub(super) standing: Standing,
    pub(super) counters: ChannelCounters,
    name: Option<[u8; 16]>,
    silence_ns: u64,
    /// When the newest packet came, by the driver's clock; `None` before the first.
    newest_ns: Option<u64>,
    is_silent: bool,
    /// Something was lost that the books are built of, since they were last whole.
    pub(super) has_lost: bool,
}

impl LiveChannel {
    /// A channel that has seen nothing, of `table`'s protocol. `client` is its end of a recovery's desk; without one, or where
    /// nothing can be asked for, what no line brings is lost at once.
    ///
    /// # Errors
    ///
    /// [`LiveError`] says which setting cannot be.
    pub fn new(
        table: CheckedTable,
        config: &ChannelConfig,
        client: Option<Client>,
        now_ns: u64,
    ) -> Result<Self, LiveError> {
        if config.framing.is_stream() {
            return Err(LiveError::Stream(config.framing));
        }
        let desk = client.filter(|_| config.recovery.is_some()).map(|client| Desk::new(client, config.recovery));
        let mut arbiter = config.arbiter;
        // Loops join each instrument by itself, while packets are applied as they come.
        arbiter.waits_at_start = desk.is_some() && config.recovery.snapshots != Snapshots::Loops;
        let books = config.books.unwrap_or_else(|| BookConfig::of(table.description()));
        Ok(Self {
            pipeline: Pipeline::new(table.create(config.framing)?, BookWriter::new(&books)?),
            arbiter: Arbiter::new(arbiter)?,
            desk,
            standing: Standing::starting(now_ns),
            counters: ChannelCounters::default(),
            name: config.name,
            silence_ns: config.silence_ns,
            newest_ns: None,
            is_silent: false,
            has_lost: false,
        })
    }

    /// Takes a packet that came by a line.
    #[inline]
    pub fn packet<S: EventSink>(&mut self, line: u8, packet: &Packet<'_>, now_ns: u64, sink: &mut S) {
        if let Some(frame) = self.frame(packet, sink) {
            self.framed(line, &frame, packet, now_ns, sink);
        }
    }

    /// The first half of [`packet`](Self::packet): what the packet says of itself; `None` where it was refused.
    #[inline]
    pub fn frame<S: EventSink>(&mut self, packet: &Packet<'_>, sink: &mut S) -> Option<Frame> {
        if self.standing.state == ChannelState::Failed {
            self.counters.packets_after_failure += 1;
            return None;
        }
        let frame = self.pipeline.frame(packet.payload, packet.offset, sink).ok();
        self.counters.foreign_packets += u64::from(frame.is_none());
        frame
    }

    /// The second half: takes the packet whose frame this is, or another channel's of the same protocol gave.
    #[inline]
    pub fn framed<S: EventSink>(&mut self, line: u8, frame: &Frame, packet: &Packet<'_>, now_ns: u64, sink: &mut S) {
        if self.name.is_some_and(|name| name != frame.session) {
            self.counters.foreign_packets += 1;
            return;
        }
        if self.newest_ns.is_none() || self.is_silent {
            self.hear(now_ns, sink);
        }
        self.newest_ns = Some(now_ns);
        let Packet { payload: bytes, ts_recv_ns, offset, .. } = *packet;
        let held = HeldPacket { bytes, ts_recv_ns, offset, is_recovered: false };
        self.offer(Origin::Line(line), frame, &held, now_ns, sink);
    }

    /// Arbitrates a packet and applies what is in sequence.
    #[inline]
    pub(super) fn offer<S: EventSink>(
        &mut self,
        origin: Origin,
        frame: &Frame,
        packet: &HeldPacket<'_>,
        now_ns: u64,
        sink: &mut S,
    ) {
        let ruling = self.arbiter.offer(origin, frame, packet, now_ns);
        if ruling.begins {
            self.begin_session(now_ns, sink);
        }
        match ruling.action {
            Action::Deliver => {
                self.pipeline.framed(frame, packet.bytes, packet.ts_recv_ns, packet.offset, sink);
                self.apply_ready(sink);
            }
            Action::Held => self.standing_of_gap(now_ns),
            Action::Overflowed => self.overflowed(now_ns, sink),
            Action::Nothing => {}
        }
    }

    /// Applies packets that waited and need not any more.
    pub(super) fn apply_ready<S: EventSink>(&mut self, sink: &mut S) {
        while let Some(packet) = self.arbiter.take_ready() {
            self.pipeline.packet(packet.bytes, packet.ts_recv_ns, packet.offset, sink);
        }
    }

    /// A packet waits: the channel is in a gap, unless it is in something graver.
    #[cold]
    fn standing_of_gap(&mut self, now_ns: u64) {
        if self.standing.state == ChannelState::Live {
            self.standing.turn(ChannelState::Gap, Cause::Missing, now_ns);
        }
    }

    /// The first packet, or the first after a silence.
    #[cold]
    fn hear<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        if self.is_silent {
            self.is_silent = false;
            self.pipeline.lift(Reason::Silent, sink);
            if self.standing.state == ChannelState::Live {
                self.turn_live(now_ns);
            }
        }
    }

    /// Goes on as the packets come, with what is wrong all the same.
    pub(super) fn turn_live(&mut self, now_ns: u64) {
        let cause = if self.is_silent {
            Cause::Silent
        } else if self.has_lost {
            Cause::Lost
        } else {
            Cause::None
        };
        self.standing.turn(ChannelState::Live, cause, now_ns);
    }

    /// Another session, whose packets may be yet to come: what was built before is void.
    #[cold]
    fn begin_session<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        self.pipeline.void(sink);
        self.cancel(now_ns, sink);
        self.has_lost = false;
        self.turn_live(now_ns);
    }

    /// Ends a burst: every event is applied and published, and the sink has had it.
    #[inline]
    pub fn flush<S: EventSink>(&mut self, sink: &mut S) {
        self.pipeline.flush(sink);
    }

    /// [`flush`](Self::flush), for who measures: `applied` is called between applying and publishing.
    #[inline]
    pub fn flush_with<S: EventSink>(&mut self, sink: &mut S, applied: impl FnOnce()) {
        self.pipeline.flush_with(sink, applied);
    }

    /// Does what is due between bursts. Where nothing is, that costs a few comparisons.
    #[inline]
    pub fn tick<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        if self.standing.state == ChannelState::Failed {
            return;
        }
        if self.pipeline.decoder().failed() {
            self.standing.turn(ChannelState::Failed, Cause::DecoderFailed, now_ns);
            self.cancel(now_ns, sink);
            return;
        }
        if self.desk.is_some() {
            self.serve(now_ns, sink);
        }
        if self.arbiter.is_expired(now_ns) {
            self.missing(now_ns, sink);
        }
        if matches!(self.standing.state, ChannelState::Joining | ChannelState::Gap) {
            self.settle(now_ns);
        }
        if self.silence_ns != 0 {
            self.listen(now_ns, sink);
        }
    }

    /// A channel that waits for nothing is live.
    fn settle(&mut self, now_ns: u64) {
        if self.newest_ns.is_some() && self.arbiter.next_sequence() != 0 && self.arbiter.missing().is_none() {
            self.turn_live(now_ns);
        }
    }

    fn listen<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        let Some(newest_ns) = self.newest_ns else { return };
        let is_over = self.pipeline.sequencer().ended();
        if !self.is_silent && !is_over && now_ns.saturating_sub(newest_ns) >= self.silence_ns {
            self.is_silent = true;
            self.counters.silences += 1;
            self.pipeline.doubt(Reason::Silent, sink);
            if self.standing.state == ChannelState::Live {
                self.turn_live(now_ns);
            }
        }
    }

    /// A snapshot does not end a silence: who knows what has been sent since.
    pub(super) fn silent_still<S: EventSink>(&mut self, sink: &mut S) {
        if self.is_silent {
            self.pipeline.doubt(Reason::Silent, sink);
        }
    }

    /// Where the channel stands.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Lines and sequences.
    pub fn arbiter(&self) -> &Arbiter {
        &self.arbiter
    }

    /// Books, symbols, faults.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The pipeline, to serve snapshots between bursts.
    pub fn pipeline_mut(&mut self) -> &mut Pipeline {
        &mut self.pipeline
    }

    /// What went by.
    pub fn counters(&self) -> ChannelCounters {
        self.counters
    }

    /// The session that names the channel.
    pub fn name(&self) -> Option<[u8; 16]> {
        self.name
    }
}
