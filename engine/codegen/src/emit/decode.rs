//! Bytes of a message to its events: one function a message, and one match on the type.

use std::fmt::Write as _;

use wirebook_abi::Side;

use super::literal;
use crate::model::{CodeMap, EventRule, Field, Kind, Message, Protocol, SideRule};

/// The trait's `decode`: reads the type and calls the message's function.
pub fn dispatch(out: &mut String, protocol: &Protocol) {
    let message = &protocol.messages[0];
    let field = &message.fields[message.type_field];
    let (at, size) = (field.offset, field.size);
    out.push_str(
        "\n#[inline(always)]\nfn decode(message: &[u8], sequence: u64, named: &mut Instruments, batch: &mut BatchWriter<'_>) -> Status {\n",
    );
    if size == 1 {
        let _ = writeln!(out, "let Some(&message_type) = message.get({at}) else {{ return Status::SHORT_MESSAGE }};");
    } else {
        let order = if protocol.big_endian { "be" } else { "le" };
        let _ = write!(
            out,
            "let Some(message_type) = message.get({at}..).and_then(|rest| rest.first_chunk::<{size}>()) else {{ return Status::SHORT_MESSAGE }};\n\
             let message_type = {}::from_{order}_bytes(*message_type);\n",
            field.rust_type()
        );
    }
    out.push_str("match message_type {\n");
    for message in &protocol.messages {
        let _ = writeln!(
            out,
            "{} => decode_{}(message, sequence, named, batch),",
            literal(field, message.type_value),
            message.name
        );
    }
    out.push_str("_ => Status::UNKNOWN_TYPE,\n}\n}\n");
}

/// The function that decodes `message`, the description's message at `index`.
pub fn emit(out: &mut String, message: &Message, index: usize) {
    let inline = if message.is_hot() { "#[inline(always)]" } else { "#[inline(never)]" };
    let _ = write!(
        out,
        "{inline}\n#[allow(unused_variables)]\nfn decode_{name}(message: &[u8], sequence: u64, named: &mut Instruments, batch: &mut BatchWriter<'_>) -> Status {{\n\
         let Ok(view) = {view}::new(message) else {{ return Status::SHORT_MESSAGE }};\n",
        name = message.name,
        view = message.type_name()
    );
    deciding_values(out, message);
    let instrument = message.instrument.map_or("Event::NO_INSTRUMENT".into(), |at| widened(&message.fields[at], 32));
    let time = message.time.map_or("0".into(), |at| widened(&message.fields[at], 64));
    let _ = write!(
        out,
        "let instrument = {instrument};\n\
         let cold = EventCold {{ ts_event_ns: {time}, sequence, message: {index}, ..EventCold::default() }};\n"
    );
    record_room(out, message);
    for (at, event) in message.events.iter().enumerate() {
        emit_event(out, message, at, event);
    }
    if message.defines_instrument() && message.instrument.is_some() {
        out.push_str("named.insert(instrument);\n");
    }
    let _ =
        write!(out, "batch.count_type({index});\nsupport::taken(message.len(), {}::SIZE)\n}}\n\n", message.type_name());
}

/// Values that decide what happens, before anything is written: one that is not listed skips the message.
fn deciding_values(out: &mut String, message: &Message) {
    for (at, event) in message.events.iter().enumerate() {
        if let SideRule::Codes(codes) = &event.side {
            code_match(out, message, &format!("side_{at}"), codes, |side| format!("Side::{}.0", side_name(*side)));
        }
        if let Some(codes) = &event.detail_codes {
            code_match(out, message, &format!("detail_{at}"), codes, |bits| format!("{bits}_u8"));
        }
        if let Some(codes) = &event.state {
            code_match(out, message, &format!("detail_{at}"), codes, |state| {
                format!("TradingState::{}.0", state.name().to_uppercase())
            });
        }
        if let Some(codes) = &event.when {
            let field = &message.fields[codes.field];
            let _ = writeln!(out, "let also_{at} = matches!(view.{}(), {});", field.name, alternatives(field, codes));
        }
    }
}

fn alternatives<T>(field: &Field, codes: &CodeMap<T>) -> String {
    codes.codes.iter().map(|(value, _)| literal(field, *value)).collect::<Vec<_>>().join(" | ")
}

fn code_match<T>(
    out: &mut String,
    message: &Message,
    variable: &str,
    codes: &CodeMap<T>,
    expression: impl Fn(&T) -> String,
) {
    let field = &message.fields[codes.field];
    let values = codes.codes.iter().map(|(value, meaning)| (literal(field, *value), expression(meaning)));
    if field.size == 1 {
        // A table: sides come at random, and a branch on one is mispredicted every other time.
        let table = variable.to_uppercase();
        let values: Vec<_> = values.map(|(value, meaning)| format!("({value}, {meaning})")).collect();
        let _ = write!(
            out,
            "static {table}: [u8; 256] = support::code_table(&[{}]);\n\
             let {variable} = {table}[usize::from(view.{}())];\n\
             if {variable} == support::NO_CODE {{ return Status::BAD_VALUE }}\n",
            values.join(", "),
            field.name
        );
        return;
    }
    let _ = writeln!(out, "let {variable} = match view.{}() {{", field.name);
    for (value, meaning) in values {
        let _ = writeln!(out, "{value} => {meaning},");
    }
    out.push_str("_ => return Status::BAD_VALUE,\n};\n");
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::BID => "BID",
        Side::ASK => "ASK",
        Side::INHERITED => "INHERITED",
        _ => "NONE",
    }
}

/// Stops before the message where its records do not fit, and names an instrument that was not named before.
fn record_room(out: &mut String, message: &Message) {
    let own = message.record_count();
    if let (true, Some(symbol)) = (message.names_instrument(), message.symbol) {
        let symbol = &message.fields[symbol].name;
        if own > 0 {
            let _ = write!(
                out,
                "if batch.record_room() < {own} + usize::from(!named.contains(instrument)) {{ return Status::BATCH_FULL }}\n\
                 if !named.contains(instrument) {{ named.name(instrument, &view.{symbol}(), cold, batch) }}\n"
            );
        } else {
            let _ = write!(
                out,
                "if !named.contains(instrument) {{\n\
                 if batch.record_room() == 0 {{ return Status::BATCH_FULL }}\n\
                 named.name(instrument, &view.{symbol}(), cold, batch);\n}}\n"
            );
        }
    } else if own > 0 {
        let _ = writeln!(out, "if batch.record_room() < {own} {{ return Status::BATCH_FULL }}");
    }
}

fn emit_event(out: &mut String, message: &Message, at: usize, event: &EventRule) {
    if event.when.is_some() {
        let _ = writeln!(out, "if also_{at} {{");
    }
    let record = event.record.is_some();
    if record {
        emit_record(out, message, event);
    }
    let value = |role: Option<usize>, bits| role.map(|role| widened(&message.fields[role], bits));
    let mut parts = vec![format!("kind: EventKind::{}", event.kind.name().to_uppercase())];
    parts.push(format!("instrument: {}", if event.of_instrument { "instrument" } else { "Event::NO_INSTRUMENT" }));
    parts.push(format!("order_id: {}", value(event.order, 64).unwrap_or("0".into())));
    parts.push(format!("quantity: {}", value(event.quantity, 64).unwrap_or("0".into())));
    parts.push(format!("price: {}", event.price.map_or("0".into(), |role| signed(&message.fields[role]))));
    parts.push(format!("side: {}", side(at, event)));
    parts.push(format!("flags: {}", last_flag(message, at)));
    parts.push(format!("detail: {}", detail(at, event)));
    let mut cold = Vec::new();
    if let Some(match_id) = value(event.match_id, 64) {
        cold.push(format!("match_id: {match_id}"));
    }
    if let Some(role) = event.participant {
        cold.push(format!("participant: support::participant(view.{}())", message.fields[role].name));
    }
    if record {
        cold.push("record".into());
    }
    let cold = if cold.is_empty() { "cold".into() } else { format!("EventCold {{ {}, ..cold }}", cold.join(", ")) };
    let _ = writeln!(out, "batch.push(Event {{ {} }}, {cold});", parts.join(", "));
    if event.when.is_some() {
        out.push_str("}\n");
    }
}

fn side(at: usize, event: &EventRule) -> String {
    match event.side {
        SideRule::None => "Side::NONE".into(),
        SideRule::Inherited => "Side::INHERITED".into(),
        SideRule::Codes(_) => format!("Side(side_{at})"),
    }
}

fn detail(at: usize, event: &EventRule) -> String {
    let decided = event.state.is_some() || event.detail_codes.is_some();
    match (decided, event.detail) {
        (true, 0) => format!("detail_{at}"),
        (true, bits) => format!("{bits} | detail_{at}"),
        (false, bits) => bits.to_string(),
    }
}

/// The last event of the group has the flag; which it is may depend on a condition.
fn last_flag(message: &Message, at: usize) -> String {
    match message.events.get(at + 1) {
        None => "flags::LAST".into(),
        Some(next) if next.when.is_some() => format!("if also_{} {{ 0 }} else {{ flags::LAST }}", at + 1),
        Some(_) => "0".into(),
    }
}

fn emit_record(out: &mut String, message: &Message, event: &EventRule) {
    let Some(rule) = &event.record else { return };
    let instrument = if event.of_instrument { "instrument" } else { "Event::NO_INSTRUMENT" };
    let kind = event.kind.name().to_uppercase();
    let _ = writeln!(out, "let mut record = Record::new(EventKind::{kind}, {instrument});");
    if let Some(text) = rule.text {
        let _ = writeln!(out, "record.set_text(&view.{}());", message.fields[text].name);
    }
    if let Some(code) = rule.code {
        let field = &message.fields[code];
        let value = if field.kind == Kind::Char {
            format!("[view.{}()]", field.name)
        } else {
            format!("view.{}()", field.name)
        };
        let _ = writeln!(out, "record.code = support::code(&{value});");
    }
    for (tag, at) in &rule.values {
        let field = &message.fields[*at];
        let factor = field.record_factor().unwrap_or(1);
        let value = match (factor, field.size) {
            (1, _) => signed(field),
            // At most 2^32 times 1e9: no overflow.
            (_, ..=4) => format!("{} * {factor}", signed(field)),
            _ => format!("{}.saturating_mul({factor})", signed(field)),
        };
        let _ = writeln!(out, "record.push(Tag::{}, {value});", tag.name().to_uppercase());
    }
    out.push_str("let record = batch.push_record(record);\n");
}

/// The field as an unsigned integer of `bits`.
fn widened(field: &Field, bits: usize) -> String {
    let kind = field.rust_type();
    if kind == format!("u{bits}") {
        format!("view.{}()", field.name)
    } else {
        format!("u{bits}::from(view.{}())", field.name)
    }
}

/// The field as `i64`.
fn signed(field: &Field) -> String {
    match field.rust_type().as_str() {
        "i64" => format!("view.{}()", field.name),
        "u64" => format!("support::saturated(view.{}())", field.name),
        _ => format!("i64::from(view.{}())", field.name),
    }
}
