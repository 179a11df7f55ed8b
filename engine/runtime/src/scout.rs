//! Looks at packets of which nobody knows yet whether they are of the feed.

use wirebook_abi::{
    BatchBuffer, CheckedTable, Decoded, DecoderInstance, EventKind, Frame, FrameKind, Framing, Outcome, Refused,
    Status, Tag, flags,
};

/// Events of the batch: nobody reads them.
const EVENTS: usize = 1024;

/// A decoder that only looks.
#[derive(Debug)]
pub(crate) struct Scout {
    decoder: DecoderInstance,
    batch: BatchBuffer,
}

/// Which of a channel's feeds a packet is of, as far as its events tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Feed {
    /// It may be of any.
    #[default]
    Unknown,
    /// Increments: it changes books outright.
    Increments,
    /// A loop of definitions: it has nothing else. Increments may have some, too.
    Definitions,
    /// A loop of snapshots of books.
    Snapshots,
    /// A loop of snapshots of the orders that stand beside levels.
    OrderSnapshots,
}

/// What a packet of the feed looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    pub frame: Frame,
    pub feed: Feed,
    /// Messages decoded, those with faults included.
    pub messages: u64,
    /// Messages that were not taken as they stand.
    pub faults: u64,
}

impl Scout {
    pub fn new(table: CheckedTable, framing: Framing) -> Result<Self, Refused> {
        Ok(Self { decoder: table.create(framing)?, batch: BatchBuffer::new(EVENTS, 64, table.description()) })
    }

    /// Looks at a packet, or at the front of a stream. It is of the feed where its messages fill it to the end, whatever they
    /// are; a packet that the capture `cut` need have one only.
    ///
    /// # Errors
    ///
    /// Why it is not of the feed, and where in the packet that shows.
    pub fn look(&mut self, packet: &[u8], cut: bool) -> Result<Sight, Outcome> {
        let mut frame = Frame::default();
        let outcome = self.decoder.frame(packet, &mut frame);
        if self.decoder.failed() {
            return self.failed(frame);
        }
        if outcome.status != Status::OK {
            return Err(outcome);
        }
        // The end of a stream, or its conversation, announces no message and has bytes of its own.
        if self.decoder.framing().is_stream() && frame.kind != FrameKind::DATA {
            return Ok(Sight { frame, feed: Feed::Unknown, messages: 0, faults: 0 });
        }
        let (decoded, faults, trailing, feed) = self.decode(packet.get(..frame.size_bytes as usize).unwrap_or(packet));
        if self.decoder.failed() {
            return self.failed(frame);
        }
        let messages = u64::from(decoded.messages);
        match (decoded.status, trailing) {
            (Status::OK, None) => Ok(Sight { frame, feed, messages, faults }),
            (Status::OK, Some(at)) => Err(Outcome { status: Status::TRAILING_BYTES, reserved: 0, offset: at }),
            // What a recorder cut off says nothing against what it kept.
            (Status::TRUNCATED, _) if cut && messages != 0 => Ok(Sight { frame, feed, messages, faults }),
            (status, _) => Err(Outcome { status, reserved: 0, offset: decoded.offset }),
        }
    }

    /// The decoder failed on this packet. It would do so on a channel of its own too, and there it is to be seen.
    fn failed(&mut self, frame: Frame) -> Result<Sight, Outcome> {
        let refused = Outcome { status: Status::PANICKED, reserved: 0, offset: 0 };
        let table = self.decoder.table();
        self.decoder = table.create(self.decoder.framing()).map_err(|_| refused)?;
        Ok(Sight { frame, feed: Feed::Unknown, messages: 0, faults: 1 })
    }

    /// Decodes a whole packet; gives the faults of its messages, where bytes start that it does not announce, and its feed.
    fn decode(&mut self, packet: &[u8]) -> (Decoded, u64, Option<u32>, Feed) {
        let (mut skip, mut count, mut trailing, mut feed) = (0, 0, None, Feed::Unknown);
        loop {
            self.batch.clear();
            let decoded = self.decoder.decode(packet, skip, &mut self.batch);
            skip += decoded.messages;
            feed = self.feed(feed);
            let (faults, first) = self.batch.take_faults();
            count += faults as u64;
            let at = first.iter().find(|fault| fault.status == Status::TRAILING_BYTES).map(|fault| fault.offset);
            trailing = trailing.or(at);
            if decoded.status != Status::BATCH_FULL || decoded.messages == 0 {
                return (Decoded { messages: skip, ..decoded }, count, trailing, feed);
            }
        }
    }

    /// Which feed the events at hand are of, behind others of their packet that were of `before`.
    fn feed(&mut self, before: Feed) -> Feed {
        let (events, cold, records) = self.batch.parts_mut();
        let mut feed = before;
        for (event, cold) in events.iter().zip(cold) {
            let record = usize::from(cold.record).checked_sub(1).and_then(|at| records.get(at));
            let is_snapshot = event.flags & flags::SNAPSHOT != 0;
            let is_of_book = (EventKind::ADD..=EventKind::CLEAR).contains(&event.kind);
            let parts = record.and_then(|record| record.get(Tag::SNAPSHOT_PARTS));
            let is_as_of = record.is_some_and(|record| record.get(Tag::AS_OF_SEQUENCE).is_some());
            feed = match (feed, event.kind) {
                (Feed::Snapshots | Feed::OrderSnapshots, _) => feed,
                _ if is_as_of && is_snapshot && parts.is_some_and(|parts| parts > 0) => Feed::OrderSnapshots,
                _ if is_as_of && is_snapshot => Feed::Snapshots,
                (_, EventKind::TRADE) => Feed::Increments,
                _ if is_of_book && !is_snapshot => Feed::Increments,
                (Feed::Unknown, EventKind::DEFINITION) => Feed::Definitions,
                _ => feed,
            };
        }
        feed
    }
}
