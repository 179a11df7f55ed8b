//! What messages mean, names resolved to places: see `docs/sbe.md`.

use wirebook_abi::{EventKind, Side, Tag, TradingState};

use super::model::{Block, Data, Field, Message, Schema};

/// Meaning of one message.
#[derive(Clone, Debug, Default)]
pub struct Meaning {
    pub time: Option<Source>,
    pub last: Flag,
    pub rules: Vec<Rule>,
}

/// Something that is so always, never, or where conditions hold.
#[derive(Clone, Debug, Default)]
pub enum Flag {
    #[default]
    Always,
    Never,
    When(Vec<Condition>),
}

/// One event of a message, or of each entry of a group.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Groups on the way to the entries: indices, outermost first; empty for the message itself.
    pub each: Vec<usize>,
    pub via: Option<Via>,
    pub when: Vec<Condition>,
    pub kind: Choice<(EventKind, u8)>,
    pub side: Choice<(Side, u8)>,
    /// Detail bits that are always set.
    pub detail: u8,
    pub detail_when: Vec<(Vec<Condition>, u8)>,
    pub state: Option<Choice<TradingState>>,
    pub instrument: Instrument,
    pub order: Option<Source>,
    pub quantity: Option<Source>,
    pub price: Option<Price>,
    pub match_id: Option<Source>,
    pub position: Option<Source>,
    pub orders: Option<Source>,
    /// Levels a side that the feed gives, direct and implied.
    pub depth: Option<(u64, u64)>,
    pub participant: Option<Source>,
    pub snapshot: Flag,
    pub record: Option<Record>,
}

/// The entry of another group that an entry refers to by its number.
#[derive(Clone, Debug)]
pub struct Via {
    /// Index of the root block's group.
    pub group: usize,
    pub index: Source,
}

/// The same for all, or by the code of a field.
#[derive(Clone, Debug)]
pub enum Choice<T> {
    Fixed(T),
    Codes(Codes<T>),
}

/// What codes of a field stand for; nothing means that there is no event.
#[derive(Clone, Debug)]
pub struct Codes<T> {
    pub source: Source,
    /// Wire value and meaning.
    pub map: Vec<(i128, Option<T>)>,
    /// Meaning of codes that are not listed; without it they make the message a fault.
    pub other: Option<Option<T>>,
}

#[derive(Clone, Debug)]
pub enum Instrument {
    None,
    /// An integer of at most 4 bytes: the key itself.
    Direct(Source),
    /// Fields that make a key of up to 8 bytes together, numbered as they turn up.
    Words(Vec<Source>),
    /// Text, numbered as it turns up.
    Text(Source),
}

/// A price, to be multiplied into the protocol's scale.
#[derive(Clone, Debug)]
pub enum Price {
    /// Times this; null is that of a market order, if not 0.
    Scaled { source: Source, factor: u64, null_is_market: bool },
    /// Times ten to the power of the other field, times the protocol's scale.
    Exponent(Source, Source),
}

#[derive(Clone, Debug, Default)]
pub struct Record {
    pub text: Option<Source>,
    pub code: Option<Source>,
    pub values: Vec<(Tag, Amount)>,
    /// A value whose tag is a code's.
    pub by: Option<(Codes<Tag>, Amount)>,
}

/// A value of a record.
#[derive(Clone, Debug)]
pub struct Amount {
    pub source: Source,
    pub factor: u64,
    /// The field with the power of ten that turns it into a value, which is then in 1e-9.
    pub exponent: Option<Source>,
}

#[derive(Clone, Debug)]
pub struct Condition {
    pub source: Source,
    pub test: Test,
}

#[derive(Clone, Debug)]
pub enum Test {
    Is(Vec<i128>),
    IsNot(Vec<i128>),
    Bits(u64),
    NoBits(u64),
    Null(bool),
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Field(Place, usize),
    /// Variable data.
    Data(Place, usize),
    Const(i64),
}

/// A block around the event's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Header,
    /// The root block is 0, the entry of the outermost group 1.
    Level(usize),
    Via,
}

impl Default for Choice<(Side, u8)> {
    fn default() -> Self {
        Self::Fixed((Side::NONE, 0))
    }
}

impl Rule {
    /// Whether every event of the rule has a record.
    pub fn records(&self) -> bool {
        self.record.is_some()
    }
}

/// The blocks that a rule's sources are in.
pub struct Blocks<'a> {
    pub schema: &'a Schema,
    /// Blocks from the root to the entry, each with the version since which it is there.
    pub levels: Vec<(&'a Block, u64)>,
    pub via: Option<&'a Block>,
    pub via_since: u64,
}

impl<'a> Blocks<'a> {
    pub fn new(schema: &'a Schema, message: &'a Message, each: &[usize], via: Option<usize>) -> Self {
        let mut levels = vec![(&message.block, message.since)];
        for group in each {
            let (block, since) = levels[levels.len() - 1];
            let group = &block.groups[*group];
            levels.push((&group.block, group.since.max(since)));
        }
        let via = via.map(|group| &message.block.groups[group]);
        let via_since = via.map_or(0, |group| group.since.max(message.since));
        Self { schema, levels, via: via.map(|group| &group.block), via_since }
    }

    pub fn root(schema: &'a Schema, message: &'a Message) -> Self {
        Self::new(schema, message, &[], None)
    }

    /// Version since which the block of a level is there.
    pub fn since(&self, level: usize) -> u64 {
        self.levels.get(level).map_or(0, |(_, since)| *since)
    }

    pub fn field(&self, source: &Source) -> Option<&'a Field> {
        match *source {
            Source::Field(Place::Header, at) => self.schema.header.get(at),
            Source::Field(Place::Level(level), at) => self.levels.get(level)?.0.fields.get(at),
            Source::Field(Place::Via, at) => self.via?.fields.get(at),
            _ => None,
        }
    }

    pub fn data(&self, source: &Source) -> Option<&'a Data> {
        match *source {
            Source::Data(Place::Level(level), at) => self.levels.get(level)?.0.data.get(at),
            Source::Data(Place::Via, at) => self.via?.data.get(at),
            _ => None,
        }
    }

    /// The innermost place that has a field or data of this name.
    pub fn find(&self, name: &str) -> Option<Source> {
        let mut places: Vec<(Place, &Block)> =
            self.levels.iter().enumerate().map(|(at, (block, _))| (Place::Level(at), *block)).rev().collect();
        if let Some(via) = self.via {
            places.insert(1.min(places.len()), (Place::Via, via));
        }
        for (place, block) in places {
            if let Some(at) = block.fields.iter().position(|field| field.name == name) {
                return Some(Source::Field(place, at));
            }
            if let Some(at) = block.data.iter().position(|data| data.name == name) {
                return Some(Source::Data(place, at));
            }
        }
        let at = self.schema.header.iter().position(|field| field.name == name)?;
        Some(Source::Field(Place::Header, at))
    }

    /// Every name that [`find`](Self::find) knows.
    pub fn names(&self) -> Vec<&'a str> {
        let blocks = self.levels.iter().rev().map(|(block, _)| *block).chain(self.via);
        let names = blocks.flat_map(|block| {
            block.fields.iter().map(|field| field.name.as_str()).chain(block.data.iter().map(|data| data.name.as_str()))
        });
        names.chain(self.schema.header.iter().map(|field| field.name.as_str())).collect()
    }
}
