//! GLIMPSE: the present state over SoupBinTCP, and the sequence at which to go on.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Tally,
    connections::{Link, Service},
};
use crate::{ExchangeError, chaos::Fault, exchange::Shared, ledger::Ledger};

/// A login of SoupBinTCP 3.0, and one of 4.10 with a heartbeat's time behind it.
const LOGIN_SIZES: [usize; 2] = [47, 52];
/// A client that does not log in for so long is dropped (SoupBinTCP 3.0, 30 s).
const PATIENCE: Duration = Duration::from_secs(30);

/// The snapshot server of one channel.
#[derive(Debug)]
pub(crate) struct Glimpse {
    shared: Arc<Shared>,
    channel: usize,
    ledger: Mutex<Ledger>,
    tally: Arc<Tally>,
}

impl Glimpse {
    pub(crate) fn new(shared: Arc<Shared>, channel: usize, tally: Arc<Tally>) -> Result<Self, ExchangeError> {
        let ledger = Mutex::new(Ledger::new(&shared.tape, channel)?);
        Ok(Self { shared, channel, ledger, tally })
    }

    /// The session that the client asks for, once its login is there.
    fn login(link: &mut Link<'_>) -> io::Result<[u8; 10]> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(front) = link.bytes.first_chunk::<2>() {
                let size = usize::from(u16::from_be_bytes(*front));
                if link.bytes.len() >= 2 + size {
                    let is_login = LOGIN_SIZES.contains(&size) && link.bytes[2] == b'L';
                    let session = link.bytes.get(19..29).and_then(|text| text.try_into().ok());
                    link.bytes.drain(..2 + size);
                    return session.filter(|_| is_login).ok_or(io::ErrorKind::InvalidData.into());
                }
            }
            link.receive()?;
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// The session as packets have it: text of ten characters.
    fn session(&self) -> [u8; 10] {
        let name = &self.shared.tape.channels()[self.channel].session;
        let mut session = [b' '; 10];
        session.iter_mut().zip(name.iter().filter(|byte| **byte != 0)).for_each(|(to, from)| *to = *from);
        session
    }
}

impl Service for Glimpse {
    fn begin(&self) -> (u64, Option<Fault>) {
        self.tally.begin()
    }

    fn garbage(&self, number: u64, size: usize) -> Vec<u8> {
        self.tally.garbage(number, size)
    }

    fn talk(&self, link: &mut Link<'_>, breaks_off: bool) -> io::Result<()> {
        let wanted = Self::login(link)?;
        let session = self.session();
        if wanted != [b' '; 10] && wanted.trim_ascii() != session.trim_ascii() {
            self.tally.note_refusal();
            return link.send(&[0, 2, b'J', b'S']);
        }
        let image = {
            let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.image(&self.shared.tape, self.shared.published())
        };
        let mut answer = packet(b'A', &[&right(&session)[..], &number(1)].concat());
        for message in &image.messages {
            answer.extend(packet(b'S', message));
        }
        if breaks_off {
            return link.send(&answer[..answer.len() * 2 / 3]);
        }
        answer.extend(packet(b'S', &[&b"G"[..], &number(image.next_sequence)].concat()));
        self.tally.note_answer(image.messages.len() as u64);
        link.send(&answer)?;
        // Whoever has all of it logs out or leaves; heartbeats keep the others.
        let mut beat = Instant::now();
        loop {
            link.receive()?;
            if link.bytes.windows(3).any(|bytes| bytes == [0, 1, b'O']) {
                return Ok(());
            }
            link.bytes.clear();
            if beat.elapsed() >= Duration::from_secs(1) {
                beat = Instant::now();
                link.send(&[0, 1, b'H'])?;
            }
        }
    }
}

fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = (1 + payload.len() as u16).to_be_bytes().to_vec();
    packet.push(kind);
    packet.extend_from_slice(payload);
    packet
}

/// A number as text, padded on the left.
fn number(number: u64) -> [u8; 20] {
    let mut text = [b' '; 20];
    text.iter_mut().rev().zip(number.to_string().bytes().rev()).for_each(|(to, from)| *to = from);
    text
}

/// A text padded on the left instead of the right.
fn right(text: &[u8; 10]) -> [u8; 10] {
    let mut padded = [b' '; 10];
    padded.iter_mut().rev().zip(text.trim_ascii().iter().rev()).for_each(|(to, from)| *to = *from);
    padded
}
