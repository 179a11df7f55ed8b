//! One writer publishes some entries to any number of readers; nobody waits.
//!
//! Of the head there are two buffers, and of each entry two copies; the head says, among other things, which copy of each
//! entry is its own. The writer fills the idle head and those copies that the active head does not name, and flips: so it writes
//! the entries that changed, once, and no others. A reader takes the active head and the copies it names, then asks whether they
//! stayed untouched meanwhile. Before it touches anything the writer says so, hence a reader must begin again only when two
//! publications fall into its copy, and a writer that is stopped in the middle of a publication stops no reader.

use crate::sync::{AtomicU64, Ordering, fence};

/// Two heads of `HEAD` words and two copies of each of `ENTRIES` entries under a version. All zero bytes are a slot that
/// publishes zeros.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct DoubleBuffer<const HEAD: usize, const ENTRIES: usize> {
    /// Twice the publications so far, plus one while the next is being written. Half of it, modulo two, is the active head.
    version: AtomicU64,
    heads: [[AtomicU64; HEAD]; 2],
    entries: [Entry; ENTRIES],
}

/// Words of an entry.
pub(crate) const ENTRY_WORDS: usize = 3;

/// Both copies of an entry, in a line of their own.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Entry(pub [[AtomicU64; ENTRY_WORDS]; 2]);

/// What a publication writes to.
pub(crate) struct Idle<'a, const HEAD: usize, const ENTRIES: usize> {
    /// The head that readers see until then; of it the writer keeps what does not change.
    pub active: &'a [AtomicU64; HEAD],
    /// All of it is to be written.
    pub head: &'a [AtomicU64; HEAD],
    /// Of these, only copies that the active head does not name.
    pub entries: &'a [Entry; ENTRIES],
}

impl<const HEAD: usize, const ENTRIES: usize> DoubleBuffer<HEAD, ENTRIES> {
    #[cfg(loom)]
    pub fn new() -> Self {
        let head = || core::array::from_fn(|_| AtomicU64::new(0));
        let copy = || core::array::from_fn(|_| AtomicU64::new(0));
        let entry = |_| Entry([copy(), copy()]);
        Self { version: AtomicU64::new(0), heads: [head(), head()], entries: core::array::from_fn(entry) }
    }

    /// Publishes what `write` puts into the idle head and the copies that the active one does not name. Only the one writer
    /// calls it.
    #[inline]
    pub fn publish(&self, write: impl FnOnce(Idle<'_, HEAD, ENTRIES>)) {
        // Nobody else stores it.
        let version = self.version.load(Ordering::Relaxed);
        // Pairs with the Acquire load in `try_read`, which may see this version and not the even one before it: the words of
        // the active head and its copies must come with it all the same.
        self.version.store(version + 1, Ordering::Release);
        // Pairs with the Acquire fence in `try_read`: whoever sees a word written below sees this version too, and drops
        // its copy.
        fence(Ordering::Release);
        let active = (version >> 1 & 1) as usize;
        write(Idle { active: &self.heads[active], head: &self.heads[1 - active], entries: &self.entries });
        // Pairs with the Acquire load in `try_read`: whoever sees this version sees the words of its head and copies.
        self.version.store(version + 2, Ordering::Release);
    }

    /// What `copy` makes of the active head and the entries, or `None` where a later publication got into them meanwhile. `copy`
    /// may see a mixture of publications; its result is dropped then.
    #[inline]
    pub fn try_read<R>(&self, copy: impl FnOnce(&[AtomicU64; HEAD], &[Entry; ENTRIES]) -> R) -> Option<R> {
        // Pairs with both Release stores of `publish`.
        let before = self.version.load(Ordering::Acquire) & !1;
        let active = (before >> 1 & 1) as usize;
        let result = copy(&self.heads[active], &self.entries);
        // Pairs with the Release fence in `publish`: the next publication spares this head and its copies. Had a word come
        // from the one after it, the load below would see that one's odd version, which is past the next even one.
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) <= before + 2).then_some(result)
    }

    /// Asks for the lines of the version and heads, and of an entry.
    #[inline]
    pub fn prefetch(&self, entry: usize) {
        let this = core::slice::from_ref(self);
        crate::prefetch::line(this, 0);
        crate::prefetch::line(this, 64);
        crate::prefetch::line(this, core::mem::offset_of!(Self, entries) + entry * size_of::<Entry>());
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

    /// The head's first word counts, its second says which copy of the entry is its own.
    type Slot = DoubleBuffer<2, 1>;

    fn publish(slot: &Slot, value: u64) {
        slot.publish(|Idle { active, head, entries }| {
            let copy = 1 - active[1].load(Ordering::Relaxed);
            entries[0].0[copy as usize][0].store(value, Ordering::Relaxed);
            head[0].store(value, Ordering::Relaxed);
            head[1].store(copy, Ordering::Relaxed);
        });
    }

    fn publish_all(slot: &Slot) {
        for publication in 0..PUBLICATIONS {
            publish(slot, publication + 1);
        }
    }

    fn read(slot: &Slot) -> Option<u64> {
        let words = slot.try_read(|head, entries| {
            let copy = head[1].load(Ordering::Relaxed) as usize & 1;
            [&head[0], &entries[0].0[copy][0]].map(|word| word.load(Ordering::Relaxed))
        })?;
        assert_eq!(words[0], words[1], "torn");
        Some(words[0])
    }

    #[test]
    fn reader_sees_whole_publications_that_never_go_back() {
        model().check(|| {
            let slot = Arc::new(Slot::new());
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
            let slot = Arc::new(Slot::new());
            let writer = thread::spawn({
                let slot = Arc::clone(&slot);
                move || {
                    publish(&slot, 1);
                }
            });
            assert!(read(&slot).is_some());
            writer.join().expect("the writer does not panic");
        });
    }
}
