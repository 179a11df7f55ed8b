//! The venue's text for each instrument key.

use std::collections::HashMap;

use wirebook_abi::Description;

/// Symbols by instrument key, and the way back.
#[derive(Debug)]
pub struct Symbols {
    by_key: HashMap<u32, Box<str>>,
    by_symbol: HashMap<Box<str>, u32>,
}

impl Symbols {
    pub(crate) fn new(description: &Description) -> Self {
        let expected = (description.instrument_limit as usize).clamp(1 << 10, 1 << 14);
        Self { by_key: HashMap::with_capacity(expected), by_symbol: HashMap::with_capacity(expected) }
    }

    pub(crate) fn name(&mut self, key: u32, symbol: &str) {
        if self.by_key.get(&key).is_some_and(|known| **known == *symbol) {
            return;
        }
        self.by_key.insert(key, symbol.into());
        self.by_symbol.insert(symbol.into(), key);
    }

    /// Symbol of a key; `None` where the venue has not named it.
    pub fn symbol(&self, key: u32) -> Option<&str> {
        self.by_key.get(&key).map(|symbol| &**symbol)
    }

    /// Key of a symbol.
    pub fn key(&self, symbol: &str) -> Option<u32> {
        self.by_symbol.get(symbol).copied()
    }

    /// Instruments named.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}
