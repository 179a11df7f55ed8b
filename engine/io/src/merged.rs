//! Several captures as one: their datagrams in the order in which they were received.

use crate::{
    Burst, Counters, FlowId, FlowTable, Packet, PacketKind, PacketSource, Polled, Progress, SourceError, flow::FlowKey,
};

/// Datagrams of a source that are held ahead, at most a burst of them.
#[derive(Default)]
struct Ahead {
    packets: Vec<Held>,
    /// Buffers of packets that were handed out, to be filled again.
    free: Vec<Vec<u8>>,
    next: usize,
    is_over: bool,
}

struct Held {
    bytes: Vec<u8>,
    ts_recv_ns: u64,
    index: u64,
    offset: u64,
    flow: FlowId,
    cut: bool,
}

/// One of the sources.
struct Input {
    source: Box<dyn PacketSource + Send>,
    burst: Burst,
    ahead: Ahead,
    /// Id here of each of its flows.
    flows: Vec<FlowId>,
}

impl Input {
    /// Fills what is held ahead where all of it was handed out. Streams cannot be held: they are left alone, and counted.
    fn fill(&mut self, flows: &mut FlowTable, streams: &mut u64) -> Result<(), SourceError> {
        let Self { source, burst, ahead, flows: known } = self;
        while ahead.next >= ahead.packets.len() && !ahead.is_over {
            ahead.free.extend(ahead.packets.drain(..).map(|held| held.bytes));
            ahead.next = 0;
            let mut stream = None;
            match source.burst(burst) {
                Ok(Polled::Packets(packets)) => {
                    for packet in packets {
                        if packet.kind == PacketKind::Stream {
                            *streams += 1;
                            stream = Some((packet.flow, packet.payload.len()));
                            continue;
                        }
                        let mut bytes = ahead.free.pop().unwrap_or_default();
                        bytes.clear();
                        bytes.extend_from_slice(packet.payload);
                        let Packet { ts_recv_ns, index, offset, flow, cut, .. } = *packet;
                        ahead.packets.push(Held { bytes, ts_recv_ns, index, offset, flow, cut });
                    }
                }
                Ok(Polled::End) => ahead.is_over = true,
                Err(error) => {
                    ahead.is_over = true;
                    return Err(error);
                }
            }
            if let Some((flow, size)) = stream {
                source.consume(flow, size);
            }
        }
        for held in &mut ahead.packets[ahead.next..] {
            let at = held.flow.0 as usize;
            while known.len() <= at {
                let key = source.flows().key(FlowId(known.len() as u32)).unwrap_or(FlowKey::FILE);
                known.push(flows.id(&key).unwrap_or(FlowId(0)));
            }
        }
        Ok(())
    }
}

/// Plays captures together: of their datagrams the one that was received first comes first, and of equal ones that of the file
/// that was named first.
///
/// Flows with the same sender and receiver are one, whichever file they are in. Streams do not take part.
pub struct MergedSource {
    inputs: Vec<Input>,
    flows: FlowTable,
    counters: Counters,
    error: Option<SourceError>,
    streams: u64,
}

impl MergedSource {
    /// Plays these together.
    pub fn new(sources: impl IntoIterator<Item = Box<dyn PacketSource + Send>>) -> Self {
        let input = |source| Input { source, burst: Burst::default(), ahead: Ahead::default(), flows: Vec::new() };
        Self {
            inputs: sources.into_iter().map(input).collect(),
            flows: FlowTable::new(),
            counters: Counters::default(),
            error: None,
            streams: 0,
        }
    }

    /// Parts of streams that were left alone.
    pub fn streams_left(&self) -> u64 {
        self.streams
    }
}

impl PacketSource for MergedSource {
    fn burst<'a>(&'a mut self, burst: &'a mut Burst) -> Result<Polled<'a>, SourceError> {
        let Self { inputs, flows, counters, error, streams } = self;
        for input in inputs.iter_mut() {
            if let Err(broken) = input.fill(flows, streams) {
                // What the other captures have comes all the same; the first error is told at the end.
                error.get_or_insert(broken);
            }
        }
        *counters = inputs.iter().fold(Counters::default(), |sum, input| sum.and(input.source.counters()));
        let mut picks: Vec<usize> = inputs.iter().map(|input| input.ahead.next).collect();
        let mut order = Vec::new();
        while order.len() < Burst::DEFAULT_CAPACITY {
            let heads = inputs.iter().zip(&picks).enumerate();
            let stamps = heads.filter_map(|(at, (input, pick))| Some((input.ahead.packets.get(*pick)?.ts_recv_ns, at)));
            let Some((_, at)) = stamps.min() else { break };
            order.push((at, picks[at]));
            picks[at] += 1;
            if picks[at] >= inputs[at].ahead.packets.len() && !inputs[at].ahead.is_over {
                // What comes next of it is not known before the next burst.
                break;
            }
        }
        for (input, pick) in inputs.iter_mut().zip(picks) {
            input.ahead.next = pick;
        }
        if order.is_empty() {
            return error.take().map_or(Ok(Polled::End), Err);
        }
        let mut writer = burst.writer();
        for (at, pick) in order {
            let input = &inputs[at];
            let Held { bytes, ts_recv_ns, index, offset, flow, cut } = &input.ahead.packets[pick];
            let flow = input.flows.get(flow.0 as usize).copied().unwrap_or(FlowId(0));
            writer.push(Packet {
                ts_recv_ns: *ts_recv_ns,
                index: *index,
                offset: *offset,
                cut: *cut,
                ..Packet::datagram(bytes, flow)
            });
        }
        Ok(Polled::Packets(writer.finish()))
    }

    fn consume(&mut self, _flow: FlowId, _size: usize) {}

    fn flows(&self) -> &FlowTable {
        &self.flows
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn progress(&self) -> Option<Progress> {
        let mut sum = Progress { bytes_done: 0, bytes_total: Some(0) };
        for input in &self.inputs {
            let each = input.source.progress()?;
            sum.bytes_done += each.bytes_done;
            sum.bytes_total = sum.bytes_total.zip(each.bytes_total).map(|(sum, each)| sum + each);
        }
        Some(sum)
    }
}

impl std::fmt::Debug for MergedSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MergedSource").field("inputs", &self.inputs.len()).finish_non_exhaustive()
    }
}
