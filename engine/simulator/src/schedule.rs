//! When orders are due to be deleted: a calendar by message number.

use crate::book::NIL;

/// Buckets at most; a longer day puts several messages into one.
const MAX_BUCKETS_LOG2: u32 = 22;

/// Due at no message of any day.
pub(crate) const NEVER: u64 = u64::MAX >> 1;

#[derive(Clone, Copy, Debug)]
struct Link {
    next: u32,
    previous: u32,
    bucket: u32,
}

/// Orders by due message, each in a doubly linked list of its bucket, so that one that leaves early is taken out at once.
#[derive(Debug)]
pub(crate) struct Schedule {
    heads: Vec<u32>,
    links: Vec<Link>,
    shift: u32,
    cursor: usize,
}

impl Schedule {
    pub(crate) fn new(messages: u64) -> Self {
        let bits = u64::BITS - messages.leading_zeros();
        let shift = bits.saturating_sub(MAX_BUCKETS_LOG2);
        Self { heads: vec![NIL; (messages >> shift) as usize + 1], links: Vec::new(), shift, cursor: 0 }
    }

    /// Puts `slot` down for message `due`; past the day's end it is never due.
    pub(crate) fn insert(&mut self, slot: u32, due: u64) {
        if self.links.len() <= slot as usize {
            self.links.resize(slot as usize + 1, Link { next: NIL, previous: NIL, bucket: NIL });
        }
        let bucket = (due >> self.shift) as usize;
        let link = &mut self.links[slot as usize];
        *link = Link { next: NIL, previous: NIL, bucket: NIL };
        let Some(head) = self.heads.get_mut(bucket.max(self.cursor)) else { return };
        link.bucket = bucket.max(self.cursor) as u32;
        link.next = *head;
        let next = *head;
        *head = slot;
        if next != NIL {
            self.links[next as usize].previous = slot;
        }
    }

    /// Takes `slot` out, wherever it stands, and gives the message for which it was down, near enough; past the day's end
    /// where it was never due.
    pub(crate) fn remove(&mut self, slot: u32) -> u64 {
        let Link { next, previous, bucket } = self.links[slot as usize];
        if bucket == NIL {
            return NEVER;
        }
        match previous {
            NIL => self.heads[bucket as usize] = next,
            _ => self.links[previous as usize].next = next,
        }
        if next != NIL {
            self.links[next as usize].previous = previous;
        }
        self.links[slot as usize].bucket = NIL;
        u64::from(bucket) << self.shift
    }

    /// An order that is due by message `now`, still in the schedule.
    pub(crate) fn due(&mut self, now: u64) -> Option<u32> {
        let end = ((now >> self.shift) as usize).min(self.heads.len() - 1);
        while self.cursor < end && self.heads[self.cursor] == NIL {
            self.cursor += 1;
        }
        let head = self.heads[self.cursor];
        (self.cursor <= end && head != NIL).then_some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_due_by_message_and_leave_early() {
        let mut schedule = Schedule::new(100);
        for (slot, due) in [(0, 50), (1, 10), (2, 10), (3, 10), (4, 500)] {
            schedule.insert(slot, due);
        }
        assert_eq!(schedule.due(9), None);
        assert_eq!([schedule.remove(2), schedule.remove(2), schedule.remove(4)], [10, NEVER, NEVER]);
        let mut taken = Vec::new();
        while let Some(slot) = schedule.due(60) {
            schedule.remove(slot);
            taken.push(slot);
        }
        assert_eq!(taken, [3, 1, 0]);
        schedule.insert(5, 20);
        assert_eq!(schedule.due(60), Some(5), "one that is late already is due at once");
    }
}
