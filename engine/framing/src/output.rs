//! Bytes written so far to a buffer of fixed size.

use wirebook_abi::Status;

/// A packet in the making: the front of the caller's buffer.
#[derive(Debug)]
pub struct Output<'a> {
    bytes: &'a mut [u8],
    size: usize,
}

impl<'a> Output<'a> {
    /// Nothing written to `bytes` yet.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, size: 0 }
    }

    /// Bytes written.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`Status::NO_ROOM`] where they do not fit; then nothing is written.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let end = self.size + bytes.len();
        self.bytes.get_mut(self.size..end).ok_or(Status::NO_ROOM)?.copy_from_slice(bytes);
        self.size = end;
        Ok(())
    }

    /// Appends `size` as a big-endian length.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put), and [`Status::NOT_ENCODABLE`] where 16 bits do not hold it.
    pub fn put_length(&mut self, size: usize) -> Result<(), Status> {
        self.put(&size16(size)?.to_be_bytes())
    }

    /// Appends `size` as a little-endian length.
    ///
    /// # Errors
    ///
    /// As [`put_length`](Self::put_length).
    pub fn put_size(&mut self, size: usize) -> Result<(), Status> {
        self.put(&size16(size)?.to_le_bytes())
    }
}

/// A size in 16 bits.
///
/// # Errors
///
/// [`Status::NOT_ENCODABLE`] where they do not hold it.
pub fn size16(size: usize) -> Result<u16, Status> {
    u16::try_from(size).map_err(|_| Status::NOT_ENCODABLE)
}
