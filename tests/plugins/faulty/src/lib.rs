//! A venue made up for tests, written by hand: MoldUDP64 packets of four kinds of messages.
//!
//! [`SOUND`] decodes it. Every other table does one thing wrong, at the place where its [`Fault`] is asked for, so that tests
//! can show which check of the conformance suite finds it. `tests/framework/test_conformance.py` hands the tables over
//! without a Python module.

mod layout;
mod venue;

use wirebook_abi::DecoderTable;

use venue::{Fault, Venue};

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $fault:ident;)*) => {
        $(
            $(#[$doc])*
            #[unsafe(no_mangle)]
            pub static $name: DecoderTable = DecoderTable::of::<Venue<{ Fault::$fault as u8 }>>();
        )*
    };
}

tables! {
    /// Does everything right.
    SOUND = None;
    /// Decodes prices twice as high as they are.
    WRONG_PRICE = WrongPrice;
    /// Encodes quantities of more than 65,535 without their upper half.
    NARROW_ENCODER = NarrowEncoder;
    /// Encodes deletes with a byte that is not zero where the venue sends zeros.
    INEXACT_ENCODER = InexactEncoder;
    /// Panics where a packet ends before its last message does.
    PANICS_WHEN_CUT = PanicsWhenCut;
    /// Panics at a side that is no ASCII.
    PANICS_AT_BITS = PanicsAtBits;
    /// Takes a lying length for true, and says that it took more than there is.
    BELIEVES_LENGTHS = BelievesLengths;
    /// Says that a packet is whole that is not.
    HIDES_CUTS = HidesCuts;
    /// Decodes from the first message on, whatever it is asked to skip.
    IGNORES_SKIP = IgnoresSkip;
    /// Writes events that there is no room for, which are lost.
    OVERFILLS = Overfills;
    /// Ends the packet at a type that it does not know.
    STOPS_AT_UNKNOWN = StopsAtUnknown;
    /// Leaves short messages out without a word.
    HIDES_SHORT = HidesShort;
    /// Leaves messages out that are longer than it knows.
    REFUSES_LONGER = RefusesLonger;
    /// Gives every packet the number 0.
    UNNUMBERED = Unnumbered;
    /// Takes instruments of the next session for those of the last one.
    REMEMBERS_NAMES = RemembersNames;
    /// Takes memory for each message, and gives it back.
    TAKES_MEMORY = TakesMemory;
    /// Leaves deletes of orders past the hundredth out.
    KEEPS_ORDERS = KeepsOrders;
    /// Announces a message less than a packet has.
    MISCOUNTS_PACKETS = MiscountsPackets;
}
