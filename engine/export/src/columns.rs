//! Columns that several frames share.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use arrow_array::{
    Array, ArrayRef, DictionaryArray, StringArray, UInt8Array, UInt32Array,
    builder::{Decimal128Builder, PrimitiveBuilder},
    types::UInt32Type,
};
use arrow_schema::{DataType, Field};
use wirebook_abi::{EventKind, Side};

use crate::{Result, Symbols};

/// Digits of a price: what Parquet still stores as a 64-bit integer.
const PRICE_DIGITS: u8 = 18;
const PRICE_PLACES: i8 = 9;
/// What a price column holds, for messages.
pub(crate) const PRICE_LIMIT: &str = "below 1,000,000,000";

/// Prices: exact decimals with nine places.
pub(crate) fn price_field(name: &str) -> Field {
    Field::new(name, DataType::Decimal128(PRICE_DIGITS, PRICE_PLACES), true)
}

pub(crate) fn price_builder(capacity: usize) -> Decimal128Builder {
    let builder = Decimal128Builder::with_capacity(capacity).with_precision_and_scale(PRICE_DIGITS, PRICE_PLACES);
    builder.expect("18 digits with 9 places are a decimal of 128 bits")
}

/// Whether a price column holds this price, 1e-9.
pub(crate) fn price_fits(price_e9: i64) -> bool {
    price_e9.unsigned_abs() < 10_u64.pow(PRICE_DIGITS.into())
}

pub(crate) fn code_field(name: &str) -> Field {
    Field::new(name, DataType::Dictionary(DataType::UInt8.into(), DataType::Utf8.into()), false)
}

pub(crate) fn symbol_field() -> Field {
    Field::new("symbol", DataType::Dictionary(DataType::UInt32.into(), DataType::Utf8.into()), true)
}

static KINDS: LazyLock<ArrayRef> = LazyLock::new(|| {
    Arc::new((0..=EventKind::END.0).map(|kind| Some(EventKind(kind).name())).collect::<StringArray>())
});
static SIDES: LazyLock<ArrayRef> = LazyLock::new(|| Arc::new(StringArray::from(vec!["N", "B", "A"])));

pub(crate) fn kind_code(kind: EventKind) -> u8 {
    if kind <= EventKind::END { kind.0 } else { 0 }
}

pub(crate) fn side_code(side: Side) -> u8 {
    match side {
        Side::BID => 1,
        Side::ASK => 2,
        _ => 0,
    }
}

pub(crate) fn kind_array(codes: UInt8Array) -> Result<ArrayRef> {
    Ok(Arc::new(DictionaryArray::try_new(codes, KINDS.clone())?))
}

pub(crate) fn side_array(codes: UInt8Array) -> Result<ArrayRef> {
    Ok(Arc::new(DictionaryArray::try_new(codes, SIDES.clone())?))
}

/// Symbols as a dictionary that grows from batch to batch: an index, once given, stays.
#[derive(Debug, Default)]
pub(crate) struct SymbolColumn {
    by_instrument: HashMap<u32, u32>,
    by_symbol: HashMap<String, u32>,
    values: Vec<String>,
    array: Option<ArrayRef>,
    keys: PrimitiveBuilder<UInt32Type>,
}

impl SymbolColumn {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { keys: PrimitiveBuilder::with_capacity(capacity), ..Self::default() }
    }

    /// Appends the symbol of an instrument, null where it has none.
    pub(crate) fn append(&mut self, instrument: u32, symbols: &(impl Symbols + ?Sized)) {
        let known = self.by_instrument.get(&instrument).copied();
        let key = known.or_else(|| {
            let index = self.index_of(symbols.symbol(instrument)?);
            self.by_instrument.insert(instrument, index);
            Some(index)
        });
        self.keys.append_option(key);
    }

    /// Appends a symbol outright.
    pub(crate) fn append_symbol(&mut self, symbol: &str) {
        let index = self.index_of(symbol);
        self.keys.append_value(index);
    }

    /// Asks for the instrument's symbol again: it may have been given another one.
    pub(crate) fn forget(&mut self, instrument: u32) {
        self.by_instrument.remove(&instrument);
    }

    fn index_of(&mut self, symbol: &str) -> u32 {
        if let Some(index) = self.by_symbol.get(symbol) {
            return *index;
        }
        let index = u32::try_from(self.values.len()).expect("a symbol for each u32 instrument at most");
        self.values.push(symbol.to_owned());
        self.by_symbol.insert(symbol.to_owned(), index);
        self.array = None;
        index
    }

    /// The column so far; the next rows begin a new one with the same dictionary.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        let keys: UInt32Array = self.keys.finish();
        let values = self.array.get_or_insert_with(|| Arc::new(StringArray::from_iter_values(&self.values)));
        debug_assert_eq!(values.len(), self.values.len());
        Ok(Arc::new(DictionaryArray::try_new(keys, values.clone())?))
    }
}
