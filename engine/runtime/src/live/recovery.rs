//! What a live channel does about what is missing.

use wirebook_book::Reason;
use wirebook_channel::{Cause, ChannelState, Gap, HeldPacket, Origin};
use wirebook_recovery::{Answer, Client, Want};

use super::{
    channel::LiveChannel,
    config::{RecoveryConfig, Snapshots},
};
use crate::pipeline::EventSink;

/// Answers taken between two bursts, so that a recovery does not keep live packets waiting.
const ANSWERS_AT_ONCE: usize = 32;

/// A channel's end of the recovery's desk, and how far it has come there.
#[derive(Debug)]
pub(super) struct Desk {
    client: Client,
    config: RecoveryConfig,
    phase: Phase,
    /// A want that found no room yet.
    unsaid: Option<Want>,
    /// When something was asked for, or answered, last.
    heard_ns: u64,
    /// When a snapshot may be asked for again, after one that did not come.
    again_ns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was asked for.
    Idle,
    /// These messages were.
    Messages(Gap),
    /// A snapshot was; whether it has begun.
    Snapshot { has_begun: bool },
    /// Loops of snapshots are listened to.
    Loops,
}

impl Desk {
    pub fn new(client: Client, config: RecoveryConfig) -> Self {
        Self { client, config, phase: Phase::Idle, unsaid: None, heard_ns: 0, again_ns: 0 }
    }

    fn ask(&mut self, want: Want, phase: Phase, now_ns: u64) {
        self.heard_ns = now_ns;
        // What is in the queue still answers what was asked for before.
        while let Some(answer) = self.client.answer() {
            self.give_back(answer);
        }
        self.phase = phase;
        self.unsaid = (!self.client.ask(want)).then_some(want);
    }

    fn give_back(&mut self, answer: Answer) {
        if let Answer::Packet(buffer) | Answer::SnapshotPacket(buffer) | Answer::LoopPacket { packet: buffer, .. } =
            answer
        {
            self.client.give_back(buffer);
        }
    }

    fn say_again(&mut self) {
        if let Some(want) = self.unsaid.take() {
            self.unsaid = (!self.client.ask(want)).then_some(want);
        }
    }
}

impl LiveChannel {
    /// Takes answers, and sees what else there is to ask for.
    pub(super) fn serve<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        for _ in 0..ANSWERS_AT_ONCE {
            let Some(desk) = &mut self.desk else { return };
            let Some(answer) = desk.client.answer() else { break };
            desk.heard_ns = now_ns;
            self.take(answer, now_ns, sink);
        }
        let Some(desk) = &mut self.desk else { return };
        desk.say_again();
        match desk.phase {
            Phase::Messages(gap) if self.arbiter.missing().is_none_or(|missing| missing.first > gap.last) => {
                self.recovered(now_ns, sink);
            }
            Phase::Idle if self.arbiter.next_sequence() != 0 && now_ns >= desk.again_ns => {
                self.see_to_books(now_ns, sink);
            }
            phase if phase != Phase::Idle && now_ns.saturating_sub(desk.heard_ns) >= desk.config.patience_ns => {
                self.counters.refusals += 1;
                self.give_up(now_ns, sink);
            }
            _ => {}
        }
    }

    /// Books that lack something are to be had from a snapshot.
    fn see_to_books<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        match self.desk.as_ref().map(|desk| desk.config.snapshots) {
            Some(Snapshots::Whole) if self.has_lost => self.fetch_state(Cause::Lost, now_ns, sink),
            Some(Snapshots::Loops) if self.pipeline.is_joining() => self.fetch_state(Cause::Lost, now_ns, sink),
            _ => {}
        }
    }

    fn take<S: EventSink>(&mut self, answer: Answer, now_ns: u64, sink: &mut S) {
        let Some(phase) = self.desk.as_ref().map(|desk| desk.phase) else { return };
        match (&answer, phase) {
            (Answer::Packet(bytes), _) => self.recovered_packet(bytes, now_ns, sink),
            (Answer::SnapshotStart, Phase::Snapshot { .. }) => {
                // The pipeline may not have had a packet of this session yet.
                self.pipeline.go_on_at(self.arbiter.session(), self.arbiter.next_sequence(), sink);
                self.pipeline.begin_snapshot(sink);
                if let Some(desk) = &mut self.desk {
                    desk.phase = Phase::Snapshot { has_begun: true };
                }
            }
            (Answer::SnapshotPacket(bytes), Phase::Snapshot { has_begun: true }) => {
                self.pipeline.snapshot_packet(bytes, 0, 0, sink);
            }
            (Answer::SnapshotEnd { next_sequence }, Phase::Snapshot { has_begun: true }) => {
                self.join(*next_sequence, now_ns, sink);
            }
            (Answer::LoopPacket { index, packet }, Phase::Loops) => {
                // A table that gives no second decoder is one whose loops cannot be read: nothing is joined.
                let is_read = self.pipeline.loop_packet(usize::from(*index), packet, 0, 0, sink).is_ok();
                if !is_read {
                    self.give_up(now_ns, sink);
                } else if !self.pipeline.is_joining() {
                    self.has_lost = false;
                    self.recovered(now_ns, sink);
                }
            }
            (Answer::Refused(_) | Answer::GaveUp, Phase::Messages(_)) => {
                self.counters.refusals += 1;
                self.fetch_state(Cause::Missing, now_ns, sink);
            }
            (Answer::Refused(_) | Answer::GaveUp, Phase::Snapshot { .. } | Phase::Loops) => {
                self.counters.refusals += 1;
                self.give_up(now_ns, sink);
            }
            // Answers to what was asked for before.
            _ => {}
        }
        if let Some(desk) = &mut self.desk {
            desk.give_back(answer);
        }
    }

    /// A packet that a recovery brought again, as the lines would have.
    fn recovered_packet<S: EventSink>(&mut self, bytes: &[u8], now_ns: u64, sink: &mut S) {
        let Ok(frame) = self.pipeline.frame(bytes, 0, sink) else { return };
        // What the lines have not numbered yet, no recovery does.
        if frame.first_sequence != 0 && self.arbiter.next_sequence() != 0 {
            let packet = HeldPacket { bytes, ts_recv_ns: 0, offset: 0, is_recovered: true };
            self.offer(Origin::Recovery, &frame, &packet, now_ns, sink);
        }
    }

    /// No line has brought what is missing: it is asked for, unless it already was, or is lost.
    #[cold]
    pub(super) fn missing<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        let Some(gap) = self.arbiter.missing() else { return };
        let cause = if self.pipeline.sequencer().next_sequence() == 0 { Cause::JoinedLate } else { Cause::Missing };
        let Some((phase, limit)) = self.desk.as_ref().map(|desk| (desk.phase, desk.config.messages_limit)) else {
            self.lose(sink);
            self.turn_live(now_ns);
            return;
        };
        match phase {
            Phase::Messages(_) | Phase::Snapshot { .. } => {}
            // Each instrument of a loop is joined by itself: nothing waits.
            Phase::Loops => self.lose(sink),
            Phase::Idle if gap.last - gap.first < limit => self.fetch_messages(gap, cause, now_ns, sink),
            Phase::Idle => self.fetch_state(cause, now_ns, sink),
        }
    }

    fn fetch_messages<S: EventSink>(&mut self, gap: Gap, cause: Cause, now_ns: u64, sink: &mut S) {
        self.turn_recovering(cause, now_ns, sink);
        self.counters.wants_messages += 1;
        let session = self.arbiter.session();
        if let Some(desk) = &mut self.desk {
            desk.ask(Want::Messages { session, first: gap.first, last: gap.last }, Phase::Messages(gap), now_ns);
        }
    }

    /// The state of all books is asked for, where there is somebody to ask who did not just fail to answer.
    fn fetch_state<S: EventSink>(&mut self, cause: Cause, now_ns: u64, sink: &mut S) {
        let waits = |desk: &Desk| (desk.config.snapshots, now_ns < desk.again_ns);
        match self.desk.as_ref().map(waits) {
            Some((Snapshots::Whole, false)) => {
                self.arbiter.pause();
                self.turn_recovering(cause, now_ns, sink);
                self.ask_for_snapshot(Phase::Snapshot { has_begun: false }, now_ns);
            }
            Some((Snapshots::Loops, false)) => {
                self.lose(sink);
                // The pipeline says of each instrument whether it is whole.
                self.pipeline.lift(Reason::Recovering, sink);
                self.standing.turn(ChannelState::Recovering, cause, now_ns);
                self.ask_for_snapshot(Phase::Loops, now_ns);
            }
            _ => self.give_up(now_ns, sink),
        }
    }

    fn ask_for_snapshot(&mut self, phase: Phase, now_ns: u64) {
        self.counters.wants_snapshots += 1;
        let session = self.arbiter.session();
        let at_least = self.arbiter.missing().map_or(self.arbiter.next_sequence(), |gap| gap.last + 1);
        if let Some(desk) = &mut self.desk {
            desk.ask(Want::Snapshot { session, at_least }, phase, now_ns);
        }
    }

    fn turn_recovering<S: EventSink>(&mut self, cause: Cause, now_ns: u64, sink: &mut S) {
        self.pipeline.doubt(Reason::Recovering, sink);
        self.standing.turn(ChannelState::Recovering, cause, now_ns);
    }

    /// A snapshot is whole: what waited goes on from it.
    fn join<S: EventSink>(&mut self, next_sequence: u64, now_ns: u64, sink: &mut S) {
        if !self.arbiter.join(next_sequence) {
            self.counters.snapshots_too_old += 1;
            self.give_up(now_ns, sink);
            return;
        }
        self.counters.snapshots += 1;
        self.has_lost = false;
        self.pipeline.end_snapshot(next_sequence, sink);
        self.apply_ready(sink);
        self.silent_still(sink);
        self.recovered(now_ns, sink);
    }

    /// What was asked for is there. What else is missing is the next thing to ask for.
    fn recovered<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        if let Some(desk) = &mut self.desk {
            desk.ask(Want::Cancel, Phase::Idle, now_ns);
        }
        if self.arbiter.is_expired(now_ns) {
            self.missing(now_ns, sink);
        } else {
            self.pipeline.lift(Reason::Recovering, sink);
            self.turn_live(now_ns);
        }
    }

    /// Nobody can help: what is missing is lost, and the books say so until a snapshot is to be had or they are cleared.
    fn give_up<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        let was_paused = self.arbiter.is_paused();
        self.arbiter.resume();
        if let Some(desk) = &mut self.desk {
            if desk.phase != Phase::Idle {
                desk.ask(Want::Cancel, Phase::Idle, now_ns);
            }
            if now_ns >= desk.again_ns {
                let retry_ns = desk.config.retry_ns;
                desk.again_ns = if retry_ns == 0 { u64::MAX } else { now_ns.saturating_add(retry_ns) };
            }
        }
        if was_paused && self.arbiter.missing().is_none() {
            // A snapshot was to mend books that nothing is missing of now; what it left is no state of any moment.
            self.has_lost = true;
            self.pipeline.doubt(Reason::Gap, sink);
        }
        self.apply_ready(sink);
        self.lose(sink);
        self.pipeline.lift(Reason::Recovering, sink);
        self.turn_live(now_ns);
    }

    /// What is missing is lost: what waits behind it is applied.
    fn lose<S: EventSink>(&mut self, sink: &mut S) {
        while let Some(gap) = self.arbiter.give_up() {
            self.has_lost = true;
            self.pipeline.go_on_at(self.arbiter.session(), gap.last + 1, sink);
            self.apply_ready(sink);
        }
    }

    /// More waited than there was room for: what was asked for is not enough any more.
    #[cold]
    pub(super) fn overflowed<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        match self.desk.as_ref().map(|desk| desk.phase) {
            Some(Phase::Messages(_) | Phase::Snapshot { .. }) => {
                self.standing.turn(ChannelState::Recovering, Cause::Overflow, now_ns);
                self.fetch_state(Cause::Overflow, now_ns, sink);
            }
            _ => self.missing(now_ns, sink),
        }
    }

    /// What was asked for is of no use any more.
    pub(super) fn cancel<S: EventSink>(&mut self, now_ns: u64, sink: &mut S) {
        let Some(desk) = &mut self.desk else { return };
        desk.again_ns = 0;
        if desk.phase != Phase::Idle {
            desk.ask(Want::Cancel, Phase::Idle, now_ns);
        }
        self.pipeline.lift(Reason::Recovering, sink);
    }
}
