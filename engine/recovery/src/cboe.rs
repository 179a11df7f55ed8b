//! What Cboe's gap request proxy and spin servers have in common: blocks of messages over TCP, logins, heartbeats.

use std::net::SocketAddr;

use crate::{
    link::{Condition, Link},
    want::Refusal,
};

/// Bytes of the header in front of each block.
pub const HEADER: usize = 8;

const LOGIN: u8 = 0x01;
const LOGIN_RESPONSE: u8 = 0x02;

/// A client says something at least this often; servers want it every five seconds.
const HEARTBEAT_NS: u64 = 1_000_000_000;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CboeLogin {
    /// Up to four characters.
    pub session_sub_id: String,
    /// Up to four characters.
    pub username: String,
    /// Up to ten characters.
    pub password: String,
}

/// A block of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// The unit.
    pub unit: u8,
    /// Sequence of the first message; 0 where they have none.
    pub sequence: u32,
    /// How many there are.
    pub count: u8,
    /// The messages, each with its size at its front.
    pub messages: &'a [u8],
    /// Bytes of the block with its header.
    pub size: usize,
}

impl<'a> Block<'a> {
    /// The block at the front: `Ok(None)` where not all of it is there.
    ///
    /// # Errors
    ///
    /// Nothing, where its length cannot be.
    pub fn at(bytes: &'a [u8]) -> Result<Option<Self>, ()> {
        let Some(&[l0, l1, count, unit, s0, s1, s2, s3]) = bytes.first_chunk() else { return Ok(None) };
        let size = usize::from(u16::from_le_bytes([l0, l1]));
        if size < HEADER + 2 * usize::from(count) {
            return Err(());
        }
        let Some(messages) = bytes.get(HEADER..size) else { return Ok(None) };
        Ok(Some(Self { unit, sequence: u32::from_le_bytes([s0, s1, s2, s3]), count, messages, size }))
    }

    /// Its messages, as far as their sizes are sound.
    pub fn messages(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.messages;
        let mut left = self.count;
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let size = usize::from(*rest.first()?);
            let (message, behind) = rest.split_at_checked(size.max(1))?;
            rest = behind;
            (size >= 2).then_some(message)
        })
    }

    /// Whether its messages fill it, as many as it says.
    pub fn is_sound(&self) -> bool {
        let (count, size) = self.messages().fold((0, 0), |(count, size), message| (count + 1, size + message.len()));
        count == usize::from(self.count) && size == self.messages.len()
    }
}

/// The block of one message that has no sequence.
pub fn block(message: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(HEADER + message.len());
    block.extend(((HEADER + message.len()) as u16).to_le_bytes());
    block.extend([1, 0, 0, 0, 0, 0]);
    block.extend(message);
    block
}

/// A connection that logs in and keeps itself alive.
#[derive(Debug)]
pub struct Connection {
    link: Link,
    login: CboeLogin,
    is_in: bool,
    silence_ns: u64,
}

/// What a look at the connection gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Down,
    /// It is being opened, or the login has no answer yet.
    Coming,
    /// The server takes requests.
    In,
    /// It broke, or the server fell silent.
    Broken,
    /// The server does not take the login.
    Refused(Refusal),
}

impl Connection {
    /// None yet.
    pub fn new(login: CboeLogin, silence_ns: u64) -> Self {
        Self { link: Link::default(), login, is_in: false, silence_ns }
    }

    /// Begins to connect; `false` where the system does not even try.
    pub fn open(&mut self, server: SocketAddr, now_ns: u64) -> bool {
        self.is_in = false;
        if self.link.open(server, now_ns).is_err() {
            return false;
        }
        let mut message = [b' '; 22];
        message[..2].copy_from_slice(&[22, LOGIN]);
        let mut put = |at: usize, size: usize, text: &str| {
            for (to, from) in message[at..at + size].iter_mut().zip(text.bytes()) {
                *to = from;
            }
        };
        put(2, 4, &self.login.session_sub_id);
        put(6, 4, &self.login.username);
        put(12, 10, &self.login.password);
        self.link.send(&block(&message));
        true
    }

    /// Ends the connection.
    pub fn close(&mut self) {
        self.link.close();
        self.is_in = false;
    }

    /// Whether there is one, or one being opened.
    pub fn is_there(&self) -> bool {
        self.link.is_there()
    }

    /// Sends one message.
    pub fn send(&mut self, message: &[u8]) {
        self.link.send(&block(message));
    }

    /// Looks after the connection. With `reads` false nothing is read, so that the server waits.
    pub fn poll(&mut self, now_ns: u64, reads: bool) -> Standing {
        let condition = self.link.poll(now_ns, reads);
        let is_silent = reads && self.link.silent_ns(now_ns) >= self.silence_ns;
        match condition {
            Condition::Down => return Standing::Down,
            Condition::Broken => return self.broken(),
            _ if is_silent => return self.broken(),
            Condition::Opening => return Standing::Coming,
            Condition::Up => {}
        }
        if self.link.idle_ns(now_ns) >= HEARTBEAT_NS {
            self.link.send(&[HEADER as u8, 0, 0, 0, 0, 0, 0, 0]);
        }
        if self.is_in {
            return Standing::In;
        }
        loop {
            match Block::at(self.link.bytes()) {
                Err(()) => return self.broken(),
                Ok(None) => return Standing::Coming,
                Ok(Some(block)) => {
                    let response = block.messages().find(|message| message[1] == LOGIN_RESPONSE);
                    let status = response.and_then(|message| message.get(2).copied());
                    let size = block.size;
                    self.link.consume(size);
                    match status {
                        None => {}
                        Some(b'A') => {
                            self.is_in = true;
                            return Standing::In;
                        }
                        Some(status) => {
                            self.close();
                            return Standing::Refused(match status {
                                b'B' => Refusal::Unavailable,
                                b'S' => Refusal::NoSession,
                                _ => Refusal::NotAuthorized,
                            });
                        }
                    }
                }
            }
        }
    }

    fn broken(&mut self) -> Standing {
        self.close();
        Standing::Broken
    }

    /// What came and is not dealt with.
    pub fn bytes(&self) -> &[u8] {
        self.link.bytes()
    }

    /// Notes that so many bytes are dealt with.
    pub fn consume(&mut self, size: usize) {
        self.link.consume(size);
    }
}

/// The unit that a session of Cboe's is.
pub fn unit_of(session: &[u8; 16]) -> Option<u8> {
    let end = session.iter().position(|byte| *byte == 0).unwrap_or(session.len());
    std::str::from_utf8(&session[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_taken_whole_or_not_at_all() {
        let whole = block(&[4, 9, 1, 2]);
        for size in 0..whole.len() {
            assert_eq!(Block::at(&whole[..size]), Ok(None), "{size}");
        }
        let block = Block::at(&whole).unwrap().unwrap();
        assert!(block.is_sound());
        assert_eq!(block.messages().collect::<Vec<_>>(), [&[4, 9, 1, 2][..]]);
        assert_eq!(Block::at(&[3, 0, 0, 0, 0, 0, 0, 0]), Err(()));
        let lying = [12, 0, 2, 0, 0, 0, 0, 0, 9, 9, 2, 9];
        assert!(!Block::at(&lying).unwrap().unwrap().is_sound());
    }
}
