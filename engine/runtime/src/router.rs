//! Which channel a packet belongs to.

use std::collections::BTreeMap;

use wirebook_abi::{CheckedTable, DecoderInstance, Frame, FrameKind, Framing, Numbering, Status};
use wirebook_book::BookWriter;
use wirebook_io::{FlowId, Packet, PacketKind};

use crate::{
    channel::{Channel, LoopName, Turn},
    pipeline::Pipeline,
    replay::{ReplayConfig, ReplayError, ReplaySink},
    scout::{Feed, Scout, Sight},
    selection::Selection,
    twin::{Held, is_anonymous},
    watch::Watch,
};

/// Refused packets after which a flow that had no sound one is not looked at any more.
const REFUSALS_LIMIT: u64 = 256;

/// Refusals of a flow that are kept with their place.
const REFUSALS_KEPT: usize = 16;

/// Where packets of a flow go.
#[derive(Clone, Copy, Debug, Default)]
enum Route {
    /// No packet of it was taken yet.
    #[default]
    Open,
    Channel(u16),
    /// To a loop of a channel.
    Loop(u16, u8),
    /// To nobody: it is not of the feed.
    Foreign,
}

/// A flow of which no packet was taken yet.
#[derive(Debug, Default)]
struct Prospect {
    refused: u64,
    first: Vec<(Status, u64)>,
    /// Of a stream that has sent no message yet: it may have seen a login.
    decoder: Option<DecoderInstance>,
    /// Of a flow that names no session: it may be a line of a channel that is there.
    held: Held,
}

/// Gives each packet to its channel.
#[derive(Debug)]
pub(crate) struct Router {
    table: CheckedTable,
    framing: Framing,
    config: ReplayConfig,
    channels: Vec<Channel>,
    routes: Vec<Route>,
    prospects: BTreeMap<FlowId, Prospect>,
    /// Channels of flows, by session, where sessions name channels.
    named: BTreeMap<(FlowId, [u8; 16]), usize>,
    scout: Scout,
    foreign_packets: u64,
}

impl Router {
    pub fn new(table: CheckedTable, framing: Framing, config: ReplayConfig) -> Result<Self, ReplayError> {
        config.book_config(table).check()?;
        Ok(Self {
            table,
            framing,
            config,
            channels: Vec::new(),
            routes: Vec::new(),
            prospects: BTreeMap::new(),
            named: BTreeMap::new(),
            scout: Scout::new(table, framing)?,
            foreign_packets: 0,
        })
    }

    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    pub fn channels_mut(&mut self) -> &mut [Channel] {
        &mut self.channels
    }

    /// Packets of flows that are not of the feed, and views of streams that are not.
    pub fn foreign_packets(&self) -> u64 {
        self.foreign_packets
    }

    /// Whether every channel has come to the end that is asked for.
    pub fn is_over(&self) -> bool {
        !self.channels.is_empty() && self.channels.iter().all(|channel| channel.pipeline().is_over())
    }

    /// Takes a packet, and gives the bytes of a stream that are dealt with.
    #[inline]
    pub fn packet<S: ReplaySink>(&mut self, packet: &Packet<'_>, sink: &mut S) -> Result<usize, ReplayError> {
        let route = self.routes.get(packet.flow.0 as usize).copied().unwrap_or_default();
        match route {
            Route::Channel(index) => {
                let index = usize::from(index);
                let channel = &mut self.channels[index];
                if packet.kind == PacketKind::Stream {
                    if packet.after_hole {
                        channel.restart(index, sink)?;
                    }
                    return Ok(channel.stream(index, packet, None, sink));
                }
                if !channel.pipeline().is_over()
                    && let Some(frame) = channel.datagram(index, packet, sink)
                {
                    if self.framing.session_is_channel() {
                        self.other_channel(&frame, packet, sink)?;
                    } else {
                        self.other_session(index, &frame, packet, sink);
                    }
                }
            }
            Route::Loop(index, at) => return self.loop_packet(usize::from(index), usize::from(at), packet, sink),
            Route::Foreign => self.foreign_packets += 1,
            Route::Open if self.framing.is_stream() != (packet.kind == PacketKind::Stream) => {
                self.set_route(packet.flow, Route::Foreign);
                self.foreign_packets += 1;
            }
            Route::Open if packet.kind == PacketKind::Stream => return self.open_stream(packet, sink),
            Route::Open => return self.open_datagram(packet, sink),
        }
        Ok(packet.payload.len())
    }

    /// Ends a burst on every channel.
    pub fn flush<S: ReplaySink>(&mut self, sink: &mut S) {
        for (index, channel) in self.channels.iter_mut().enumerate() {
            channel.flush(index, sink);
        }
    }

    /// Nothing comes any more: streams that stop inside a message say so.
    pub fn end(&mut self) {
        self.channels.iter_mut().for_each(Channel::end_stream);
    }

    /// Places at which flows were refused, where no flow was taken: then each was meant to be of the feed.
    pub fn refusals(&self) -> Vec<(Status, u64)> {
        if !self.channels.is_empty() {
            return Vec::new();
        }
        let mut refusals: Vec<_> =
            self.prospects.values().flat_map(|prospect| prospect.first.iter().copied()).collect();
        refusals.sort_unstable_by_key(|(_, offset)| *offset);
        refusals
    }

    /// A packet of a flow whose channel is in another session.
    #[cold]
    fn other_session<S: ReplaySink>(&mut self, index: usize, frame: &Frame, packet: &Packet<'_>, sink: &mut S) {
        let home = self.channels.iter().position(|channel| channel.is_in(&frame.session));
        if let Some(home) = home.filter(|_| frame.session != [0; 16]) {
            // The line moved to a session that another flow brought first.
            self.channels[index].remove_flow(packet.flow);
            self.channels[home].add_flow(packet.flow);
            self.set_route(packet.flow, Route::Channel(home as u16));
            self.channels[home].datagram(home, packet, sink);
        } else if self.channels[index].turn(frame, packet) == Turn::Roll {
            self.channels[index].framed(index, frame, packet, sink);
        }
    }

    /// A packet whose session names another channel than the one that its flow's first packet was of.
    fn other_channel<S: ReplaySink>(
        &mut self,
        frame: &Frame,
        packet: &Packet<'_>,
        sink: &mut S,
    ) -> Result<(), ReplayError> {
        let key = (packet.flow, frame.session);
        let index = match self.named.get(&key) {
            Some(index) => *index,
            // A channel is opened for a sound packet only: a damaged one may name any.
            None => match self.scout.look(packet.payload, packet.cut) {
                Ok(_) => self.line(frame, packet.flow)?,
                Err(outcome) => {
                    let offset = packet.offset + u64::from(outcome.offset);
                    self.foreign_packets += 1;
                    if let Some(Route::Channel(index)) = self.routes.get(packet.flow.0 as usize) {
                        self.channels[usize::from(*index)].refused(1, &[(outcome.status, offset)]);
                    }
                    return Ok(());
                }
            },
        };
        if !self.channels[index].pipeline().is_over() {
            self.channels[index].datagram(index, packet, sink);
        }
        Ok(())
    }

    /// The channel that a session names, of which `flow` is a line from now on; a new one where there is none.
    fn line(&mut self, frame: &Frame, flow: FlowId) -> Result<usize, ReplayError> {
        let index = match self.channels.iter().position(|channel| channel.is_line(frame)) {
            Some(index) => index,
            None => self.add_channel(flow, self.table.create(self.framing)?)?,
        };
        self.channels[index].set_name(frame.session);
        self.channels[index].add_flow(flow);
        self.named.insert((flow, frame.session), index);
        Ok(index)
    }

    /// A datagram of a flow that no packet was taken of yet.
    #[cold]
    fn open_datagram<S: ReplaySink>(&mut self, packet: &Packet<'_>, sink: &mut S) -> Result<usize, ReplayError> {
        match self.scout.look(packet.payload, packet.cut) {
            Ok(Sight { frame, feed, .. }) if self.is_of_loop(&frame, feed) => {
                return self.open_loop(&frame, feed, packet, sink);
            }
            Ok(Sight { frame, feed, .. }) if self.is_unclear(&frame, feed, packet.flow) => {
                self.prospects.entry(packet.flow).or_default().held.push(packet);
            }
            Ok(Sight { frame, .. }) if self.framing.has_loops() && self.is_held(packet.flow) => {
                self.prospects.entry(packet.flow).or_default().held.push(packet);
                let home = self.home(&frame).or_else(|| self.lone(&frame));
                self.open_held(packet.flow, home, sink)?;
            }
            Ok(Sight { frame, .. }) if is_anonymous(&frame) => self.open_anonymous(packet, sink)?,
            Ok(Sight { frame, .. }) if self.framing.session_is_channel() => {
                let index = self.line(&frame, packet.flow)?;
                self.adopt(packet.flow, index);
                self.packet(packet, sink)?;
            }
            Ok(Sight { frame, .. }) => {
                let home = self.home(&frame).or_else(|| self.lone(&frame));
                let index = match home {
                    Some(index) => index,
                    None => self.add_channel(packet.flow, self.table.create(self.framing)?)?,
                };
                self.adopt(packet.flow, index);
                self.packet(packet, sink)?;
            }
            Err(outcome) => self.refuse(packet.flow, outcome.status, packet.offset + u64::from(outcome.offset)),
        }
        Ok(packet.payload.len())
    }

    /// A datagram of a flow that names no session. The first flow is a channel. Another one is held until it has sent a packet
    /// that a channel knows, and is a line of that one, or enough to be a channel of its own.
    fn open_anonymous<S: ReplaySink>(&mut self, packet: &Packet<'_>, sink: &mut S) -> Result<(), ReplayError> {
        let lone = self.lone(&Frame::default());
        let held = &mut self.prospects.entry(packet.flow).or_default().held;
        held.push(packet);
        let line = self.channels.iter().position(|channel| channel.has_line(held));
        if line.is_some() || held.is_full() || lone.is_some() || self.channels.is_empty() {
            self.open_held(packet.flow, line.or(lone), sink)?;
        }
        Ok(())
    }

    /// Whether packets of a flow are held until one tells what feed they are of.
    fn is_held(&self, flow: FlowId) -> bool {
        self.framing.names_feeds() && self.prospects.get(&flow).is_some_and(|prospect| !prospect.held.is_empty())
    }

    /// Whether a packet is of a loop: its header or its messages say so.
    fn is_of_loop(&self, frame: &Frame, feed: Feed) -> bool {
        let is_loop = matches!(feed, Feed::Definitions | Feed::Snapshots | Feed::OrderSnapshots);
        self.framing.has_loops() && (is_loop || (frame.first_sequence == 0 && frame.numbering == Numbering::PACKETS))
    }

    /// Whether a packet says nothing of the feed that it is of, and there may be another one that does.
    fn is_unclear(&self, frame: &Frame, feed: Feed, flow: FlowId) -> bool {
        // A heartbeat of increments names a number that goes up; those of loops stay at the first one.
        let is_idle = frame.kind != FrameKind::DATA && frame.first_sequence > 1;
        let is_full = self.prospects.get(&flow).is_some_and(|prospect| prospect.held.is_full());
        self.framing.has_loops() && self.framing.names_feeds() && feed == Feed::Unknown && !is_idle && !is_full
    }

    /// The channel that has loops only, and that increments of this session are of.
    fn lone(&self, frame: &Frame) -> Option<usize> {
        if !self.framing.has_loops() {
            return None;
        }
        let is_lone = |channel: &Channel| channel.flows().is_empty() && !channel.loop_flows().is_empty();
        let names = self.framing.names_feeds();
        self.channels.iter().position(|channel| is_lone(channel) && (!names || channel.is_beside(&frame.session)))
    }

    /// The first packet of a flow that is known to be of a loop: which channel's, and which of its loops.
    #[cold]
    fn open_loop<S: ReplaySink>(
        &mut self,
        frame: &Frame,
        feed: Feed,
        packet: &Packet<'_>,
        sink: &mut S,
    ) -> Result<usize, ReplayError> {
        let index = match (self.framing.names_feeds(), self.channels.len()) {
            (true, _) => self.channels.iter().position(|channel| channel.is_beside(&frame.session)),
            (false, 1) => Some(0),
            // Of several channels whose packets have no name nobody knows which one it is of.
            (false, _) => None,
        };
        let index = match index {
            Some(index) => index,
            None => self.add_channel(packet.flow, self.table.create(self.framing)?)?,
        };
        let feed = if self.framing.names_feeds() && feed != Feed::Definitions { Feed::Snapshots } else { feed };
        let name = LoopName { session: frame.session, feed, flow: (frame.first_sequence == 0).then_some(packet.flow) };
        let at = self.channels[index].add_loop(name, packet.flow).min(usize::from(u8::MAX));
        self.set_route(packet.flow, Route::Loop(index as u16, at as u8));
        let prospect = self.prospects.remove(&packet.flow).unwrap_or_default();
        self.foreign_packets -= prospect.refused;
        self.channels[index].refused(prospect.refused, &prospect.first);
        for held in prospect.held.packets(packet.flow) {
            self.channels[index].loop_packet(index, at, &held, sink)?;
        }
        self.loop_packet(index, at, packet, sink)
    }

    /// A packet of a channel's loop.
    fn loop_packet<S: ReplaySink>(
        &mut self,
        index: usize,
        at: usize,
        packet: &Packet<'_>,
        sink: &mut S,
    ) -> Result<usize, ReplayError> {
        let channel = &mut self.channels[index];
        if channel.defines(at)
            && let Ok(Sight { feed: Feed::Increments, .. }) = self.scout.look(packet.payload, packet.cut)
        {
            // Increments that began with definitions.
            channel.remove_loop_flow(packet.flow);
            channel.pipeline_mut().go_on_from_loop(at);
            // A channel that has nothing else is theirs.
            if channel.flows().is_empty() && channel.loop_flows().is_empty() {
                self.adopt(packet.flow, index);
            } else {
                self.set_route(packet.flow, Route::Open);
            }
            return self.packet(packet, sink);
        }
        if !channel.pipeline().is_over() {
            channel.loop_packet(index, at, packet, sink)?;
        }
        Ok(packet.payload.len())
    }

    /// Gives the held packets of a flow to the channel that it is a line of, or to one of its own.
    fn open_held<S: ReplaySink>(&mut self, flow: FlowId, line: Option<usize>, sink: &mut S) -> Result<(), ReplayError> {
        let held = self.prospects.get_mut(&flow).map(|prospect| std::mem::take(&mut prospect.held)).unwrap_or_default();
        let index = match line {
            Some(index) => index,
            None => self.add_channel(flow, self.table.create(self.framing)?)?,
        };
        self.adopt(flow, index);
        for packet in held.packets(flow) {
            self.packet(&packet, sink)?;
        }
        Ok(())
    }

    /// Nothing comes any more: flows that are held are channels of their own.
    ///
    /// # Errors
    ///
    /// [`ReplayError::TooManyChannels`].
    pub fn settle<S: ReplaySink>(&mut self, sink: &mut S) -> Result<(), ReplayError> {
        let held = |(flow, prospect): (&FlowId, &Prospect)| (!prospect.held.is_empty()).then_some(*flow);
        let flows: Vec<FlowId> = self.prospects.iter().filter_map(held).collect();
        for flow in flows {
            self.open_held(flow, None, sink)?;
        }
        Ok(())
    }

    /// The channel that carries this packet's session already.
    fn home(&self, frame: &Frame) -> Option<usize> {
        if frame.session == [0; 16] || frame.first_sequence == 0 {
            return None;
        }
        let is_in = self.channels.iter().position(|channel| channel.is_in(&frame.session));
        is_in.or_else(|| self.channels.iter().position(|channel| channel.has_left(&frame.session)))
    }

    /// The front of a stream that has sent no message yet.
    #[cold]
    fn open_stream<S: ReplaySink>(&mut self, packet: &Packet<'_>, sink: &mut S) -> Result<usize, ReplayError> {
        let prospect = self.prospects.entry(packet.flow).or_default();
        let waiting = prospect.decoder.take().filter(|_| !packet.after_hole);
        let mut decoder = match waiting {
            Some(decoder) => decoder,
            None => self.table.create(self.framing)?,
        };
        let mut at = 0;
        loop {
            let mut frame = Frame::default();
            let outcome = decoder.frame(&packet.payload[at..], &mut frame);
            let has_begun = matches!(frame.kind, FrameKind::DATA | FrameKind::END_OF_SESSION);
            match outcome.status {
                Status::OK if has_begun && frame.size_bytes != 0 => {
                    let index = self.add_channel(packet.flow, decoder)?;
                    self.adopt(packet.flow, index);
                    let rest = Packet { payload: &packet.payload[at..], offset: packet.offset + at as u64, ..*packet };
                    return Ok(at + self.channels[index].stream(index, &rest, Some(frame), sink));
                }
                Status::OK if frame.size_bytes != 0 => at += frame.size_bytes as usize,
                Status::TRUNCATED => {
                    self.wait(packet.flow, decoder, at != 0);
                    return Ok(at);
                }
                status => {
                    let offset = packet.offset + at as u64 + u64::from(outcome.offset);
                    self.refuse(packet.flow, status, offset);
                    self.set_route(packet.flow, Route::Foreign);
                    return Ok(packet.payload.len());
                }
            }
        }
    }

    /// Keeps the decoder of a stream that has not begun, if it has seen anything, and if there are not too many of them.
    fn wait(&mut self, flow: FlowId, decoder: DecoderInstance, has_seen: bool) {
        let is_known = self.prospects.get(&flow).is_some_and(|prospect| prospect.decoder.is_some());
        let waiting = self.prospects.values().filter(|prospect| prospect.decoder.is_some()).count();
        if has_seen || is_known || waiting < self.config.channel_limit {
            self.prospects.entry(flow).or_default().decoder = Some(decoder);
        }
    }

    /// Notes a packet that is not of the feed, as far as one can tell.
    fn refuse(&mut self, flow: FlowId, status: Status, offset: u64) {
        self.foreign_packets += 1;
        let prospect = self.prospects.entry(flow).or_default();
        prospect.refused += 1;
        if prospect.first.len() < REFUSALS_KEPT {
            prospect.first.push((status, offset));
        }
        if prospect.refused == REFUSALS_LIMIT {
            self.set_route(flow, Route::Foreign);
        }
    }

    /// Makes `flow` one of a channel's. What was refused of it before was of the feed, then, and damaged.
    fn adopt(&mut self, flow: FlowId, index: usize) {
        self.set_route(flow, Route::Channel(index as u16));
        let channel = &mut self.channels[index];
        channel.add_flow(flow);
        if let Some(prospect) = self.prospects.remove(&flow) {
            self.foreign_packets -= prospect.refused;
            channel.refused(prospect.refused, &prospect.first);
        }
    }

    fn add_channel(&mut self, flow: FlowId, decoder: DecoderInstance) -> Result<usize, ReplayError> {
        let limit = self.config.channel_limit.min(usize::from(u16::MAX));
        if self.channels.len() >= limit {
            return Err(ReplayError::TooManyChannels { limit, flow });
        }
        let books = BookWriter::new(&self.config.book_config(self.table))?;
        let mut pipeline = Pipeline::new(decoder, books);
        pipeline.watch(Watch { closing_books: self.config.closing_books, bounds: self.config.bounds });
        let selection = Selection::new(self.config.bounds, self.config.only.as_deref());
        self.channels.push(Channel::new(pipeline, selection));
        Ok(self.channels.len() - 1)
    }

    fn set_route(&mut self, flow: FlowId, route: Route) {
        let at = flow.0 as usize;
        if at >= self.routes.len() {
            self.routes.resize(at + 1, Route::Open);
        }
        self.routes[at] = route;
    }
}
