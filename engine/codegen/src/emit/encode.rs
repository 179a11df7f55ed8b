//! Groups of events to the message that stands for them: the inverse of [`super::decode`].

use std::{cmp::Reverse, fmt::Write as _};

use wirebook_abi::{EventKind, Side};

use super::{
    decode::{holds, integer, multiplier_of},
    literal, padding,
};
use crate::model::{
    EventRule, Field, InstrumentPart, InstrumentScale, Kind, Message, PartCount, Protocol, SideRule, Variant,
};

/// The trait's `encode`: tries the messages that start with the group's first kind, the most special first.
pub fn dispatch(out: &mut String, protocol: &Protocol) {
    out.push_str(
        "\nfn encode(group: Group<'_>, symbols: &mut Symbols, output: &mut [u8]) -> Outcome {\n\
         let group = symbols.learn(group);\n\
         let Some(first) = group.events.first() else { return Outcome::refused(Status::NOT_ENCODABLE, 0) };\n\
         match first.kind {\n",
    );
    let variants = || protocol.messages.iter().flat_map(|message| message.variants().into_iter().enumerate());
    let mut kinds: Vec<EventKind> = variants().map(|(_, variant)| first_kind(&variant)).collect();
    kinds.sort();
    kinds.dedup();
    for kind in kinds {
        let mut candidates: Vec<_> = variants().filter(|(_, variant)| first_kind(variant) == kind).collect();
        candidates.sort_by_key(|(_, variant)| {
            let signature = variant.signature();
            (Reverse((signature.participant, signature.tags.len(), signature.events.len())), variant.message.length)
        });
        let _ = writeln!(out, "EventKind::{} => {{", kind.name().to_uppercase());
        // The form that tells by participant is there for groups without one too, where no narrower form has room.
        let last = candidates.iter().filter(|(_, variant)| is_wide_form(variant));
        let all = candidates.iter().map(|each| (each, false)).chain(last.map(|each| (each, true)));
        for ((number, variant), is_last) in all {
            let strict = if is_wide_form(variant) { format!(", {}", !is_last) } else { String::new() };
            let _ = writeln!(
                out,
                "if let Some(message) = {}(&group, symbols{strict}) {{ return support::put(&message, output) }}",
                function(variant.message, *number)
            );
        }
        out.push_str("}\n");
    }
    out.push_str("_ => {}\n}\nOutcome::refused(Status::NOT_ENCODABLE, 0)\n}\n");
}

fn first_kind(variant: &Variant<'_>) -> EventKind {
    variant.events[0].1.kind
}

/// Whether another message means the same without a participant.
fn has_plain_twin(protocol: &Protocol, variant: &Variant<'_>) -> bool {
    let own = variant.signature();
    let mut others = protocol.messages.iter().flat_map(Message::variants).map(|other| other.signature());
    others.any(|other| !other.participant && other.tags == own.tags && other.events == own.events)
}

/// Whether it is a form of another message and tells by participant: it stands for groups with one first of all, for others
/// last.
fn is_wide_form(variant: &Variant<'_>) -> bool {
    variant.message.form_of.is_some() && variant.tells_by_participant()
}

/// Name of the function that writes a message's variant.
fn function(message: &Message, number: usize) -> String {
    if number == 0 { format!("encode_{}", message.name) } else { format!("encode_{}_{number}", message.name) }
}

/// The functions that write `message`, one a variant, or give nothing where the group is not its.
pub fn emit(out: &mut String, protocol: &Protocol, message: &Message) {
    for (number, variant) in message.variants().iter().enumerate() {
        emit_variant(out, protocol, variant, number);
    }
}

fn emit_variant(out: &mut String, protocol: &Protocol, variant: &Variant<'_>, number: usize) {
    let message = variant.message;
    let count = variant.events.len();
    let _ = write!(
        out,
        "#[allow(unused_variables)]\nfn {function}(group: &Group<'_>, symbols: &Symbols{strict}) -> Option<[u8; {length}]> {{\n\
         let events: &[Event; {count}] = group.events.try_into().ok()?;\n\
         let cold: &[EventCold; {count}] = group.cold.first_chunk()?;\n",
        function = function(message, number),
        length = message.length,
        strict = if is_wide_form(variant) { ", named: bool" } else { "" },
    );
    for (at, (_, event)) in variant.events.iter().enumerate() {
        conditions(out, variant, at, event);
    }
    if variant.tells_by_participant() && (message.form_of.is_some() || has_plain_twin(protocol, variant)) {
        let named = if is_wide_form(variant) { "named && " } else { "" };
        let _ = writeln!(out, "if {named}cold.iter().all(|cold| cold.participant == [0; 4]) {{ return None }}");
    }
    if let Some(scale) = protocol.instrument_scale.as_ref().filter(|_| message.needs_instrument_scale()) {
        multiplier(out, scale);
    }
    let _ = writeln!(out, "let fields = {}Fields {{", message.type_name());
    for (at, field) in message.fields.iter().enumerate().filter(|(_, field)| field.constant.is_none()) {
        let value = expression(protocol, variant, at).unwrap_or_else(|| default(field));
        let _ = writeln!(out, "{}: {value},", field.name);
    }
    out.push_str("};\n");
    for condition in variant.events.iter().filter_map(|(_, event)| event.when.as_ref()) {
        let constant = message.fields[condition.field].constant.is_some();
        let holds = holds(message, condition, "fields.", "");
        if !constant {
            let _ = writeln!(out, "if !({holds}) {{ return None }}");
        }
    }
    // Events have nothing of the parts behind the fixed fields, so that only a message without them is written.
    for part in &message.parts {
        if let PartCount::Field(at) = part.count {
            let _ = writeln!(out, "if fields.{} != 0 {{ return None }}", message.fields[at].name);
        }
    }
    out.push_str("Some(fields.encode())\n}\n\n");
}

/// What the prices of the group's instrument are divided by.
fn multiplier(out: &mut String, scale: &InstrumentScale) {
    let default = match scale.default {
        Some(default) => format!(".or(support::{}({default}))", multiplier_of(scale)),
        None => String::new(),
    };
    let _ = writeln!(out, "let multiplier = i64::from(symbols.scales.get(events[0].instrument){default}?);");
}

fn conditions(out: &mut String, variant: &Variant<'_>, at: usize, event: &EventRule) {
    let mut refusals = vec![format!("events[{at}].kind != EventKind::{}", event.kind.name().to_uppercase())];
    if event.of_instrument {
        refusals.push(format!("events[{at}].instrument == Event::NO_INSTRUMENT"));
    } else if event.order.is_none() && event.match_id.is_none() {
        // What names an order or a match need not name its instrument, and may.
        refusals.push(format!("events[{at}].instrument != Event::NO_INSTRUMENT"));
    }
    if matches!(event.side, SideRule::Inherited) {
        refusals.push(format!("events[{at}].side != Side::INHERITED"));
    }
    if event.state.is_none() {
        let decided = event.detail_codes.iter().flat_map(|codes| &codes.codes).fold(0, |bits, (_, bit)| bits | bit);
        refusals.push(format!("events[{at}].detail & !{decided} != {}", event.detail));
    }
    let _ = writeln!(out, "if {} {{ return None }}", refusals.join(" || "));
    if event.record.is_some() {
        let _ = writeln!(out, "let record_{at} = support::record(group, {at});");
    }
    let tags = variant.deciding_tags();
    if at == 0 && !tags.is_empty() {
        let tags: Vec<_> = tags.iter().map(|tag| format!("Tag({tag})")).collect();
        let _ = writeln!(
            out,
            "if ![{}].into_iter().all(|tag| record_0.get(tag).is_some()) {{ return None }}",
            tags.join(", ")
        );
    }
}

/// What the events say of the field at `at`.
fn expression(protocol: &Protocol, variant: &Variant<'_>, at: usize) -> Option<String> {
    let message = variant.message;
    let field = &message.fields[at];
    for (index, (_, event)) in variant.events.iter().enumerate() {
        if let Some(text) = event_expression(field, at, index, event) {
            return Some(text);
        }
    }
    if let Some(part) = protocol.instrument_part.as_ref().filter(|_| message.instrument_part.is_some()) {
        let of_instrument = variant.events.first().is_some_and(|(_, first)| first.of_instrument);
        if message.instrument == Some(at) && of_instrument {
            return Some(narrowed(field, &format!("(events[0].instrument / {})", part.codes.len()), "u32"));
        }
        if message.instrument_part == Some(at) && of_instrument {
            return Some(part_code(field, part));
        }
    }
    let (_, first) = variant.events.first()?;
    if message.instrument == Some(at) && first.of_instrument {
        return Some(if field.is_text() {
            format!("support::padded(symbols.known(events[0].instrument)?, {})?", padding(field))
        } else {
            narrowed(field, "events[0].instrument", "u32")
        });
    }
    if message.time == Some(at) && message.has_time_offset() {
        return Some(narrowed(field, "support::offset_ns(cold[0].ts_event_ns)", "u64"));
    }
    if message.time == Some(at) {
        return Some(narrowed(field, "cold[0].ts_event_ns", "u64"));
    }
    (message.symbol == Some(at) && first.of_instrument).then(|| "symbols.get(events[0].instrument)".into())
}

/// The code that names the instrument together with its number.
fn part_code(field: &Field, part: &InstrumentPart) -> String {
    let mut text = format!("match events[0].instrument % {} {{\n", part.codes.len());
    for (place, code) in part.codes.iter().enumerate() {
        let _ = writeln!(text, "{place} => *b\"{code:0$}\",", field.size);
    }
    text + "_ => return None,\n}"
}

fn event_expression(field: &Field, at: usize, index: usize, event: &EventRule) -> Option<String> {
    let is = |role: Option<usize>| role == Some(at);
    if is(event.order) {
        return Some(narrowed(field, &format!("events[{index}].order_id"), "u64"));
    }
    if is(event.quantity) {
        return Some(narrowed(field, &format!("events[{index}].quantity"), "u64"));
    }
    if is(event.price) {
        return Some(price(field, event.price_factor, index));
    }
    if is(event.match_id) && field.kind == Kind::Bytes {
        return Some(format!("support::fronted(cold[{index}].match_id)"));
    }
    if is(event.match_id) {
        return Some(narrowed(field, &format!("cold[{index}].match_id"), "u64"));
    }
    if is(event.participant) {
        return Some(format!("support::padded(&cold[{index}].participant, {})?", padding(field)));
    }
    code_expression(field, at, index, event).or_else(|| record_expression(field, at, index, event))
}

/// The event's price as the wire has it.
fn price(field: &Field, factor: u64, index: usize) -> String {
    let value = format!("events[{index}].price");
    let divided = |factor: &str| {
        format!("{{ let price = support::divided({value}, {factor})?; {} }}", narrowed(field, "price", "i64"))
    };
    let wire = match factor {
        _ if field.scaled_by_instrument => divided("multiplier"),
        1 => narrowed(field, &value, "i64"),
        factor => divided(&factor.to_string()),
    };
    match field.null {
        Some(null) => format!("if {value} == Event::NO_PRICE {{ {} }} else {{ {wire} }}", integer(field, null)),
        None => wire,
    }
}

/// The code that stands for an event's side, detail or state.
fn code_expression(field: &Field, at: usize, index: usize, event: &EventRule) -> Option<String> {
    if let SideRule::Codes(codes) = &event.side
        && codes.field == at
    {
        let arms = codes.codes.iter().map(|(code, side)| (format!("Side({})", side.0), literal(field, *code)));
        let none = codes.codes.iter().all(|(_, side)| *side != Side::NONE) && field.default.is_some();
        let other = if none {
            format!("Side::NONE => {},\n_ => return None", default(field))
        } else {
            "_ => return None".into()
        };
        return Some(reverse(&format!("events[{index}].side"), arms, &other));
    }
    if let Some(codes) = event.detail_codes.as_ref().filter(|codes| codes.field == at) {
        let mask = codes.codes.iter().fold(0, |bits, (_, bit)| bits | bit);
        // Of a flag set, the other bits are as an encoder writes them by default.
        let rest =
            codes.mask.map_or(0, |mask| field.default.as_ref().and_then(|text| text.parse().ok()).unwrap_or(0) & !mask);
        let arms = codes.codes.iter().map(|(code, bits)| (bits.to_string(), literal(field, *code | rest)));
        return Some(reverse(&format!("events[{index}].detail & {mask}"), arms, "_ => return None"));
    }
    let codes = event.state.as_ref().filter(|codes| codes.field == at)?;
    let arms = codes.codes.iter().map(|(code, state)| (format!("TradingState({})", state.0), literal(field, *code)));
    Some(reverse(&format!("TradingState(events[{index}].detail)"), arms, "_ => return None"))
}

/// A match from meaning to code; of several codes with one meaning the first is written.
fn reverse(subject: &str, arms: impl Iterator<Item = (String, String)>, other: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut text = format!("match {subject} {{\n");
    for (pattern, code) in arms {
        if !seen.contains(&pattern) {
            let _ = writeln!(text, "{pattern} => {code},");
            seen.push(pattern);
        }
    }
    text + other + ",\n}"
}

fn record_expression(field: &Field, at: usize, index: usize, event: &EventRule) -> Option<String> {
    let rule = event.record.as_ref()?;
    if rule.text_tail.is_some() && (rule.text == Some(at) || rule.text_tail == Some(at)) {
        let part = format!("support::text_part(&record_{index}.text, {})", rule.text_tail == Some(at));
        return Some(format!("support::padded({part}, {})?", padding(field)));
    }
    if rule.text == Some(at) {
        return Some(format!("support::padded(&record_{index}.text, {})?", padding(field)));
    }
    if rule.code == Some(at) {
        let padded = format!("support::padded(&record_{index}.code, {})?", padding(field));
        return Some(if field.kind == Kind::Char {
            format!("{{ let [code]: [u8; 1] = {padded}; code }}")
        } else {
            padded
        });
    }
    let (tag, _) = rule.values.iter().find(|(_, value)| *value == at)?;
    let factor = match field.record_factor() {
        _ if field.scaled_by_instrument => "multiplier".into(),
        factor => factor.unwrap_or(1).to_string(),
    };
    let value = format!("support::wire::<{}>(value, {factor})?", field.rust_type());
    let tag = tag.name().to_uppercase();
    Some(format!(
        "match record_{index}.get(Tag::{tag}) {{\nSome(value) => {},\nNone => {},\n}}",
        bounded(field, &value),
        default(field)
    ))
}

/// An event's value in the field's type; nothing where it does not fit.
fn narrowed(field: &Field, value: &str, from: &str) -> String {
    let kind = field.rust_type();
    let converted = if kind == from { value.to_owned() } else { format!("{kind}::try_from({value}).ok()?") };
    bounded(field, &converted)
}

/// Refuses values over the field's bytes where those are fewer than its type's.
fn bounded(field: &Field, value: &str) -> String {
    if field.size.is_power_of_two() {
        return value.to_owned();
    }
    format!("Some({value}).filter(|value| *value <= 0x{:x})?", u64::MAX >> (64 - 8 * field.size))
}

/// What is written where no event says anything.
fn default(field: &Field) -> String {
    if let (Some(null), None) = (field.null, &field.default) {
        return integer(field, null);
    }
    if field.is_integer() {
        let blank = if field.kind == Kind::Char { u64::from(b' ') } else { 0 };
        let value = field.default.as_ref().and_then(|text| text.parse().ok()).unwrap_or(blank);
        return literal(field, value);
    }
    let (blank, text) = match field.kind {
        Kind::Bytes | Kind::AsciiNul => (0, ""),
        Kind::AsciiDecimal => (b'0', ""),
        _ => (b' ', field.default.as_deref().unwrap_or("")),
    };
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(field.size, blank);
    format!("*b\"{}\"", bytes.escape_ascii())
}
