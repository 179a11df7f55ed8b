//! What Cboe's gap request proxy and spin servers share: blocks over TCP, the login, heartbeats.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{Tally, connections::Link};
use crate::CboeService;

/// Bytes of a block's header.
pub(crate) const HEADER: usize = 8;
const LOGIN: u8 = 0x01;
const LOGIN_SIZE: usize = 22;
const LOGIN_RESPONSE: u8 = 0x02;
/// Clients say something every five seconds; two of these missed end the link.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of messages in a block.
const BLOCK: usize = super::DATAGRAM;

/// A connection on which messages come and go in blocks.
pub(crate) struct Talk<'l, 'a> {
    link: &'l mut Link<'a>,
    heard: Instant,
    said: Instant,
}

impl<'l, 'a> Talk<'l, 'a> {
    /// Takes the login and answers it; fails where it was turned away.
    pub(crate) fn log_in(link: &'l mut Link<'a>, service: &CboeService, tally: &Tally) -> io::Result<Self> {
        let now = Instant::now();
        let mut talk = Self { link, heard: now, said: now };
        let login = loop {
            if let Some(message) = talk.message()? {
                break message;
            }
        };
        let is_login = login.len() == LOGIN_SIZE && login[1] == LOGIN;
        let is = |wanted: &Option<String>, at: std::ops::Range<usize>| {
            let given = login.get(at).unwrap_or(&[]).trim_ascii_end();
            wanted.as_ref().is_none_or(|wanted| wanted.as_bytes() == given)
        };
        let is_known = is_login && is(&service.username, 6..10) && is(&service.password, 12..22);
        talk.send(0, &[vec![3, LOGIN_RESPONSE, if is_known { b'A' } else { b'N' }]])?;
        if is_known {
            return Ok(talk);
        }
        tally.note_refusal();
        Err(io::ErrorKind::PermissionDenied.into())
    }

    /// The next message, with its length at its front; `None` where none came for a moment.
    pub(crate) fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.said.elapsed() >= Duration::from_secs(1) {
            self.send(0, &[])?;
        }
        if self.heard.elapsed() >= PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let Some(front) = self.link.bytes.first_chunk::<2>() else { return self.wait() };
        let size = usize::from(u16::from_le_bytes(*front));
        if size < HEADER {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if self.link.bytes.len() < size {
            return self.wait();
        }
        let block: Vec<u8> = self.link.bytes.drain(..size).collect();
        self.heard = Instant::now();
        if block[2] == 0 {
            return Ok(None);
        }
        // Clients ask one thing at a time.
        let message = block[HEADER..].to_vec();
        let is_whole = block[2] == 1 && message.first().is_some_and(|first| usize::from(*first) == message.len());
        if is_whole { Ok(Some(message)) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    fn wait(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.link.receive()?;
        Ok(None)
    }

    /// Sends messages in blocks that are not sequenced; without one, a heartbeat.
    pub(crate) fn send(&mut self, unit: u8, messages: &[Vec<u8>]) -> io::Result<()> {
        self.said = Instant::now();
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        if messages.is_empty() {
            return self.link.send(&block(unit, 0, &[]));
        }
        blocks(&messages).into_iter().try_for_each(|part| self.link.send(&block(unit, 0, part)))
    }
}

/// Messages in runs that fit into a block each.
pub(crate) fn blocks<'m, 's>(messages: &'s [&'m [u8]]) -> Vec<&'s [&'m [u8]]> {
    let mut runs = Vec::new();
    let mut from = 0;
    let mut size = HEADER;
    for (at, message) in messages.iter().enumerate() {
        if at > from && (size + message.len() > BLOCK || at - from == usize::from(u8::MAX)) {
            runs.push(&messages[from..at]);
            (from, size) = (at, HEADER);
        }
        size += message.len();
    }
    if from < messages.len() {
        runs.push(&messages[from..]);
    }
    runs
}

/// A block of messages, from `sequence` on; 0 where they have none.
pub(crate) fn block(unit: u8, sequence: u32, messages: &[&[u8]]) -> Vec<u8> {
    let size = HEADER + messages.iter().map(|message| message.len()).sum::<usize>();
    let mut block = (size as u16).to_le_bytes().to_vec();
    block.extend([messages.len() as u8, unit]);
    block.extend(sequence.to_le_bytes());
    messages.iter().for_each(|message| block.extend_from_slice(message));
    block
}

/// The unit whose number is a session's name.
pub(crate) fn unit(session: &[u8; 16]) -> u8 {
    let name: Vec<u8> = session.iter().copied().take_while(|byte| *byte != 0).collect();
    std::str::from_utf8(&name).ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}
