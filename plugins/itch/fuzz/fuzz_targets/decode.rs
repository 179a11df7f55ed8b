//! Any bytes, in any framing, to any of the protocols: framed, split, decoded in one go and in small batches, encoded again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirebook_abi::CheckedTable;
use wirebook_conformance::{Pair, Room};
use wirebook_itch::TABLES;

const ROOM: Room = Room { whole: (256, 256), little: (8, 8), message: 512 };

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut bytes)) = input.split_first() else { return };
    let choice = usize::from(*choice);
    let table = CheckedTable::new(TABLES[choice / 3 % TABLES.len()].1).expect("the table is of this workspace");
    let framings = table.description().framings.as_slice();
    let mut pair = Pair::new(table, framings[choice % framings.len()], ROOM).expect("the description lists it");
    while !bytes.is_empty()
        && let Some(size) = pair.take(bytes)
    {
        bytes = bytes.get(size..).unwrap_or_default();
    }
});
