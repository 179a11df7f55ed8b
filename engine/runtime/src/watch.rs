//! Moments of a channel that are looked out for: where a replay ends, and what clears all books.

use wirebook_abi::{Event, EventCold, EventKind, detail};

use crate::books::ImageDetail;

/// A place in a channel's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The message with this sequence.
    Sequence(u64),
    /// Venue time in nanoseconds, by the protocol's clock.
    TimeNs(u64),
}

impl Bound {
    #[inline]
    fn order(self, cold: &EventCold) -> std::cmp::Ordering {
        match self {
            Self::Sequence(sequence) => cold.sequence.cmp(&sequence),
            Self::TimeNs(time) => cold.ts_event_ns.cmp(&time),
        }
    }
}

/// First and last place of a replay, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Events from here on reach the sink; `None`: all.
    pub from: Option<Bound>,
    /// The last place; books stay as they are behind it. `None`: the end of the input.
    pub to: Option<Bound>,
}

impl Bounds {
    /// Whether an event lies at or behind [`from`](Self::from).
    #[inline]
    pub fn has_begun(&self, cold: &EventCold) -> bool {
        self.from.is_none_or(|from| from.order(cold).is_ge())
    }

    /// Whether an event lies behind [`to`](Self::to).
    #[inline]
    pub fn is_over(&self, cold: &EventCold) -> bool {
        self.to.is_some_and(|to| to.order(cold).is_gt())
    }
}

/// What a pipeline looks out for in the events of each packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    /// Keep the books of this detail before all are cleared.
    pub closing_books: Option<ImageDetail>,
    /// Take no event behind the end.
    pub bounds: Bounds,
}

impl Watch {
    /// Whether there is anything to look out for.
    pub(crate) fn is_on(&self) -> bool {
        self.closing_books.is_some() || self.bounds.to.is_some()
    }
}

/// Whether an event empties every book of the channel.
#[inline]
pub(crate) fn clears_channel(event: &Event) -> bool {
    event.kind == EventKind::CLEAR && event.detail & detail::WHOLE_CHANNEL != 0
}
