//! What a description may say. Documentation only.
//!
//! A description is one YAML mapping. All scalars are text: `N`, `1` and `"1"` are codes, not truth values or numbers.
//! Keys that mean nothing are refused, so that a misspelling is found.
//!
//! # The protocol
//!
//! | key | meaning |
//! | --- | --- |
//! | `id` | identity, as `--protocol` takes it: `a-z`, `0-9`, `-`, `.`; the module's name with `_` |
//! | `title` | the venue's name for it; `id` where left out |
//! | `extends`, `without` | take over another description of the folder, less the messages of these types |
//! | `family`, `venue`, `version` | shown as they are |
//! | `byte_order` | `big` or `little` |
//! | `framings` | list of `moldudp64`, `length16`, `soupbintcp`, `sequenced_unit`, `cme_packet` |
//! | `clock` | `unix`, or `local_midnight` with `timezone` |
//! | `price_scale` | units of an event's price to one; every event's price field has this scale |
//! | `instrument_limit` | instrument keys are below this; left out where they may be any |
//! | `order_ids` | `ascending` where new orders have higher ids, else `any` |
//! | `type_field` | the field that tells messages apart, at one place in all of them |
//! | `roles` | `{instrument: .., time: .., symbol: ..}`: fields that mean this wherever a message has them |
//! | `header` | fields that every message starts with |
//! | `messages`, `enums` | below |
//! | `text`, `about` | for readers |
//!
//! A description that `extends` another states what differs: its keys replace, its messages are added, its enums replace
//! those of the same name, and an enum set to `~` is none of this venue's, so that its fields are plain.
//!
//! # A message
//!
//! `type` (as on the wire: a character, or a number for an integer field), `name` in snake case, `title` (the venue's),
//! `about`, `length` of the whole message from its first byte, `fields`, `events`.
//!
//! A message whose instrument and symbol are both known, and whose instrument no event has named before in the session, is
//! preceded by a `definition` event with the symbol.
//!
//! # A field
//!
//! | key | meaning |
//! | --- | --- |
//! | `name`, `offset`, `size` | fields stand in the order of their offsets and leave no gap |
//! | `type` | `u8 u16 u32 u48 u64`, `i8 i16 i32 i64`, `char`, `ascii` (space padded), `ascii_nul`, `ascii_decimal`, `bytes`, `bits8 bits16 bits32 bits64` |
//! | `const` | the only value on the wire; the type field has it by itself |
//! | `enum` | name of a code list under `enums` |
//! | `scale` | the integer divided by this is the value |
//! | `unit` | `price`, `qty`, `count`, `ns_since_midnight_local` and others: the error of an unknown one lists them |
//! | `default` | what an encoder writes where events say nothing; else 0 or spaces |
//! | `note` | for readers |
//!
//! # An event
//!
//! The events of a message are its group, the last one flagged so. A deciding code that is not listed makes the message
//! a fault, and no event of it is written; codes that decide nothing are never checked.
//!
//! | key | meaning |
//! | --- | --- |
//! | `kind` | `add`, `modify`, `reduce`, `execute`, `delete`, `level_set`, `level_delete`, `clear`, `trade`, `trade_break`, `status`, `definition`, `statistic`, `imbalance` |
//! | `instrument: none` | the event is the market's, whatever the message's instrument field has |
//! | `order`, `quantity`, `price`, `match`, `participant` | the field that is it |
//! | `side` | `{field: .., map: {code: bid, code: ask}}`, or `inherited` in an add after a delete |
//! | `detail` | list of `priced`, `non_printable`, `cross`, `whole_channel`, always set |
//! | `detail_from` | `{field: .., map: {code: none, code: non_printable}}` |
//! | `state` | `{field: .., map: {code: trading, ..}}`, of a status |
//! | `when` | `{field: .., is: [code, ..]}`: a last event that is there only for these codes |
//! | `record` | `{text: field, code: field, values: {tag: field, ..}}` with the tags of [`wirebook_abi::Tag`]; prices become 1e-9, seconds nanoseconds |
//!
//! An encoder turns events back: it takes the message whose events have the group's kinds, instruments and details; a
//! message with a participant only where the group names one; among status and statistic messages the one whose record
//! values the group's record has. Two messages that cannot be told apart so are refused.
