//! What every conversation is.

use crate::{
    desk::Server,
    want::{Answer, Refusal, Want},
};

/// A conversation with one service for one channel: a state machine over sockets that never block.
///
/// Time is an argument: nanoseconds of a clock that never goes back. [`poll`](Self::poll) is called some thousand times a
/// second and does what there is to do without waiting.
pub trait Conversation: Send {
    /// The service, for reports.
    fn service(&self) -> &'static str;

    /// Whether this is whom to ask for it.
    fn can(&self, want: &Want) -> bool;

    /// Asks for something; what was asked before is forgotten. [`Want::Cancel`] ends what is under way.
    fn ask(&mut self, want: Want, now_ns: u64);

    /// Reads what came, writes what is due, and gives answers to `out`.
    fn poll(&mut self, now_ns: u64, out: &mut Outbox<'_>);

    /// What happened so far.
    fn counters(&self) -> Counters;
}

/// What a conversation did, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// Requests sent again for want of an answer.
    pub retries: u64,
    /// Packets that answered.
    pub packets: u64,
    /// Snapshots that came whole.
    pub snapshots: u64,
    /// Refusals by the venue.
    pub refusals: u64,
    /// Wants that nobody answered as often as was configured.
    pub gave_up: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Connections that failed, broke or fell silent.
    pub failures: u64,
    /// Answers that were not of the protocol, of another session, or not asked for.
    pub garbage: u64,
    /// Times that a request was due and the budget held it back.
    pub held_back: u64,
    /// Answers that found no room in the channel's queue.
    pub overflows: u64,
}

/// Where a conversation's answers go.
#[derive(Debug)]
pub struct Outbox<'a> {
    server: &'a mut Server,
    overflows: u64,
}

impl<'a> Outbox<'a> {
    /// Answers go to the channel at the other end of `server`.
    pub fn new(server: &'a mut Server) -> Self {
        Self { server, overflows: 0 }
    }

    /// Gives an answer that is no packet. A channel that leaves it no room finds out by what it lacks afterwards.
    pub fn say(&mut self, answer: Answer) -> bool {
        let is_taken = self.server.answer(answer).is_ok();
        self.overflows += u64::from(!is_taken);
        is_taken
    }

    /// Gives a packet, made into an answer by `answer`; `false` where the queue is full, and the packet lost.
    pub fn packet(&mut self, bytes: &[u8], answer: impl FnOnce(Vec<u8>) -> Answer) -> bool {
        let mut buffer = self.server.buffer();
        buffer.extend_from_slice(bytes);
        self.say(answer(buffer))
    }

    /// Answers that fit now.
    pub fn room(&self) -> usize {
        self.server.room()
    }

    /// Refuses what was asked for.
    pub fn refuse(&mut self, refusal: Refusal) -> bool {
        self.say(Answer::Refused(refusal))
    }

    /// Answers that found no room.
    pub fn overflows(&self) -> u64 {
        self.overflows
    }
}
