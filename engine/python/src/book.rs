//! A book as Python sees it.

use std::sync::{Arc, Mutex, MutexGuard};

use pyo3::{
    exceptions::{PyKeyError, PyValueError},
    prelude::*,
    types::PyDict,
};
use wirebook_abi::Side;
use wirebook_inspect::Decimal;

use crate::{
    book_view::BookView,
    frames::Frame,
    player::Player,
    replay::{broken, export_error},
};

/// Price, quantity and orders of a side's best level.
type Best<'py> = (Bound<'py, PyAny>, u64, u32);

/// One instrument's book where the replay stands now, or before the venue cleared it at the end of its day.
#[pyclass(frozen, module = "wirebook._engine")]
pub struct Book {
    player: Arc<Mutex<Player>>,
    #[pyo3(get)]
    symbol: String,
}

#[pymethods]
impl Book {
    /// The best `n` levels of each side.
    #[pyo3(signature = (n=10))]
    fn top(&self, n: usize) -> PyResult<Frame> {
        self.with(|view| view.levels(n).map(Frame::new).map_err(export_error))
    }

    /// Every level of each side.
    fn depth(&self) -> PyResult<Frame> {
        self.top(usize::MAX)
    }

    /// The best `n` levels of each side of the implied book, where the feed gives one; else none.
    #[pyo3(signature = (n=usize::MAX))]
    fn implied(&self, n: usize) -> PyResult<Frame> {
        self.with(|view| view.implied(n).map(Frame::new).map_err(export_error))
    }

    /// The queue at a price, first served first. A feed of price levels has none, and that is an error.
    fn orders(&self, price: &Bound<'_, PyAny>) -> PyResult<Frame> {
        let text = price.str()?.to_string();
        let scale = self.lock()?.price_scale;
        let price = Decimal::parse(&text).and_then(|price| price.mantissa_at(scale)?.try_into().ok());
        let price: i64 = price
            .ok_or_else(|| PyValueError::new_err(format!("price: {text} is not a price in steps of 1/{scale}")))?;
        self.with(|view| match view.has_orders() {
            true => view.orders(Some(price)).map(Frame::new).map_err(export_error),
            false => Err(PyValueError::new_err(format!(
                "{}: the feed gives price levels and no orders: top, depth and implied show them",
                view.symbol()
            ))),
        })
    }

    /// Every order, with its level and its place in the queue; of a feed of price levels every level, implied ones last.
    fn snapshot(&self) -> PyResult<Frame> {
        self.with(|view| {
            let whole = if view.has_orders() { view.orders(None) } else { view.all_levels() };
            whole.map(Frame::new).map_err(export_error)
        })
    }

    /// What the feed gives of the book: `orders`, `levels`, or `both`.
    #[getter]
    fn given(&self) -> PyResult<&'static str> {
        self.with(|view| {
            Ok(match (view.book.is_given, view.has_orders()) {
                (false, _) => "orders",
                (true, false) => "levels",
                (true, true) => "both",
            })
        })
    }

    /// Where an order stands; `None` where it does not rest in this book.
    fn position<'py>(&self, py: Python<'py>, order_id: u64) -> PyResult<Option<Bound<'py, PyDict>>> {
        let found = self.with(|view| Ok(view.position(order_id).map(|found| (view.decimal(found.price), found))))?;
        let Some((price, position)) = found else { return Ok(None) };
        let facts = PyDict::new(py);
        facts.set_item("side", position.side.code())?;
        facts.set_item("price", decimal(py, price.as_ref(), position.side)?)?;
        facts.set_item("quantity", position.quantity)?;
        facts.set_item("orders_ahead", position.ahead)?;
        facts.set_item("quantity_ahead", position.quantity_ahead)?;
        Ok(Some(facts))
    }

    /// Best bid: price, quantity, orders; `None` where the side is empty.
    #[getter]
    fn bid<'py>(&self, py: Python<'py>) -> PyResult<Option<Best<'py>>> {
        self.best(py, Side::BID)
    }

    /// Best ask.
    #[getter]
    fn ask<'py>(&self, py: Python<'py>) -> PyResult<Option<Best<'py>>> {
        self.best(py, Side::ASK)
    }

    /// Orders in the book.
    #[getter]
    fn order_count(&self) -> PyResult<u64> {
        self.with(|view| Ok(view.order_count()))
    }

    /// The best `n` levels of a side, `B` or `A`: price, quantity, orders.
    #[pyo3(signature = (side, n=usize::MAX))]
    fn levels<'py>(&self, py: Python<'py>, side: &str, n: usize) -> PyResult<Vec<Best<'py>>> {
        let side = match side {
            "B" => Side::BID,
            "A" => Side::ASK,
            _ => return Err(PyValueError::new_err(format!("side: {side:?} is not B or A"))),
        };
        let rows = self.with(|view| {
            let rows = view.side(side).iter().take(n);
            Ok(rows.map(|level| (view.decimal(level.price), level.quantity, level.order_count)).collect::<Vec<_>>())
        })?;
        rows.into_iter()
            .map(|(price, quantity, count)| Ok((decimal(py, price.as_ref(), side)?, quantity, count)))
            .collect()
    }

    /// Sequence of the message that the book stands at.
    #[getter]
    fn sequence(&self) -> PyResult<u64> {
        self.with(|view| Ok(view.book.sequence))
    }

    /// Venue time of that message, nanoseconds since 1970 UTC.
    #[getter]
    fn ts_event_ns(&self) -> PyResult<Option<i64>> {
        self.with(|view| Ok(view.ts_event_ns()))
    }

    /// Whether the book may be believed: its state, why, and since which sequence.
    #[getter]
    fn validity(&self) -> PyResult<(&'static str, &'static str, u64)> {
        self.with(|view| {
            let validity = view.book.validity;
            Ok((validity.state.name(), validity.reason.name(), validity.since_sequence))
        })
    }

    fn __repr__(&self) -> PyResult<String> {
        self.with(|view| {
            let text = |price| view.decimal(price).map_or("market".to_owned(), |price| price.to_string());
            let price = |side| view.best(side).map_or("none".to_owned(), |best| text(best.price));
            let (bid, ask) = (price(Side::BID), price(Side::ASK));
            Ok(format!("<Book {}: bid {bid}, ask {ask}, at sequence {}>", view.symbol(), view.book.sequence))
        })
    }
}

impl Book {
    /// The book of `symbol`, which the player has.
    pub fn new(player: Arc<Mutex<Player>>, symbol: String) -> Self {
        Self { player, symbol }
    }

    fn lock(&self) -> PyResult<MutexGuard<'_, Player>> {
        self.player.lock().map_err(|_| broken())
    }

    fn with<T>(&self, look: impl FnOnce(BookView<'_>) -> PyResult<T>) -> PyResult<T> {
        let player = self.lock()?;
        let book = player.book(&self.symbol).ok_or_else(|| PyKeyError::new_err(self.symbol.clone()))?;
        look(BookView::new(&player, &book))
    }

    fn best<'py>(&self, py: Python<'py>, side: Side) -> PyResult<Option<Best<'py>>> {
        let found = self.with(|view| Ok(view.best(side).map(|best| (best, view.decimal(best.price)))))?;
        found.map(|(best, price)| Ok((decimal(py, price.as_ref(), side)?, best.quantity, best.order_count))).transpose()
    }
}

/// A price as Python's exact `Decimal`. Market orders, which have none, are better than every price: a bid's is infinite, an
/// ask's infinitely low.
fn decimal<'py>(py: Python<'py>, price: Option<&Decimal>, side: Side) -> PyResult<Bound<'py, PyAny>> {
    let text = match price {
        Some(price) => price.to_string(),
        None if side == Side::BID => "Infinity".to_owned(),
        None => "-Infinity".to_owned(),
    };
    py.import("decimal")?.getattr("Decimal")?.call1((text,))
}
