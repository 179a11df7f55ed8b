//! How a message tells its size within a packet.

use core::marker::PhantomData;

use wirebook_abi::{Outcome, Status};

use crate::Messages;

/// A message in its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    /// The message's bytes, nothing of its frame.
    pub message: &'a [u8],
    /// Offset of the message.
    pub start: usize,
    /// Offset of the block behind it.
    pub next: usize,
}

impl<'a> Placed<'a> {
    /// The message that stands from `start` to `end`, where the block behind it starts.
    ///
    /// # Errors
    ///
    /// [`Status::TRUNCATED`] where the packet ends before.
    #[inline(always)]
    pub fn new(packet: &'a [u8], start: usize, end: usize) -> Result<Self, Status> {
        let message = packet.get(start..end).ok_or(Status::TRUNCATED)?;
        Ok(Self { message, start, next: end })
    }
}

/// A message and what stands around it.
///
/// Types, not values, so that the loop over a packet is compiled for each as straight-line code.
pub trait Block {
    /// The message of the block at `at`. A block is never empty, so that [`Placed::next`] is past `at`.
    ///
    /// # Errors
    ///
    /// [`Status::TRUNCATED`] where the packet ends before the message does; [`Status::BAD_HEADER`] where the size cannot be,
    /// so that nobody knows where the next block starts.
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status>;

    /// Type of a message, for reports; 0 where it is too short to say.
    fn message_type(message: &[u8]) -> u16 {
        message.first().map_or(0, |byte| u16::from(*byte))
    }
}

/// The bytes at `at`, as many as `SIZE`.
#[inline(always)]
pub fn bytes_at<const SIZE: usize>(packet: &[u8], at: usize) -> Option<[u8; SIZE]> {
    packet.get(at..)?.first_chunk().copied()
}

/// The little-endian size at `at`.
///
/// # Errors
///
/// [`Status::TRUNCATED`] where the packet ends before.
#[inline(always)]
pub fn size_at(packet: &[u8], at: usize) -> Result<usize, Status> {
    bytes_at(packet, at).map(|size| usize::from(u16::from_le_bytes(size))).ok_or(Status::TRUNCATED)
}

/// Template id of a message whose header begins with block length and template id, little-endian.
pub fn template(message: &[u8]) -> u16 {
    bytes_at(message, 2).map_or(0, u16::from_le_bytes)
}

/// The header at the front of a packet.
///
/// # Errors
///
/// [`Status::TRUNCATED`] where the packet is shorter.
#[inline(always)]
pub fn header<const SIZE: usize>(packet: &[u8]) -> Result<&[u8; SIZE], Outcome> {
    packet.first_chunk().ok_or(Outcome::refused(Status::TRUNCATED, packet.len()))
}

/// Counts the blocks of a packet from `at` to its end. One that is cut or broken is counted, and ends the count.
#[inline]
pub fn count_blocks<B: Block>(packet: &[u8], at: usize) -> u32 {
    let (mut at, mut count) = (at, 0);
    while at < packet.len() {
        count += 1;
        match B::at(packet, at) {
            Ok(placed) => at = placed.next,
            Err(_) => break,
        }
    }
    count
}

/// A big-endian `u16` in front of each message that counts the bytes behind it.
#[derive(Clone, Copy, Debug)]
pub struct Length16;

impl Block for Length16 {
    #[inline(always)]
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status> {
        let length = bytes_at(packet, at).ok_or(Status::TRUNCATED)?;
        let start = at + 2;
        Placed::new(packet, start, start + usize::from(u16::from_be_bytes(length)))
    }
}

/// [`Length16`], and a packet type between the length that counts it and the message.
#[derive(Clone, Copy, Debug)]
pub struct Typed16;

impl Block for Typed16 {
    #[inline(always)]
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status> {
        let placed = Length16::at(packet, at)?;
        let message = placed.message.get(1..).ok_or(Status::TRUNCATED)?;
        Ok(Placed { message, start: placed.start + 1, ..placed })
    }
}

/// A little-endian `u16` in front of each message that counts itself, too.
#[derive(Clone, Copy, Debug)]
pub struct Size16;

impl Block for Size16 {
    #[inline(always)]
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status> {
        match size_at(packet, at)? {
            0..2 => Err(Status::BAD_HEADER),
            size => Placed::new(packet, at + 2, at + size),
        }
    }

    fn message_type(message: &[u8]) -> u16 {
        template(message)
    }
}

/// A message that fills its packet.
#[derive(Clone, Copy, Debug)]
pub struct Whole;

impl Block for Whole {
    #[inline(always)]
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status> {
        if at < packet.len() { Placed::new(packet, at, packet.len()) } else { Err(Status::TRUNCATED) }
    }

    fn message_type(message: &[u8]) -> u16 {
        template(message)
    }
}

/// A message whose own first byte counts it, itself included.
#[derive(Clone, Copy, Debug)]
pub struct Counted8;

impl Block for Counted8 {
    #[inline(always)]
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status> {
        match *packet.get(at).ok_or(Status::TRUNCATED)? {
            0 => Err(Status::BAD_HEADER),
            size => Placed::new(packet, at, at + usize::from(size)),
        }
    }

    fn message_type(message: &[u8]) -> u16 {
        message.get(1).map_or(0, |byte| u16::from(*byte))
    }
}

/// A message that nothing but its own parts measures: where the next one starts, `M` knows.
#[derive(Clone, Copy, Debug)]
pub struct Measured<M>(PhantomData<M>);

impl<M: Messages> Block for Measured<M> {
    #[inline(always)]
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status> {
        let rest = packet.get(at..).filter(|rest| !rest.is_empty()).ok_or(Status::TRUNCATED)?;
        // Past a message of an unknown type, or one that ends too early, nothing can be found.
        match M::size(rest) {
            None | Some(0) => Err(Status::BAD_HEADER),
            Some(size) => Placed::new(packet, at, at + size),
        }
    }

    fn message_type(message: &[u8]) -> u16 {
        template(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<B: Block>(packet: &[u8], at: usize) -> Result<(&[u8], usize, usize), Status> {
        B::at(packet, at).map(|placed| (placed.message, placed.start, placed.next))
    }

    #[test]
    fn blocks_end_with_the_packet() {
        assert_eq!(message::<Length16>(&[0, 2, b'a', b'b'], 0), Ok((&b"ab"[..], 2, 4)));
        assert_eq!(message::<Typed16>(&[0, 2, b'a', b'b'], 0), Ok((&b"b"[..], 3, 4)));
        assert_eq!(message::<Size16>(&[9, 4, 0, b'a', b'b'], 1), Ok((&b"ab"[..], 3, 5)));
        assert_eq!(message::<Whole>(b"ab", 1), Ok((&b"b"[..], 1, 2)));
        for broken in [
            message::<Length16>(&[0, 3, b'a', b'b'], 0),
            message::<Length16>(&[0], 0),
            message::<Length16>(&[], 7),
            message::<Typed16>(&[0, 0], 0),
            message::<Size16>(&[5, 0, b'a', b'b'], 0),
            message::<Size16>(&[5], 0),
            message::<Whole>(b"ab", 2),
            message::<Counted8>(&[3, b'a'], 0),
            message::<Counted8>(&[1], 1),
        ] {
            assert_eq!(broken, Err(Status::TRUNCATED));
        }
        assert_eq!(message::<Size16>(&[1, 0, b'a', b'b'], 0), Err(Status::BAD_HEADER));
        assert_eq!(message::<Counted8>(&[9, 2, b'a'], 1), Ok((&[2, b'a'][..], 1, 3)));
        assert_eq!(message::<Counted8>(&[0, b'a'], 0), Err(Status::BAD_HEADER));
    }

    #[test]
    fn a_broken_block_is_counted_and_ends_the_count() {
        assert_eq!(count_blocks::<Size16>(&[2, 0, 3, 0, 9], 0), 2);
        assert_eq!(count_blocks::<Size16>(&[2, 0, 3, 0], 0), 2);
        assert_eq!(count_blocks::<Size16>(&[2, 0, 0, 0, 2, 0], 0), 2);
        assert_eq!(count_blocks::<Size16>(&[2, 0], 2), 0);
    }
}
