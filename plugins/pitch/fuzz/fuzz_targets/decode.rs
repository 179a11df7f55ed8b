//! Any bytes to any of the protocols: framed, split, decoded in one go and in small batches, encoded again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirebook_abi::{CheckedTable, DecoderTable, Framing};
use wirebook_conformance::{Pair, Room};
use wirebook_pitch::*;

const TABLES: [&DecoderTable; 10] = [
    &EQUITIES_2_41_64,
    &EQUITIES_2_41_29,
    &EQUITIES_2,
    &OPTIONS_2_41_64,
    &OPTIONS_2_39_4,
    &COMPLEX_2_1_18,
    &CFE_1_2_19,
    &CFE_1_1_12,
    &CFE_1_1_6,
    &EUROPE_6_67,
];

const ROOM: Room = Room { whole: (256, 256), little: (8, 8), message: 255 };

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let table = CheckedTable::new(TABLES[usize::from(*choice) % TABLES.len()]).expect("the table is of this workspace");
    let mut pair = Pair::new(table, Framing::SEQUENCED_UNIT, ROOM).expect("all come in units");
    // Packets behind one another: what the first leaves behind matters to the next.
    for packet in bytes.chunks(200) {
        pair.take(packet);
    }
});
