//! Level books in the slots that readers see.

use crate::{
    instrument::Seat,
    levels::{
        entries::{Entries, Entry, LISTED, Run},
        view::{count_of, levels_of, quantity_of},
    },
    ranks::{NEAR, Ranks},
    top::{SINCE, TOP_LEVELS, TopHead, TopLevel, TopSlot},
    writer::SIGN,
};

/// One side to publish. Each of its levels takes the seat of its rank.
pub(crate) struct GivenSide<'a> {
    /// Best last.
    entries: &'a [Entry],
    /// Levels of a list, best first: for a rank there is not a place in the list.
    listed: Option<[TopLevel; TOP_LEVELS]>,
    /// Levels that readers get, and the entries that these are.
    len: usize,
    shown: usize,
    sign: i64,
}

impl<'a> GivenSide<'a> {
    pub fn new(entries: &'a Entries, run: &Run, side: usize) -> Self {
        let (entries, sign) = (entries.of(run), SIGN[side]);
        let len = entries.len().min(TOP_LEVELS);
        let this = Self { entries, listed: None, len, shown: len, sign };
        if run.has(LISTED) { this.of_list() } else { this }
    }

    fn of_list(self) -> Self {
        let mut listed = [TopLevel::default(); TOP_LEVELS];
        let (mut len, mut shown) = (0, 0);
        for (level, entries) in listed.iter_mut().zip(levels_of(self.entries)) {
            *level = self.level_of(entries);
            (len, shown) = (len + 1, shown + entries.len());
        }
        Self { listed: Some(listed), len, shown, ..self }
    }

    /// Entries that readers get to see.
    pub fn shown(&self) -> u32 {
        self.shown as u32
    }

    /// Ranks to write of those that changed, one bit each. Ranks past the last may have changed: they hold nothing now, and are
    /// noted again when they do.
    fn ranks(&self, changed: u64) -> u64 {
        let held = (1 << self.len) - 1;
        if self.listed.is_some() { held } else { changed & held }
    }

    fn level(&self, rank: usize) -> TopLevel {
        match &self.listed {
            Some(listed) => listed[rank],
            None => self.level_of(core::slice::from_ref(&self.entries[self.entries.len() - 1 - rank])),
        }
    }

    fn level_of(&self, entries: &[Entry]) -> TopLevel {
        TopLevel {
            price: entries[0].key.wrapping_mul(self.sign),
            quantity: quantity_of(entries),
            order_count: count_of(entries),
        }
    }
}

impl TopSlot {
    /// Publishes a level book, of whose seats those in `changed` changed. Only the writer calls it.
    pub fn publish_given(&self, head: &TopHead, changed: u64, sides: &[GivenSide<'_>; 2]) {
        let changed = sides[0].ranks(changed) | sides[1].ranks(changed >> NEAR) << NEAR;
        let head = TopHead { lens: [sides[0].len, sides[1].len], ranks: [Ranks::default(); 2], ..*head };
        self.publish(&head, changed | SINCE, |seat: Seat| sides[seat / NEAR].level(seat % NEAR));
    }
}
