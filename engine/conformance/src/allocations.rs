//! Whether decoding takes memory.

use wirebook_abi::{BatchBuffer, CheckedTable, Framing, Refused};

use crate::{interposer::Interposer, rate::pass};

/// Calls for memory, by part of a decoder's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocations {
    /// While the decoder was made and dropped, where it may.
    pub construction: u64,
    /// While it framed and decoded, where it may not.
    pub decoding: u64,
    /// Messages that it decoded meanwhile.
    pub messages: u64,
}

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllocationsError {
    /// The protocol does not come in this framing.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// How libraries call each other is not known for this machine.
    #[error("calls for memory can be counted on Linux with glibc on x86-64 and AArch64 only")]
    UnknownMachine,
}

/// Decodes `packets` with a new decoder, `rounds` times over, and counts the calls for memory that this makes on the way.
///
/// # Errors
///
/// [`AllocationsError`].
pub fn count_allocations(
    table: CheckedTable,
    framing: Framing,
    packets: &[&[u8]],
    rounds: u32,
) -> Result<Allocations, AllocationsError> {
    let mut batch = BatchBuffer::new(1024, 512, table.description());
    let interposer = Interposer::new().ok_or(AllocationsError::UnknownMachine)?;
    let (made, construction) = interposer.count(|| table.create(framing).map(drop));
    made?;
    let mut decoder = table.create(framing)?;
    let (messages, decoding) =
        interposer.count(|| (0..rounds).map(|_| pass(&mut decoder, packets, &mut batch).0).sum::<u64>());
    Ok(Allocations { construction, decoding, messages })
}
