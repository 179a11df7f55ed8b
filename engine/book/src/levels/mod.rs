//! Books of price levels that the feed gives outright, by price or by position, direct and implied ones.
//!
//! They are kept beside the order books: a feed may give both of one instrument. What [`tops`](crate::BookReader) show of an
//! instrument whose levels the feed gives is its direct level book. A feed that lists single orders by their position has them
//! as entries of the same books: those at one price stand side by side and are one level.

mod entries;
mod given;
mod publish;
mod view;
mod writer;

pub(crate) use given::{DIRECT, IMPLIED, LevelBooks};
pub use view::{GivenLevel, LevelBook, ListedOrder};
