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
//! | `framings` | list of names of framings, as `wirebook_abi::Framing` has them |
//! | `clock` | `unix`, or `local_midnight` with `timezone` |
//! | `price_scale` | units of an event's price to one; the scale of every event's price field divides it, or is its instrument's |
//! | `instrument_scale` | `{decimals: field}` or `{denominator: field}`, with a `default`: the field of messages that define instruments that scales their prices |
//! | `instrument_limit` | instrument keys are below this; left out where they may be any; of instruments named by text, how many there can be |
//! | `order_ids` | `ascending` where new orders have higher ids, else `any`; `per_side` where an id is unique only with instrument and side |
//! | `type_field` | the field that tells messages apart, at one place in all of them |
//! | `length_field` | the field with the message's own length |
//! | `longer_messages` | `fault`, or `accepted` where newer versions append fields |
//! | `roles` | `{instrument: .., time: .., seconds: .., symbol: ..}`: fields that mean this wherever a message has them; a name, or a list of which a message's first counts |
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
//! `about`, `length` of the whole message from its first byte, `fields`, `events`. One that varies in length has `min_length`
//! instead, and `repeat: {name, count_field | count, offset | offset_field, stride, fields}` or `optional_block: {name,
//! present_if: {field, mask}, offset | offset_field, size, fields}`. `form_of: NAME` makes it another form of that message,
//! `encode: never` one that an encoder is not to choose. `group: begins`, without events, makes the messages behind it one
//! group of events, up to that with `group: ends`.
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
//! | `enum`, `bits` | name of a code list under `enums`, of a flag set's masks |
//! | `scale` | the integer divided by this is the value; `instrument` where the instrument has a scale of its own |
//! | `null_value` | the integer that means no value |
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
//! | `when` | `{field: .., is: [value, ..]}`, or with `is_not`: the event is there only then |
//! | `record` | `{text: field, code: field, values: {tag: field, ..}}` with the tags of [`wirebook_abi::Tag`]; prices become 1e-9, seconds nanoseconds |
//!
//! An encoder turns events back: it takes the message whose events have the group's kinds, instruments and details; a
//! message with a participant only where the group names one; among status, statistic and definition messages the one whose record
//! values the group's record has. Two messages that cannot be told apart so are refused.
