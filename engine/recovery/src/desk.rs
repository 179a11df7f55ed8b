//! Where a channel on a hot core and the recovery thread meet: bounded queues without locks, and buffers that go round.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use crate::want::{Answer, Want};

/// Wants that can wait.
const WANTS: usize = 8;

/// Bytes that a buffer reserves: what fits into a datagram of an exchange.
const BUFFER_SIZE: usize = 2048;

#[derive(Debug)]
struct Shared {
    wants: ArrayQueue<Want>,
    answers: ArrayQueue<Answer>,
    buffers: ArrayQueue<Vec<u8>>,
}

/// The channel's end. Nothing here allocates, locks or calls the system.
#[derive(Debug)]
pub struct Client(Arc<Shared>);

/// The recovery thread's end.
#[derive(Debug)]
pub struct Server(Arc<Shared>);

/// Both ends of a desk, with room for so many answers, 1 at least.
///
/// ```
/// use wirebook_recovery::{Answer, Want, desk};
/// let (mut channel, mut service) = desk(64);
/// assert!(channel.ask(Want::Messages { session: [0; 16], first: 3, last: 4 }));
/// assert!(matches!(service.want(), Some(Want::Messages { first: 3, last: 4, .. })));
/// service.answer(Answer::GaveUp).unwrap();
/// assert_eq!(channel.answer(), Some(Answer::GaveUp));
/// ```
pub fn desk(answers: usize) -> (Client, Server) {
    let answers = answers.max(1);
    let shared = Arc::new(Shared {
        wants: ArrayQueue::new(WANTS),
        answers: ArrayQueue::new(answers),
        // Each answer in the queue may hold one, and some are in either side's hands.
        buffers: ArrayQueue::new(answers + WANTS),
    });
    (Client(Arc::clone(&shared)), Server(shared))
}

impl Client {
    /// Asks for something. `false` where earlier wants still wait, which the recovery thread has not looked at: ask again.
    pub fn ask(&mut self, want: Want) -> bool {
        self.0.wants.push(want).is_ok()
    }

    /// The next answer.
    pub fn answer(&mut self) -> Option<Answer> {
        self.0.answers.pop()
    }

    /// Whether an answer waits.
    pub fn has_answer(&self) -> bool {
        !self.0.answers.is_empty()
    }

    /// Gives the buffer of an answer back, to be filled again.
    pub fn give_back(&mut self, buffer: Vec<u8>) {
        // There is room for every buffer that exists, unless a caller brings its own: that one is dropped.
        let _ = self.0.buffers.push(buffer);
    }
}

impl Server {
    /// The next want.
    pub fn want(&mut self) -> Option<Want> {
        self.0.wants.pop()
    }

    /// Gives an answer.
    ///
    /// # Errors
    ///
    /// The answer, where the queue is full.
    pub fn answer(&mut self, answer: Answer) -> Result<(), Answer> {
        self.0.answers.push(answer)
    }

    /// An empty buffer for a packet; one that came back where there is one.
    pub fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.0.buffers.pop().unwrap_or_else(|| Vec::with_capacity(BUFFER_SIZE));
        buffer.clear();
        buffer
    }

    /// Answers that fit now.
    pub fn room(&self) -> usize {
        self.0.answers.capacity() - self.0.answers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_queues_say_so() {
        let (mut client, mut server) = desk(1);
        assert!(server.answer(Answer::GaveUp).is_ok());
        assert_eq!(server.answer(Answer::SnapshotStart), Err(Answer::SnapshotStart));
        assert_eq!((server.room(), client.answer()), (0, Some(Answer::GaveUp)));
        for _ in 0..WANTS {
            assert!(client.ask(Want::Cancel));
        }
        assert!(!client.ask(Want::Cancel));
    }

    #[test]
    fn buffers_go_round() {
        let (mut client, mut server) = desk(4);
        let mut buffer = server.buffer();
        buffer.extend_from_slice(b"abc");
        let place = buffer.as_ptr();
        client.give_back(buffer);
        let again = server.buffer();
        assert!(again.is_empty() && again.as_ptr() == place);
    }
}
