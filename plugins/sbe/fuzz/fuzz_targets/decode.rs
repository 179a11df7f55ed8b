//! Any bytes to any of the decoders: framed, split, decoded in one go and in small batches, encoded again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirebook_abi::{CheckedTable, DecoderTable, Framing};
use wirebook_conformance::{Pair, Room};
use wirebook_sbe::{B3_1, B3_2, BINANCE, CME, COINBASE_1_2, COINBASE_1_7, DERIBIT, MEMX, MOEX, OPTIQ};

const FEEDS: [(&DecoderTable, Framing); 11] = [
    (&CME, Framing::CME_PACKET),
    (&CME, Framing::CME_TCP),
    (&B3_1, Framing::B3_PACKET),
    (&B3_2, Framing::B3_PACKET),
    (&MEMX, Framing::MEMX_PACKET),
    (&COINBASE_1_2, Framing::COINBASE_PACKET),
    (&COINBASE_1_7, Framing::COINBASE_PACKET),
    (&DERIBIT, Framing::DERIBIT_PACKET),
    (&OPTIQ, Framing::OPTIQ_PACKET),
    (&BINANCE, Framing::MESSAGE),
    (&MOEX, Framing::SIMBA_PACKET),
];

const ROOM: Room = Room { whole: (2048, 1024), little: (1024, 512), message: 2048 };

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut bytes)) = input.split_first() else { return };
    let (table, framing) = FEEDS[usize::from(*choice) % FEEDS.len()];
    let table = CheckedTable::new(table).expect("the table is of this workspace");
    let mut pair = Pair::new(table, framing, ROOM).expect("it comes in this framing");
    while !bytes.is_empty()
        && let Some(size) = pair.take(bytes)
    {
        bytes = bytes.get(size..).unwrap_or_default();
    }
});
