//! What the writer keeps of the level books of each instrument.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    levels::entries::{Entries, Run},
    ranks::NEAR,
    top::TOP_LEVELS,
    zeroed::zeroed,
};

/// Index of the book of direct levels, and of that of implied ones.
pub(crate) const DIRECT: usize = 0;
pub(crate) const IMPLIED: usize = 1;

/// Both sides of a book.
#[derive(Debug, Default)]
pub(crate) struct GivenBook {
    pub sides: [Run; 2],
    /// Ranks that changed since the last publication, one bit each, and sixteen bits up those of asks.
    pub changed: u64,
}

impl GivenBook {
    /// Notes a change at this rank, or with `onward` at all from it on.
    #[inline]
    pub fn note(&mut self, side: usize, rank: usize, onward: bool) {
        const ALL: u64 = (1 << TOP_LEVELS) - 1;
        let ranks = if onward { ALL << rank & ALL } else { 1 << rank };
        self.changed |= ranks << (side * NEAR);
    }
}

/// The level books of one instrument.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Given {
    /// Direct levels, then implied ones.
    pub books: [GivenBook; 2],
    /// Levels a side of each book that the instrument's definition gave; 0 where it gave none.
    pub depths: [u16; 2],
    /// The feed gave an implied level.
    pub has_implied: bool,
}

impl Given {
    fn new() -> Self {
        let mut given = Self::default();
        for book in &mut given.books {
            // The slot may show what an order book had.
            book.note(0, 0, true);
            book.note(1, 0, true);
        }
        given
    }
}

/// The level books of all instruments. One that the feed gives no levels of costs four bytes, which are never touched.
#[derive(Debug)]
pub(crate) struct LevelBooks {
    /// Index in `given` plus one, by instrument; 0 where there is none.
    numbers: Box<[u32]>,
    given: Vec<Given>,
    pub entries: Entries,
    growths: u64,
}

// SAFETY: an integer.
unsafe impl crate::zeroed::Zeroable for u32 {}

impl LevelBooks {
    /// For so many instruments at most, with room for `levels` levels.
    pub fn new(instruments: usize, levels: usize) -> Self {
        Self {
            numbers: zeroed(instruments),
            given: Vec::with_capacity(instruments),
            entries: Entries::new(levels),
            growths: 0,
        }
    }

    /// The books of an instrument, where it has any.
    #[inline]
    pub fn get(&self, index: u32) -> Option<&Given> {
        self.given.get((self.numbers[index as usize] as usize).wrapping_sub(1))
    }

    /// The books of an instrument with everybody's entries, new ones where it has none.
    #[inline]
    pub fn parts(&mut self, index: u32) -> (&mut Given, &mut Entries) {
        let number = self.numbers[index as usize];
        let number = if number == 0 { self.found(index) } else { number };
        (&mut self.given[number as usize - 1], &mut self.entries)
    }

    #[cold]
    fn found(&mut self, index: u32) -> u32 {
        self.growths += u64::from(self.given.len() == self.given.capacity());
        self.given.push(Given::new());
        let number = self.given.len() as u32;
        self.numbers[index as usize] = number;
        number
    }

    pub fn growths(&self) -> u64 {
        self.growths + self.entries.growths
    }
}
