//! Several lines to one sequence.

use alloc::{boxed::Box, vec, vec::Vec};
use core::fmt;

use wirebook_abi::{Frame, FrameKind};

use crate::{
    held::{Held, HeldPacket},
    line::{LineCounters, Winners},
    sequencer::Gap,
};

/// Sessions left that are remembered, so that a line that is behind does not bring one back.
const LEFT_KEPT: usize = 8;

/// Gaps given up that are remembered, to tell packets that come too late from duplicates.
const LOST_KEPT: usize = 16;

/// Packets of a line's own after which it cannot be a copy of its first one that says sequence 1.
const RESTART_PACKETS: u64 = 256;

/// How far ahead a line may be that has not been seen since numbering began afresh.
const NEAR: u64 = 1024;

/// What an [`Arbiter`] reserves and how long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArbiterConfig {
    /// Lines, 1 to 16.
    pub lines: usize,
    /// Packets behind a hole after which no line is waited for any more.
    pub window_packets: usize,
    /// Time after which none is, nanoseconds.
    pub window_ns: u64,
    /// Packets that can wait, during a recovery too; at least `window_packets`.
    pub held_packets: usize,
    /// Bytes of the largest packet that can wait.
    pub packet_bytes: usize,
    /// What was sent before the first packet of a session is a hole like others, which a recovery can fill. Otherwise
    /// the first packet is taken at once.
    pub waits_at_start: bool,
}

impl Default for ArbiterConfig {
    /// Two lines a millisecond apart at most, and room for a second of a busy feed.
    fn default() -> Self {
        Self {
            lines: 2,
            window_packets: 256,
            window_ns: 1_000_000,
            held_packets: 16_384,
            packet_bytes: 2_048,
            waits_at_start: false,
        }
    }
}

/// A configuration that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting.
    pub setting: &'static str,
    /// Its value.
    pub value: u64,
    /// What it may be.
    pub wanted: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} is not {}", self.setting, self.value, self.wanted)
    }
}

impl core::error::Error for ConfigError {}

impl ArbiterConfig {
    /// Most lines of a channel.
    pub const LINE_LIMIT: usize = 16;

    /// Checks each setting.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the first setting out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let limits = [
            ("lines", self.lines, 1, Self::LINE_LIMIT, "1-16"),
            ("window_packets", self.window_packets, 1, 1 << 16, "1-65536"),
            ("held_packets", self.held_packets, self.window_packets, 1 << 20, "window_packets-1048576"),
            ("packet_bytes", self.packet_bytes, 64, 1 << 16, "64-65536"),
        ];
        for (setting, value, low, high, wanted) in limits {
            if value < low || value > high {
                return Err(ConfigError { setting, value: value as u64, wanted });
            }
        }
        Ok(())
    }
}

/// Who brought a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The line with this index.
    Line(u8),
    /// A recovery.
    Recovery,
}

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is next: apply it, then what [`Arbiter::take_ready`] gives.
    Deliver,
    /// It waits.
    Held,
    /// It waits, and all that waited before it was dropped, because there was no more room.
    Overflowed,
    /// It brings nothing new, or nothing that is believed.
    Nothing,
}

/// What an [`Arbiter`] says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// What to do with it.
    pub action: Action,
    /// Numbering begins afresh with it: what was built before is void.
    pub begins: bool,
}

/// What went by. Of each session that is over, sequences up to the last that was heard of are in exactly one of `taken`,
/// `recovered`, `covered` and `lost`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArbiterCounters {
    /// Sequences that a line brought.
    pub taken: u64,
    /// Sequences that a recovery brought again.
    pub recovered: u64,
    /// Sequences whose effect a snapshot brought.
    pub covered: u64,
    /// Sequences given up.
    pub lost: u64,
    /// Times that something was missing.
    pub gaps: u64,
    /// Times that something missing was given up.
    pub gaps_lost: u64,
    /// Times that more waited than there is room for.
    pub overflows: u64,
    /// Packets dropped by that.
    pub overflowed_packets: u64,
    /// Packets too large to wait, which are missing then.
    pub oversized_packets: u64,
    /// Packets of recoveries that brought nothing new.
    pub recovered_duplicates: u64,
    /// Packets that name a session which no second packet confirmed.
    pub doubted_packets: u64,
    /// Sessions, the first included.
    pub sessions: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct LineState {
    counters: LineCounters,
    /// Packets since its numbering last began.
    packets: u64,
    /// The numbering that it is in; behind the arbiter's own until it starts over itself.
    epoch: u64,
}

/// Makes one sequence of the packets of several lines.
///
/// The first copy wins. Packets ahead of a hole wait, as copies in memory reserved at the start, until the hole fills from any
/// line or a recovery; [`is_expired`](Self::is_expired) says when no line is waited for any more.
#[derive(Debug)]
pub struct Arbiter {
    config: ArbiterConfig,
    session: [u8; 16],
    /// The next sequence to deliver; 0 before the first packet of a session.
    next: u64,
    /// The sequence behind the last that a heartbeat told of.
    announced: u64,
    held: Held,
    lines: Box<[LineState]>,
    winners: Winners,
    left: Vec<[u8; 16]>,
    /// A session that one packet named, not yet believed.
    candidate: Option<[u8; 16]>,
    lost: [Option<Gap>; LOST_KEPT],
    /// Since when the hole before what waits is known.
    hole_since_ns: Option<u64>,
    epoch: u64,
    paused: bool,
    counters: ArbiterCounters,
}

enum Numbered {
    Same,
    Afresh,
    Refused,
}

impl Arbiter {
    /// A channel that has seen nothing.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where a setting is out of range.
    pub fn new(config: ArbiterConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            session: [0; 16],
            next: 0,
            announced: 0,
            held: Held::new(config.held_packets, config.packet_bytes),
            lines: vec![LineState::default(); config.lines].into_boxed_slice(),
            winners: Winners::new(),
            left: Vec::with_capacity(LEFT_KEPT),
            candidate: None,
            lost: [None; LOST_KEPT],
            hole_since_ns: None,
            epoch: 0,
            paused: false,
            counters: ArbiterCounters::default(),
        })
    }

    /// Judges a packet whose framing says `frame`, and keeps a copy of it where it has to wait.
    ///
    /// A packet at sequence 0 is not sequenced and is delivered at once.
    #[inline]
    pub fn offer(&mut self, origin: Origin, frame: &Frame, packet: &HeldPacket<'_>, now_ns: u64) -> Ruling {
        if frame.kind == FrameKind::CONTROL {
            return Ruling { action: Action::Nothing, begins: false };
        }
        self.note(origin, packet);
        if frame.first_sequence == 0 {
            return Ruling { action: Action::Deliver, begins: false };
        }
        let begins = match self.numbered(origin, frame) {
            Numbered::Same => false,
            Numbered::Afresh => true,
            Numbered::Refused => return Ruling { action: Action::Nothing, begins: false },
        };
        let end = frame.first_sequence.saturating_add(u64::from(frame.sequence_count()));
        if let Origin::Line(line) = origin {
            self.follow(line, frame, end);
        }
        if self.next == 0 {
            self.next = if self.config.waits_at_start { 1 } else { frame.first_sequence };
        }
        let action = if frame.first_sequence > self.next || self.paused {
            self.hold(origin, frame, end, packet, now_ns)
        } else {
            self.in_sequence(origin, frame, end, packet)
        };
        Ruling { action, begins }
    }

    #[inline]
    fn note(&mut self, origin: Origin, packet: &HeldPacket<'_>) {
        if let Origin::Line(line) = origin {
            let counters = &mut self.lines[usize::from(line)].counters;
            counters.packets += 1;
            counters.bytes += packet.bytes.len() as u64;
            counters.newest_ns = packet.ts_recv_ns;
        }
    }

    /// Whether a packet is of the numbering under way.
    #[inline]
    fn numbered(&mut self, origin: Origin, frame: &Frame) -> Numbered {
        if self.counters.sessions == 0 {
            self.session = frame.session;
            self.counters.sessions = 1;
        } else if frame.session != self.session {
            return self.other_session(origin, frame);
        } else if let Origin::Line(line) = origin {
            return self.same_session(line, frame);
        }
        Numbered::Same
    }

    /// A session that starts at its first sequence is believed at once. Else a second packet must name it, so that one
    /// damaged packet does not cost the books.
    #[cold]
    fn other_session(&mut self, origin: Origin, frame: &Frame) -> Numbered {
        let Origin::Line(line) = origin else { return Numbered::Refused };
        if self.left.contains(&frame.session) {
            self.lines[usize::from(line)].counters.late += 1;
            return Numbered::Refused;
        }
        if frame.first_sequence != 1 && self.candidate != Some(frame.session) {
            self.candidate = Some(frame.session);
            self.counters.doubted_packets += 1;
            return Numbered::Refused;
        }
        if self.left.len() == LEFT_KEPT {
            self.left.remove(0);
        }
        self.left.push(self.session);
        self.candidate = None;
        self.begin(frame.session);
        // Names tell the packets of both apart, so that no line is taken for one that still sends the old numbers.
        let epoch = self.epoch;
        self.lines.iter_mut().for_each(|line| line.epoch = epoch);
        Numbered::Afresh
    }

    /// Venues that name no sessions number from 1 again under the same name. A line that has sent many packets since its own
    /// first is not late with that one; the other lines may go on with the old numbers for a while.
    #[inline]
    fn same_session(&mut self, line: u8, frame: &Frame) -> Numbered {
        let state = &mut self.lines[usize::from(line)];
        let first = frame.first_sequence;
        if first == 1 && self.next > 1 && state.packets > RESTART_PACKETS && state.epoch == self.epoch {
            self.begin(frame.session);
            self.lines[usize::from(line)].epoch = self.epoch;
            return Numbered::Afresh;
        }
        if state.epoch != self.epoch {
            if first > self.next.saturating_add(NEAR) && first >= state.counters.next {
                state.counters.late += 1;
                return Numbered::Refused;
            }
            state.epoch = self.epoch;
            state.packets = 0;
        }
        Numbered::Same
    }

    fn begin(&mut self, session: [u8; 16]) {
        let heard_of = self.heard_of();
        if self.next != 0 && heard_of > self.next {
            self.counters.lost += heard_of - self.next;
            self.counters.gaps_lost += 1;
        }
        self.session = session;
        self.counters.sessions += 1;
        self.next = 0;
        self.announced = 0;
        self.held.clear();
        self.winners.forget();
        self.lost = [None; LOST_KEPT];
        self.hole_since_ns = None;
        self.paused = false;
        self.epoch += 1;
        for line in &mut self.lines {
            line.packets = 0;
        }
    }

    #[inline]
    fn follow(&mut self, line: u8, frame: &Frame, end: u64) {
        let state = &mut self.lines[usize::from(line)];
        state.packets += u64::from(frame.kind == FrameKind::DATA);
        state.counters.next = end;
    }

    /// A packet at or before the next sequence.
    #[inline]
    fn in_sequence(&mut self, origin: Origin, frame: &Frame, end: u64, packet: &HeldPacket<'_>) -> Action {
        if frame.sequence_count() == 0 {
            return Action::Deliver;
        }
        if end <= self.next {
            self.nothing_new(origin, frame.first_sequence, end, packet.ts_recv_ns);
            return Action::Nothing;
        }
        self.count(end - self.next, matches!(origin, Origin::Recovery));
        self.win(origin, frame.first_sequence, packet.ts_recv_ns);
        self.next = end;
        if self.hole_since_ns.is_some() {
            self.look_for_hole();
        }
        Action::Deliver
    }

    #[inline]
    fn count(&mut self, sequences: u64, is_recovered: bool) {
        if is_recovered {
            self.counters.recovered += sequences;
        } else {
            self.counters.taken += sequences;
        }
    }

    #[inline]
    fn win(&mut self, origin: Origin, first: u64, ts_recv_ns: u64) {
        if let Origin::Line(line) = origin {
            self.lines[usize::from(line)].counters.wins += 1;
            self.winners.note(first, line, ts_recv_ns);
        }
    }

    #[inline]
    fn nothing_new(&mut self, origin: Origin, first: u64, end: u64, ts_recv_ns: u64) {
        let Origin::Line(line) = origin else {
            self.counters.recovered_duplicates += 1;
            return;
        };
        let is_lost = |gap: &Option<Gap>| gap.is_some_and(|gap| first <= gap.last && end > gap.first);
        if self.counters.gaps_lost != 0 && self.lost.iter().any(is_lost) {
            self.lines[usize::from(line)].counters.late += 1;
            return;
        }
        self.lines[usize::from(line)].counters.duplicates += 1;
        if let Some((winner, lead_ns)) = self.winners.lead(first, line, ts_recv_ns) {
            self.lines[usize::from(winner)].counters.lead(lead_ns);
        }
    }

    /// A packet behind a hole, or while the channel is paused.
    #[cold]
    fn hold(&mut self, origin: Origin, frame: &Frame, end: u64, packet: &HeldPacket<'_>, now_ns: u64) -> Action {
        let first = frame.first_sequence;
        if frame.sequence_count() == 0 {
            self.announced = self.announced.max(first);
            self.open_hole(now_ns);
            return if first > self.next { Action::Nothing } else { Action::Deliver };
        }
        if end <= self.next || self.held.covers(first, end) {
            self.nothing_new(origin, first, end, packet.ts_recv_ns);
            return Action::Nothing;
        }
        if !self.held.fits(packet.bytes.len()) {
            self.counters.oversized_packets += 1;
            self.announced = self.announced.max(end);
            self.open_hole(now_ns);
            return Action::Nothing;
        }
        let is_full = self.held.is_full();
        if is_full {
            self.counters.overflows += 1;
            self.counters.overflowed_packets += self.held.len() as u64;
            self.announced = self.announced.max(self.held.end());
            self.held.clear();
        }
        let is_recovered = matches!(origin, Origin::Recovery);
        self.held.keep(frame, &HeldPacket { is_recovered, ..*packet }, now_ns);
        self.win(origin, first, packet.ts_recv_ns);
        self.open_hole(now_ns);
        if is_full { Action::Overflowed } else { Action::Held }
    }

    fn open_hole(&mut self, now_ns: u64) {
        if self.hole_since_ns.is_none() && self.missing().is_some() {
            self.hole_since_ns = Some(now_ns);
            self.counters.gaps += 1;
        }
    }

    /// After the next sequence has moved: whether the hole is gone, or another one is there, known since its first packet came.
    fn look_for_hole(&mut self) {
        let Some(since_ns) = self.hole_since_ns else { return };
        self.hole_since_ns = match self.held.front() {
            Some(front) if front.first > self.next => Some(front.held_ns),
            Some(_) => None,
            None if self.announced > self.next => Some(since_ns),
            None => None,
        };
    }

    /// The next packet that waited and need not wait any more. Its bytes are lent until the next call.
    ///
    /// Call it until it gives nothing, after every delivered packet, [`give_up`](Self::give_up) and [`join`](Self::join).
    #[inline]
    pub fn take_ready(&mut self) -> Option<HeldPacket<'_>> {
        if self.held.is_empty() || self.paused {
            return None;
        }
        self.next_ready()
    }

    #[cold]
    fn next_ready(&mut self) -> Option<HeldPacket<'_>> {
        while self.held.front().is_some_and(|front| front.end <= self.next) {
            self.held.drop_front();
        }
        let front = self.held.front()?;
        if front.first > self.next {
            if self.hole_since_ns.is_none() {
                self.hole_since_ns = Some(front.held_ns);
                self.counters.gaps += 1;
            }
            return None;
        }
        let (end, is_recovered) = (front.end, front.is_recovered);
        self.count(end - self.next, is_recovered);
        self.next = end;
        let (entry, packet) = self.held.take_front()?;
        debug_assert_eq!(entry.end, end);
        Some(packet)
    }

    /// What is missing before that which waits, or which a heartbeat told of.
    pub fn missing(&self) -> Option<Gap> {
        let end = self.held.front().map_or(self.announced, |front| front.first);
        (self.next != 0 && end > self.next).then(|| Gap { first: self.next, last: end - 1 })
    }

    /// Whether something has been missing for longer, or with more packets behind it, than lines are waited for.
    #[inline]
    pub fn is_expired(&self, now_ns: u64) -> bool {
        let Some(since_ns) = self.hole_since_ns else { return false };
        now_ns.saturating_sub(since_ns) >= self.config.window_ns || self.held.len() >= self.config.window_packets
    }

    /// Gives up what is missing, if anything is: the next sequence is behind it.
    pub fn give_up(&mut self) -> Option<Gap> {
        let gap = self.missing()?;
        self.counters.gaps_lost += 1;
        self.counters.lost += gap.last + 1 - gap.first;
        self.lost.rotate_right(1);
        self.lost[0] = Some(gap);
        self.next = gap.last + 1;
        self.look_for_hole();
        Some(gap)
    }

    /// Delivers nothing more until a snapshot is joined: every packet from the next sequence on waits.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// Goes on without a snapshot.
    pub fn resume(&mut self) {
        self.paused = false;
    }

    /// Whether packets wait for a snapshot.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Goes on at `next_sequence`, before which a snapshot has everything; false where that is behind what was delivered, so
    /// that the snapshot is too old to be joined, or before the first packet.
    pub fn join(&mut self, next_sequence: u64) -> bool {
        if self.next == 0 || next_sequence < self.next {
            return false;
        }
        self.counters.covered += next_sequence - self.next;
        self.next = next_sequence;
        self.paused = false;
        self.look_for_hole();
        true
    }

    /// The next sequence to deliver; 0 before the first packet of a session.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// The sequence behind the last that was heard of.
    pub fn heard_of(&self) -> u64 {
        self.next.max(self.announced).max(self.held.end())
    }

    /// Session under way, NUL padded.
    pub fn session(&self) -> [u8; 16] {
        self.session
    }

    /// Packets that wait.
    pub fn held_packets(&self) -> usize {
        self.held.len()
    }

    /// What went by so far.
    pub fn counters(&self) -> ArbiterCounters {
        self.counters
    }

    /// What came by each line.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &LineCounters> {
        self.lines.iter().map(|line| &line.counters)
    }

    /// What was asked for.
    pub fn config(&self) -> &ArbiterConfig {
        &self.config
    }
}
