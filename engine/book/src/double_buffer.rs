//! One writer publishes a few words to any number of readers; nobody waits.
//!
//! The writer fills the idle one of two buffers and flips. A reader copies the active one, then asks whether it stayed
//! untouched meanwhile. Before it touches a buffer the writer says so, hence a reader must begin again only when two
//! publications fall into its copy, and a writer that is stopped in the middle of a publication stops no reader.

use crate::sync::{AtomicU64, Ordering, fence};

/// Two buffers under a version. All zero bytes are a slot that publishes zeros.
///
/// Each buffer has a head of `HEAD` words, which every publication writes, and a body of `BODY` words, of which it writes what
/// changed. The heads stand in the version's line, so that a publication touches no line but that and those that changed.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct DoubleBuffer<const HEAD: usize, const BODY: usize> {
    /// Twice the publications so far, plus one while the next is being written. Half of it, modulo two, is the active buffer.
    version: AtomicU64,
    heads: [[AtomicU64; HEAD]; 2],
    bodies: [Body<BODY>; 2],
}

#[derive(Debug)]
#[repr(C, align(64))]
struct Body<const WORDS: usize>([AtomicU64; WORDS]);

impl<const HEAD: usize, const BODY: usize> DoubleBuffer<HEAD, BODY> {
    #[cfg(loom)]
    pub fn new() -> Self {
        let head = || core::array::from_fn(|_| AtomicU64::new(0));
        let body = || Body(core::array::from_fn(|_| AtomicU64::new(0)));
        Self { version: AtomicU64::new(0), heads: [head(), head()], bodies: [body(), body()] }
    }

    /// Index of the buffer that the next publication writes.
    #[inline]
    pub const fn idle(publications: u64) -> usize {
        ((publications + 1) & 1) as usize
    }

    /// Publishes what `write` puts into the idle buffer, which holds the publication before the last. Only the one writer
    /// calls it, with the count of its publications so far.
    #[inline]
    pub fn publish(&self, publications: u64, write: impl FnOnce(&[AtomicU64; HEAD], &[AtomicU64; BODY])) {
        // Pairs with the Acquire load in `try_read`, which may see this version and not the even one before it: the words of
        // the active buffer must come with it all the same.
        self.version.store(2 * publications + 1, Ordering::Release);
        // Pairs with the Acquire fence in `try_read`: whoever sees a word written below sees this version too, and drops
        // its copy.
        fence(Ordering::Release);
        let idle = Self::idle(publications);
        write(&self.heads[idle], &self.bodies[idle].0);
        // Pairs with the Acquire load in `try_read`: whoever sees this version sees the words of its buffer.
        self.version.store(2 * publications + 2, Ordering::Release);
    }

    /// What `copy` makes of the active buffer, or `None` where a later publication got into it meanwhile. `copy` may see a
    /// mixture of two publications; its result is dropped then.
    #[inline]
    pub fn try_read<R>(&self, copy: impl FnOnce(&[AtomicU64; HEAD], &[AtomicU64; BODY]) -> R) -> Option<R> {
        // Pairs with both Release stores of `publish`.
        let before = self.version.load(Ordering::Acquire) & !1;
        let active = (before >> 1 & 1) as usize;
        let result = copy(&self.heads[active], &self.bodies[active].0);
        // Pairs with the Release fence in `publish`: had a word come from a later publication into this buffer, the load
        // below would see that publication's odd version, which is past the next even one.
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) <= before + 2).then_some(result)
    }

    /// Asks for the lines of the version and heads, and of the idle body's `word`.
    #[inline]
    pub fn prefetch(&self, publications: u64, word: usize) {
        let this = core::slice::from_ref(self);
        crate::prefetch::line(this, 0);
        let body = core::mem::offset_of!(Self, bodies) + size_of::<Body<BODY>>() * Self::idle(publications);
        crate::prefetch::line(this, body + word * 8);
    }
}

#[cfg(all(test, loom))]
mod models {
    use loom::{sync::Arc, thread};

    use super::*;

    const PUBLICATIONS: u64 = 3;

    /// Every interleaving with up to this many switches away from a thread that could go on.
    fn model() -> loom::model::Builder {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model
    }

    fn publish_all(slot: &DoubleBuffer<1, 1>) {
        for publication in 0..PUBLICATIONS {
            slot.publish(publication, |head, body| {
                head[0].store(publication + 1, Ordering::Relaxed);
                body[0].store(publication + 1, Ordering::Relaxed);
            });
        }
    }

    fn read(slot: &DoubleBuffer<1, 1>) -> Option<u64> {
        let words = slot.try_read(|head, body| [&head[0], &body[0]].map(|word| word.load(Ordering::Relaxed)))?;
        assert_eq!(words[0], words[1], "torn");
        Some(words[0])
    }

    #[test]
    fn reader_sees_whole_publications_that_never_go_back() {
        model().check(|| {
            let slot = Arc::new(DoubleBuffer::<1, 1>::new());
            let writer = thread::spawn({
                let slot = Arc::clone(&slot);
                move || publish_all(&slot)
            });
            let first = read(&slot);
            let second = read(&slot);
            if let (Some(first), Some(second)) = (first, second) {
                assert!(first <= second, "backward");
            }
            writer.join().expect("the writer does not panic");
            assert_eq!(read(&slot), Some(PUBLICATIONS), "nothing is written now");
        });
    }

    #[test]
    fn one_publication_at_a_time_never_makes_a_reader_begin_again() {
        model().check(|| {
            let slot = Arc::new(DoubleBuffer::<1, 1>::new());
            let writer = thread::spawn({
                let slot = Arc::clone(&slot);
                move || {
                    slot.publish(0, |head, body| {
                        head[0].store(1, Ordering::Relaxed);
                        body[0].store(1, Ordering::Relaxed);
                    });
                }
            });
            assert!(read(&slot).is_some());
            writer.join().expect("the writer does not panic");
        });
    }
}
