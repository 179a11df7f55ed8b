//! Whether both designs come to the same books.

use wirebook_abi::Side;
use wirebook_book::BookWriter;

use crate::{BenchError, Yardstick};

/// What was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Instruments.
    pub instruments: u32,
    /// Levels of both sides.
    pub levels: u64,
}

/// Compares every level of every instrument: price, quantity, count of orders.
pub(crate) fn compare(books: &BookWriter, yardstick: &Yardstick) -> Result<Compared, BenchError> {
    let mut compared = Compared::default();
    for instrument in 0..=u16::MAX {
        for (side, is_bid) in [(Side::BID, true), (Side::ASK, false)] {
            let theirs = yardstick
                .levels(instrument, is_bid)
                .map(|(price, quantity, count)| (i64::from(price), quantity, count));
            let book = books.book(u32::from(instrument));
            let ours = book.into_iter().flat_map(|book| book.levels(side));
            if !ours.map(|level| (level.price(), level.quantity(), level.order_count())).eq(theirs) {
                return Err(BenchError::BooksDiffer { instrument: u32::from(instrument) });
            }
            compared.levels += yardstick.levels(instrument, is_bid).count() as u64;
        }
        compared.instruments += u32::from(books.book(u32::from(instrument)).is_some());
    }
    Ok(compared)
}
