//! A spin server: says each second up to where an image exists, and gives the orders on the books when asked.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Tally,
    cboe::{Talk, unit},
    connections::{Link, Service},
};
use crate::{
    CboeService, ExchangeError,
    chaos::Fault,
    exchange::Shared,
    ledger::{Image, Ledger},
};

const IMAGE_AVAILABLE: u8 = 0x80;
const SPIN_REQUEST: u8 = 0x81;
const SPIN_RESPONSE: u8 = 0x82;
const SPIN_FINISHED: u8 = 0x83;
const DEFINITION_REQUEST: u8 = 0x84;
const DEFINITION_RESPONSE: u8 = 0x85;
const DEFINITION_FINISHED: u8 = 0x86;
/// Images are made about once a second.
const EVERY: Duration = Duration::from_secs(1);

/// The spin server of one unit.
#[derive(Debug)]
pub(crate) struct Spin {
    shared: Arc<Shared>,
    channel: usize,
    service: CboeService,
    ledger: Mutex<Ledger>,
    tally: Arc<Tally>,
}

impl Spin {
    pub(crate) fn new(
        shared: Arc<Shared>,
        channel: usize,
        service: &CboeService,
        tally: Arc<Tally>,
    ) -> Result<Self, ExchangeError> {
        let ledger = Mutex::new(Ledger::new(&shared.tape, channel)?);
        Ok(Self { shared, channel, service: service.clone(), ledger, tally })
    }

    /// The sequence that an image made now has: that of the last message in it.
    fn available(&self) -> u32 {
        let next = self.shared.tape.next_sequence(self.channel, self.shared.published());
        u32::try_from(next - 1).unwrap_or(u32::MAX)
    }

    fn image(&self) -> Image {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.image(&self.shared.tape, self.shared.published())
    }

    /// Answers a request for an image from `wanted` on: the one that exists now, which is that or a later one.
    fn spin(&self, talk: &mut Talk<'_, '_>, wanted: u32, breaks_off: bool) -> io::Result<()> {
        let response = |sequence: u32, orders: u32, status: u8| {
            [&[11, SPIN_RESPONSE][..], &sequence.to_le_bytes(), &orders.to_le_bytes(), &[status]].concat()
        };
        if wanted > self.available() {
            self.tally.note_refusal();
            return talk.send(0, &[response(wanted, 0, b'O')]);
        }
        let image = self.image();
        let sequence = u32::try_from(image.next_sequence - 1).unwrap_or(u32::MAX);
        talk.send(0, &[response(sequence, image.order_count, b'A')])?;
        let unit = unit(&self.shared.tape.channels()[self.channel].session);
        if breaks_off {
            talk.send(unit, &image.messages[..image.messages.len() / 2])?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if !image.messages.is_empty() {
            talk.send(unit, &image.messages)?;
        }
        self.tally.note_answer(image.messages.len() as u64);
        talk.send(0, &[numbered(SPIN_FINISHED, sequence)])
    }
}

impl Service for Spin {
    fn begin(&self) -> (u64, Option<Fault>) {
        self.tally.begin()
    }

    fn garbage(&self, number: u64, size: usize) -> Vec<u8> {
        self.tally.garbage(number, size)
    }

    fn talk(&self, link: &mut Link<'_>, breaks_off: bool) -> io::Result<()> {
        let mut talk = Talk::log_in(link, &self.service, &self.tally)?;
        let mut announced: Option<Instant> = None;
        loop {
            if announced.is_none_or(|at| at.elapsed() >= EVERY) {
                announced = Some(Instant::now());
                talk.send(0, &[numbered(IMAGE_AVAILABLE, self.available())])?;
            }
            let Some(request) = talk.message()? else { continue };
            let [_, kind, s0, s1, s2, s3] = request[..] else { return Err(io::ErrorKind::InvalidData.into()) };
            match kind {
                SPIN_REQUEST => self.spin(&mut talk, u32::from_le_bytes([s0, s1, s2, s3]), breaks_off)?,
                // US equities have no definitions: the symbols are in the orders.
                DEFINITION_REQUEST => {
                    let response = [&[11, DEFINITION_RESPONSE][..], &[s0, s1, s2, s3], &[0; 4], b"A"].concat();
                    talk.send(0, &[response, vec![2, DEFINITION_FINISHED]])?;
                }
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }
}

fn numbered(kind: u8, sequence: u32) -> Vec<u8> {
    [&[6, kind][..], &sequence.to_le_bytes()].concat()
}
