//! The model to Rust and Markdown.

mod decode;
mod describe;
mod encode;
mod page;
mod views;

use std::fmt::Write as _;

use crate::model::{Field, GroupEdge, Kind, Protocol};

pub use page::page;

/// Rust of all protocols and what they share.
pub fn rust(protocols: &[Protocol]) -> String {
    let mut out = String::new();
    let support = include_str!("../support.rs");
    let shipped = support.split("#[cfg(test)]").next().unwrap_or(support);
    let _ = writeln!(out, "#[allow(clippy::all, dead_code)]\npub mod support {{\n{shipped}}}");
    let framed = include_str!("../framed.rs");
    let _ = writeln!(out, "\n#[allow(clippy::all, dead_code)]\npub mod framed {{\n{framed}}}");
    for protocol in protocols {
        module(&mut out, protocol);
    }
    out
}

fn module(out: &mut String, protocol: &Protocol) {
    let _ = write!(
        out,
        "\n#[doc = include_str!(concat!(env!(\"OUT_DIR\"), \"/{}.md\"))]\n\
         #[allow(clippy::all, dead_code, unused_imports, unused_parens, unused_variables)]\npub mod {} {{\n\
         use super::support::{{self, DecodeError, Keys, Memory, Symbols}};\n\
         use ::wirebook_abi::{{\n\
         BatchWriter, Clock, Description, EnumInfo, EnumValue, Event, EventCold, EventKind, FieldInfo, FieldKind, Framing,\n\
         Group, MessageInfo, OrderIds, Outcome, PartInfo, Record, Side, Status, Tag, Text, TradingState, describe::List, flags,\n\
         }};\n",
        protocol.id,
        protocol.module()
    );
    describe::emit(out, protocol);
    for message in &protocol.messages {
        views::emit(out, protocol, message);
    }
    implementation(out, protocol);
    for (index, message) in protocol.messages.iter().enumerate() {
        decode::emit(out, protocol, message, index);
        encode::emit(out, protocol, message);
    }
    out.push_str("}\n");
}

fn implementation(out: &mut String, protocol: &Protocol) {
    let name = protocol.type_name();
    let max_events = protocol
        .messages
        .iter()
        .map(|message| {
            let ends_another = message.group_edge == Some(GroupEdge::Begins);
            message.events.len() + usize::from(message.names_instrument()) + usize::from(ends_another)
        })
        .max()
        .unwrap_or(0);
    let _ = write!(
        out,
        "/// {title}: the meaning of its messages.\n#[derive(Clone, Copy, Debug, Default)]\npub struct {name};\n\n\
         impl support::Protocol for {name} {{\n\
         const DESCRIPTION: Description = DESCRIPTION;\n\
         const MAX_EVENTS: usize = {max_events};\n\
         const SYMBOL_SIZE: usize = {symbol_size};\n\
         const HAS_INSTRUMENT_SCALES: bool = {has_scales};\n\
         const KEYS: Keys = Keys::{keys:?};\n\
         const KEY_IS_TEXT: bool = {key_is_text};\n",
        title = protocol.title,
        symbol_size = protocol.symbol_size,
        has_scales = protocol.instrument_scale.is_some(),
        keys = protocol.keys,
        key_is_text = protocol.key_is_text(),
    );
    decode::dispatch(out, protocol);
    encode::dispatch(out, protocol);
    out.push_str("}\n");
}

/// What pads a text field on the right, as Rust source.
fn padding(field: &Field) -> &'static str {
    if field.kind == Kind::AsciiNul { "0" } else { "b' '" }
}

/// A wire integer of `field` as Rust source: characters as `b'A'`, the rest as numbers.
fn literal(field: &Field, value: u64) -> String {
    match (field.kind, u8::try_from(value)) {
        (Kind::Char, Ok(byte)) => format!("b'{}'", byte.escape_ascii()),
        _ => value.to_string(),
    }
}
