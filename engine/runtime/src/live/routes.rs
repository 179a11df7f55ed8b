//! Which channel's line a packet came by, as it was configured.

use std::net::Ipv4Addr;

use wirebook_io::{Flow, FlowId, FlowTable, live::Join};

/// Where a line's packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Index of the channel in its loop.
    pub channel: u16,
    /// Index of the line in its channel.
    pub line: u8,
}

/// What a flow carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Route {
    /// It was not looked at yet.
    #[default]
    Unknown,
    /// One channel's line.
    One(Place),
    /// Lines of several channels, which their packets name: index of the list.
    Several(u16),
    /// Nobody's.
    Foreign,
}

/// The lines of a loop's channels, and what is known of a source's flows.
#[derive(Debug, Default)]
pub(super) struct Routes {
    lines: Vec<(Join, Place)>,
    flows: Vec<Route>,
    several: Vec<Vec<Place>>,
}

impl Routes {
    pub fn new(lines: Vec<(Join, Place)>) -> Self {
        Self { lines, flows: Vec::new(), several: Vec::new() }
    }

    #[inline]
    pub fn of(&self, flow: FlowId) -> Route {
        self.flows.get(flow.0 as usize).copied().unwrap_or_default()
    }

    /// The channels whose packets share a flow.
    #[inline]
    pub fn several(&self, index: u16) -> &[Place] {
        &self.several[usize::from(index)]
    }

    /// Looks at flows that were not known before.
    #[cold]
    pub fn learn(&mut self, table: &FlowTable) {
        for at in self.flows.len()..table.len() {
            let route = table.get(FlowId(at as u32)).map_or(Route::Foreign, |flow| self.find(flow));
            self.flows.push(route);
        }
    }

    fn find(&mut self, flow: &Flow) -> Route {
        let places: Vec<Place> =
            self.lines.iter().filter(|(join, _)| is_of(join, flow)).map(|(_, place)| *place).collect();
        match places[..] {
            [] => Route::Foreign,
            [place] => Route::One(place),
            _ => {
                self.several.push(places);
                Route::Several((self.several.len() - 1) as u16)
            }
        }
    }
}

fn is_of(join: &Join, flow: &Flow) -> bool {
    let is_sender = |sender: &Ipv4Addr| flow.source.ip() == *sender;
    flow.destination.port() == join.port
        && flow.destination.ip() == join.address
        && (join.senders.is_empty() || join.senders.iter().any(is_sender))
}
