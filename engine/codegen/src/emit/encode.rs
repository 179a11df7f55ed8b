//! Groups of events to the message that stands for them: the inverse of [`super::decode`].

use std::{cmp::Reverse, fmt::Write as _};

use wirebook_abi::{EventKind, Side};

use super::literal;
use crate::model::{EventRule, Field, Kind, Message, Protocol, SideRule};

/// The trait's `encode`: tries the messages that start with the group's first kind, the most special first.
pub fn dispatch(out: &mut String, protocol: &Protocol) {
    out.push_str(
        "\nfn encode(group: Group<'_>, symbols: &mut Symbols, output: &mut [u8]) -> Outcome {\n\
         let group = symbols.learn(group);\n\
         let Some(first) = group.events.first() else { return Outcome::refused(Status::NOT_ENCODABLE, 0) };\n\
         match first.kind {\n",
    );
    let mut kinds: Vec<EventKind> = protocol.messages.iter().filter_map(first_kind).collect();
    kinds.sort();
    kinds.dedup();
    for kind in kinds {
        let mut candidates: Vec<_> =
            protocol.messages.iter().filter(|message| first_kind(message) == Some(kind)).collect();
        candidates.sort_by_key(|message| {
            let signature = message.signature();
            Reverse((signature.participant, signature.tags.len(), signature.events.len()))
        });
        let _ = writeln!(out, "EventKind::{} => {{", kind.name().to_uppercase());
        for message in candidates {
            let _ = writeln!(
                out,
                "if let Some(message) = encode_{}(&group, symbols) {{ return support::put(&message, output) }}",
                message.name
            );
        }
        out.push_str("}\n");
    }
    out.push_str("_ => {}\n}\nOutcome::refused(Status::NOT_ENCODABLE, 0)\n}\n");
}

fn first_kind(message: &Message) -> Option<EventKind> {
    message.events.first().map(|event| event.kind)
}

/// The function that writes `message`, or gives nothing where the group is not its.
pub fn emit(out: &mut String, message: &Message) {
    if message.events.is_empty() {
        return;
    }
    let sure = message.events.iter().filter(|event| event.when.is_none()).count();
    let _ = write!(
        out,
        "#[allow(unused_variables)]\nfn encode_{name}(group: &Group<'_>, symbols: &Symbols) -> Option<[u8; {length}]> {{\n\
         let (events, rest) = group.events.split_first_chunk::<{sure}>()?;\n\
         let cold: &[EventCold; {sure}] = group.cold.first_chunk()?;\n",
        name = message.name,
        length = message.length
    );
    rest_condition(out, message, sure);
    for (at, event) in message.events.iter().enumerate().take(sure) {
        conditions(out, message, at, event);
    }
    if message.tells_by_participant() {
        out.push_str("if cold.iter().all(|cold| cold.participant == [0; 4]) { return None }\n");
    }
    let _ = writeln!(out, "let fields = {}Fields {{", message.type_name());
    for (at, field) in message.fields.iter().enumerate().filter(|(_, field)| field.constant.is_none()) {
        let value = expression(message, at).unwrap_or_else(|| default(field));
        let _ = writeln!(out, "{}: {value},", field.name);
    }
    out.push_str("};\n");
    if let Some(codes) = message.events.get(sure).and_then(|event| event.when.as_ref()) {
        let field = &message.fields[codes.field];
        let codes: Vec<_> = codes.codes.iter().map(|(code, ())| literal(field, *code)).collect();
        let _ = writeln!(
            out,
            "if !rest.is_empty() && !matches!(fields.{}, {}) {{ return None }}",
            field.name,
            codes.join(" | ")
        );
    }
    out.push_str("Some(fields.encode())\n}\n\n");
}

/// What may follow the events that are always there.
fn rest_condition(out: &mut String, message: &Message, sure: usize) {
    match message.events.get(sure) {
        None => out.push_str("if !rest.is_empty() { return None }\n"),
        Some(event) => {
            let _ = write!(
                out,
                "match rest {{\n[] => {{}}\n[last] if last.kind == EventKind::{} && last.detail == {} => {{}}\n_ => return None,\n}}\n",
                event.kind.name().to_uppercase(),
                event.detail
            );
        }
    }
}

fn conditions(out: &mut String, message: &Message, at: usize, event: &EventRule) {
    let mut refusals = vec![format!("events[{at}].kind != EventKind::{}", event.kind.name().to_uppercase())];
    let equal = if event.of_instrument { "==" } else { "!=" };
    refusals.push(format!("events[{at}].instrument {equal} Event::NO_INSTRUMENT"));
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
    let tags = message.deciding_tags();
    if at == 0 && !tags.is_empty() {
        let tags: Vec<_> = tags.iter().map(|tag| format!("Tag({tag})")).collect();
        let _ = writeln!(
            out,
            "if ![{}].into_iter().all(|tag| record_0.get(tag).is_some()) {{ return None }}",
            tags.join(", ")
        );
    }
}

/// What an event says of the field at `at`.
fn expression(message: &Message, at: usize) -> Option<String> {
    let field = &message.fields[at];
    let sure = message.events.iter().enumerate().filter(|(_, event)| event.when.is_none());
    for (index, event) in sure {
        if let Some(text) = event_expression(field, at, index, event) {
            return Some(text);
        }
    }
    let first = message.events.first()?;
    if message.instrument == Some(at) && first.of_instrument {
        return Some(narrowed(field, "events[0].instrument", "u32"));
    }
    if message.time == Some(at) {
        return Some(narrowed(field, "cold[0].ts_event_ns", "u64"));
    }
    (message.symbol == Some(at) && first.of_instrument).then(|| "symbols.get(events[0].instrument)".into())
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
        return Some(narrowed(field, &format!("events[{index}].price"), "i64"));
    }
    if is(event.match_id) {
        return Some(narrowed(field, &format!("cold[{index}].match_id"), "u64"));
    }
    if is(event.participant) {
        return Some(format!("support::padded(&cold[{index}].participant, {})?", padding(field)));
    }
    code_expression(field, at, index, event).or_else(|| record_expression(field, at, index, event))
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
        let arms = codes.codes.iter().map(|(code, bits)| (bits.to_string(), literal(field, *code)));
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
    let factor = field.record_factor().unwrap_or(1);
    let value = format!("support::wire::<{}>(value, {factor})?", field.rust_type());
    let tag = tag.name().to_uppercase();
    Some(format!(
        "match record_{index}.get(Tag::{tag}) {{\nSome(value) => {},\nNone => {},\n}}",
        bounded(field, &value),
        default(field)
    ))
}

fn padding(field: &Field) -> &'static str {
    if field.kind == Kind::AsciiNul { "0" } else { "b' '" }
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
