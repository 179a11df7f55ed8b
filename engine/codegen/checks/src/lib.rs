//! Protocols compiled from descriptions, for the tests beside this: those in `protocols/`, and those of real feeds where the
//! facts about them are at hand.

include!(concat!(env!("OUT_DIR"), "/protocols.rs"));
