//! The gap request proxy: asked over TCP, answered there with a status, and with the messages on the unit's gap address.

use std::{
    io,
    net::{SocketAddr, SocketAddrV4, UdpSocket},
    sync::Arc,
};

use super::{
    Tally,
    cboe::{HEADER, Talk, block, blocks, unit},
    connections::{Link, Service},
};
use crate::{CboeService, ExchangeError, Plan, chaos::Fault, exchange::Shared, publisher::sender};

const GAP_REQUEST: u8 = 0x03;
const GAP_REQUEST_SIZE: usize = 9;
const GAP_RESPONSE: u8 = 0x04;
/// Messages of one request at most.
const MOST: u32 = 5_000;

/// The proxy of all units.
#[derive(Debug)]
pub(crate) struct GapProxy {
    shared: Arc<Shared>,
    service: CboeService,
    socket: UdpSocket,
    groups: Vec<SocketAddr>,
    tally: Arc<Tally>,
}

impl GapProxy {
    pub(crate) fn new(
        shared: Arc<Shared>,
        plan: &Plan,
        service: &CboeService,
        groups: Vec<SocketAddrV4>,
        tally: Arc<Tally>,
    ) -> Result<Self, ExchangeError> {
        let interface = plan.lines.first().and_then(|line| line.interface);
        let socket = sender(interface, plan.ttl, plan.loopback).map_err(|source| ExchangeError::Socket {
            what: "gap_proxy: sending from".into(),
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            source,
        })?;
        let groups = groups.into_iter().map(SocketAddr::V4).collect();
        Ok(Self { shared, service: service.clone(), socket, groups, tally })
    }

    /// Status of a request, and where it is accepted the channel.
    fn judged(&self, number: u8, first: u32, count: u16) -> Result<usize, u8> {
        let channels = self.shared.tape.channels();
        let channel = channels.iter().position(|channel| unit(&channel.session) == number).ok_or(b'I')?;
        if u32::from(count) > MOST {
            return Err(b'C');
        }
        let next = self.shared.tape.next_sequence(channel, self.shared.published());
        let is_there = first > 0 && count > 0 && u64::from(first) + u64::from(count) <= next;
        if is_there { Ok(channel) } else { Err(b'O') }
    }

    /// The messages asked for, each with its length at its front.
    fn messages(&self, channel: usize, first: u32, count: u16) -> Vec<&[u8]> {
        let (first, end) = (u64::from(first), u64::from(first) + u64::from(count));
        let tape = &self.shared.tape;
        let mut messages = Vec::new();
        for number in tape.from_sequence(channel, first, self.shared.published()) {
            let info = tape.packets()[number];
            if info.first_sequence >= end {
                break;
            }
            let mut rest = tape.bytes(number).get(HEADER..).unwrap_or(&[]);
            for sequence in info.first_sequence..info.first_sequence + u64::from(info.sequence_count) {
                let size = rest.first().map_or(0, |size| usize::from(*size));
                let Some((message, behind)) = rest.split_at_checked(size) else { break };
                rest = behind;
                if (first..end).contains(&sequence) {
                    messages.push(message);
                }
            }
        }
        messages
    }
}

impl Service for GapProxy {
    fn begin(&self) -> (u64, Option<Fault>) {
        self.tally.begin()
    }

    fn garbage(&self, number: u64, size: usize) -> Vec<u8> {
        self.tally.garbage(number, size)
    }

    fn talk(&self, link: &mut Link<'_>, breaks_off: bool) -> io::Result<()> {
        let mut talk = Talk::log_in(link, &self.service, &self.tally)?;
        loop {
            let Some(request) = talk.message()? else { continue };
            let [_, GAP_REQUEST, unit, f0, f1, f2, f3, c0, c1] = request[..] else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            debug_assert_eq!(request.len(), GAP_REQUEST_SIZE);
            let (first, count) = (u32::from_le_bytes([f0, f1, f2, f3]), u16::from_le_bytes([c0, c1]));
            let judged = self.judged(unit, first, count);
            let mut response = request;
            (response[0], response[1]) = (10, GAP_RESPONSE);
            response.push(judged.err().unwrap_or(b'A'));
            if breaks_off && judged.is_ok() {
                // Accepted, and then nothing.
                return talk.send(0, &[response]);
            }
            talk.send(0, &[response])?;
            let Ok(channel) = judged else {
                self.tally.note_refusal();
                continue;
            };
            let messages = self.messages(channel, first, count);
            let mut sequence = first;
            for part in blocks(&messages) {
                // A gap address without listeners is the reader's concern.
                let _ = self.socket.send_to(&block(unit, sequence, part), self.groups[channel]);
                sequence += part.len() as u32;
            }
            self.tally.note_answer(messages.len() as u64);
        }
    }
}
