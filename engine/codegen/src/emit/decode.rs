//! Bytes of a message to its events: one function a message, and one match on the type.

use std::fmt::Write as _;

use wirebook_abi::{EventKind, Side};

use super::literal;
use crate::model::{
    CodeMap, Condition, EventRule, Field, GroupEdge, InstrumentPart, InstrumentScale, Keys, Kind, Message, PartCount,
    Protocol, SideRule,
};

/// The trait's `decode`: reads the type and calls the message's function.
pub fn dispatch(out: &mut String, protocol: &Protocol) {
    let message = &protocol.messages[0];
    let field = &message.fields[message.type_field];
    let (at, size) = (field.offset, field.size);
    out.push_str(
        "\n#[inline(always)]\nfn decode(message: &[u8], sequence: u64, memory: &mut Memory, batch: &mut BatchWriter<'_>) -> Status {\n",
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
            "{} => decode_{}(message, sequence, memory, batch),",
            literal(field, message.type_value),
            message.name
        );
    }
    out.push_str("_ => Status::UNKNOWN_TYPE,\n}\n}\n");
    pass(out, protocol);
}

/// The trait's `pass`, where messages say what holds for those behind them: the second, or that a group is open.
fn pass(out: &mut String, protocol: &Protocol) {
    let lasts = |message: &&Message| message.seconds.is_some() || message.group_edge.is_some();
    let mut lasting = protocol.messages.iter().filter(lasts).peekable();
    if lasting.peek().is_none() {
        return;
    }
    out.push_str("\n#[inline]\nfn pass(message: &[u8], memory: &mut Memory) {\n");
    for message in lasting {
        let field = &message.fields[message.type_field];
        let _ = writeln!(
            out,
            "if let Ok(view) = {}::new(message) && view.{}() == {} {{ {}{} }}",
            message.type_name(),
            field.name,
            literal(field, message.type_value),
            set_clock(message),
            set_group(message)
        );
    }
    out.push_str("}\n");
}

fn set_clock(message: &Message) -> String {
    let seconds = message.seconds.map(|at| widened(&message.fields[at], 64));
    seconds.map_or_else(String::new, |seconds| format!("memory.clock.set({seconds});"))
}

/// From here on the last event of a message ends no group, or does again.
fn set_group(message: &Message) -> &'static str {
    match message.group_edge {
        Some(GroupEdge::Begins) => "memory.last = 0;",
        Some(GroupEdge::Ends) => "memory.last = flags::LAST;",
        None => "",
    }
}

/// The function that decodes `message`, the description's message at `index`.
pub fn emit(out: &mut String, protocol: &Protocol, message: &Message, index: usize) {
    let inline = if message.is_hot() { "#[inline(always)]" } else { "#[inline(never)]" };
    let _ = writeln!(
        out,
        "{inline}\n#[allow(unused_variables)]\nfn decode_{name}(message: &[u8], sequence: u64, memory: &mut Memory, batch: &mut BatchWriter<'_>) -> Status {{",
        name = message.name,
    );
    if let Some(older) = message.older_length {
        let _ = writeln!(
            out,
            "let whole;\nlet message = if message.len() < {0} {{\n\
             let Some(completed) = support::completed::<{older}, {0}>(message) else {{ return Status::SHORT_MESSAGE }};\n\
             whole = completed;\n&whole[..]\n}} else {{ message }};",
            message.length
        );
    }
    let _ =
        writeln!(out, "let Ok(view) = {}::new(message) else {{ return Status::SHORT_MESSAGE }};", message.type_name());
    parts_fit(out, message);
    for (at, event) in message.events.iter().enumerate() {
        deciding_values(out, message, at, event);
    }
    let _ = writeln!(out, "{}", set_clock(message));
    out.push_str(&instrument(protocol, message));
    if let Some(scale) = &protocol.instrument_scale {
        multiplier(out, message, scale);
    }
    for (at, event) in message.events.iter().enumerate() {
        price(out, message, at, event);
    }
    let _ = writeln!(
        out,
        "let cold = EventCold {{ ts_event_ns: {time}, sequence, message: {index}, ..EventCold::default() }};",
        time = time(message)
    );
    record_room(out, message);
    if message.group_edge == Some(GroupEdge::Begins) {
        out.push_str("support::end_group(memory, cold, batch);\n");
    }
    out.push_str(set_group(message));
    if message.scale_field.is_some() {
        out.push_str("memory.scales.set(instrument, multiplier);\n");
    }
    for (at, event) in message.events.iter().enumerate() {
        emit_event(out, protocol, message, at, event);
    }
    if message.defines_instrument() && message.instrument.is_some() {
        out.push_str("memory.named.insert(instrument);\n");
    }
    let taken = if protocol.accepts_longer || !message.parts.is_empty() {
        "Status::OK".into()
    } else {
        format!("support::taken(message.len(), {}::SIZE)", message.type_name())
    };
    let _ = write!(out, "batch.count_type({index});\n{taken}\n}}\n\n");
}

/// The message's instrument: as it stands on the wire, or the number that the channel's memory has for it.
fn instrument(protocol: &Protocol, message: &Message) -> String {
    let Some(at) = message.instrument.filter(|_| !message.events.is_empty()) else {
        return "let instrument = Event::NO_INSTRUMENT;\n".into();
    };
    let field = &message.fields[at];
    let padding = super::padding(field);
    let number = match protocol.keys {
        Keys::Numbers => {
            let number = widened(field, 32);
            return match (&protocol.instrument_part, message.instrument_part) {
                (Some(part), Some(at)) => numbered(&message.fields[at], part, &number),
                _ => format!("let instrument = {number};\n"),
            };
        }
        _ if !field.is_text() => format!("number({})", widened(field, 64)),
        _ if field.size <= 8 => format!("number(support::word(view.{}(), {padding}))", field.name),
        _ => format!("number_of(&view.{}())", field.name),
    };
    format!("let Some(instrument) = memory.keys.{number} else {{ return Status::TOO_MANY_INSTRUMENTS }};\n")
}

/// The key of an instrument that has a part.
fn numbered(field: &Field, part: &InstrumentPart, number: &str) -> String {
    let mut text = format!("let part = match &view.{}() {{\n", field.name);
    for (place, code) in part.codes.iter().enumerate() {
        let _ = writeln!(text, "b\"{code:0$}\" => {place},", field.size);
    }
    let count = part.codes.len();
    let _ = write!(
        text,
        "_ => return Status::BAD_VALUE,\n}};\n\
         let key = {number}.checked_mul({count}).and_then(|key| key.checked_add(part));\n\
         let Some(instrument) = key else {{ return Status::TOO_MANY_INSTRUMENTS }};\n"
    );
    text
}

fn time(message: &Message) -> String {
    match message.time {
        Some(at) if message.has_time_offset() => format!("memory.clock.at({})", widened(&message.fields[at], 64)),
        Some(at) => widened(&message.fields[at], 64),
        None if message.seconds.is_some() => "memory.clock.at(0)".into(),
        None => "0".into(),
    }
}

/// Refuses a message that is shorter than its parts say.
fn parts_fit(out: &mut String, message: &Message) {
    for part in &message.parts {
        let value = |at: usize| format!("view.{}() as usize", message.fields[at].name);
        let count = match part.count {
            PartCount::Fixed(count) => count.to_string(),
            PartCount::Field(at) => value(at),
            PartCount::Present { field, mask } => {
                format!("usize::from(view.{}() & {mask} != 0)", message.fields[field].name)
            }
        };
        let start = part.offset_field.map_or_else(|| part.offset.to_string(), value);
        let _ = writeln!(
            out,
            "if !support::parts_fit(message, {}, {start}, {count}, {}) {{ return Status::SHORT_MESSAGE }}",
            message.length, part.stride
        );
    }
}

/// Values that decide what happens, before anything is written: one that is not listed skips the message, unless its event
/// is not there.
fn deciding_values(out: &mut String, message: &Message, at: usize, event: &EventRule) {
    if let Some(condition) = &event.when {
        let _ = writeln!(out, "let also_{at} = {};", holds(message, condition, "view.", "()"));
    }
    let there = if event.when.is_some() { format!("also_{at} && ") } else { String::new() };
    if let SideRule::Codes(codes) = &event.side {
        code_match(out, message, &format!("side_{at}"), &there, codes, |side| format!("Side::{}.0", side_name(*side)));
    }
    if let Some(codes) = &event.detail_codes {
        code_match(out, message, &format!("detail_{at}"), &there, codes, |bits| format!("{bits}_u8"));
    }
    if let Some(codes) = &event.state {
        code_match(out, message, &format!("detail_{at}"), &there, codes, |state| {
            format!("TradingState::{}.0", state.name().to_uppercase())
        });
    }
}

/// Whether a condition holds, of a field that is written between `before` and `after`.
pub fn holds(message: &Message, condition: &Condition, before: &str, after: &str) -> String {
    let field = &message.fields[condition.field];
    let values: Vec<_> = condition.values.iter().map(|value| literal(field, *value)).collect();
    let not = if condition.is_among { "" } else { "!" };
    format!("{not}matches!({before}{}{after}, {})", field.name, values.join(" | "))
}

/// What prices in the instrument's scale are multiplied by; a message that defines the instrument says it itself.
fn multiplier(out: &mut String, message: &Message, scale: &InstrumentScale) {
    if let Some(at) = message.scale_field {
        let _ = writeln!(
            out,
            "let Some(multiplier) = support::{}({}) else {{ return Status::BAD_VALUE }};",
            multiplier_of(scale),
            widened(&message.fields[at], 64)
        );
    } else if message.needs_instrument_scale() {
        let _ = match scale.default {
            Some(default) => {
                write!(
                    out,
                    "const DEFAULT: Option<u32> = support::{}({default});\n\
                     let Some(multiplier) = memory.scales.get(instrument).or(DEFAULT) ",
                    multiplier_of(scale)
                )
            }
            None => write!(out, "let Some(multiplier) = memory.scales.get(instrument) "),
        };
        out.push_str("else { return Status::UNSCALED_PRICE };\n");
    }
}

/// The function that turns the scale's field into a multiplier.
pub fn multiplier_of(scale: &InstrumentScale) -> &'static str {
    if scale.is_denominator { "multiplier_of_denominator" } else { "multiplier_of_decimals" }
}

/// An event's price, before anything is written: one that is too large skips the message.
fn price(out: &mut String, message: &Message, at: usize, event: &EventRule) {
    let Some(field) = event.price.map(|role| &message.fields[role]) else { return };
    let mut value = if field.scaled_by_instrument {
        let _ = writeln!(out, "let price_{at} = support::scaled({}, multiplier);", signed(field));
        if field.null.is_none() && event.when.is_none() {
            let _ = writeln!(out, "let Some(price_{at}) = price_{at} else {{ return Status::BAD_VALUE }};");
            return;
        }
        format!("match price_{at} {{ Some(price) => price, None => return Status::BAD_VALUE }}")
    } else {
        multiplied(field, event.price_factor)
    };
    if let Some(null) = field.null {
        let is_order = event.kind <= EventKind::MODIFY;
        let unpriced = if is_order { "Event::NO_PRICE" } else { "0" };
        value = format!("if view.{}() == {} {{ {unpriced} }} else {{ {value} }}", field.name, integer(field, null));
    }
    if event.when.is_some() {
        value = format!("if also_{at} {{ {value} }} else {{ 0 }}");
    }
    let _ = writeln!(out, "let price_{at}: i64 = {value};");
}

/// A wire integer, cut to the field's bytes, as a Rust literal of the field's type.
pub fn integer(field: &Field, wire: u64) -> String {
    if field.kind == Kind::Signed { field.signed(wire).to_string() } else { literal(field, wire) }
}

fn code_match<T>(
    out: &mut String,
    message: &Message,
    variable: &str,
    there: &str,
    codes: &CodeMap<T>,
    expression: impl Fn(&T) -> String,
) {
    let field = &message.fields[codes.field];
    let masked = codes.mask.map_or_else(String::new, |mask| format!(" & {mask}"));
    let values = codes.codes.iter().map(|(value, meaning)| (literal(field, *value), expression(meaning)));
    if field.size == 1 {
        // A table: sides come at random, and a branch on one is mispredicted every other time.
        let table = variable.to_uppercase();
        let values: Vec<_> = values.map(|(value, meaning)| format!("({value}, {meaning})")).collect();
        let _ = write!(
            out,
            "static {table}: [u8; 256] = support::code_table(&[{}]);\n\
             let {variable} = {table}[usize::from(view.{}(){masked})];\n\
             if {there}{variable} == support::NO_CODE {{ return Status::BAD_VALUE }}\n",
            values.join(", "),
            field.name
        );
        return;
    }
    let _ = writeln!(out, "let {variable} = match view.{}(){masked} {{", field.name);
    for (value, meaning) in values {
        let _ = writeln!(out, "{value} => {meaning},");
    }
    if !there.is_empty() {
        let there = there.trim_end_matches(" && ");
        let _ = writeln!(out, "_ if !{there} => support::NO_CODE,");
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
        let key = name_key(message);
        if own > 0 {
            let _ = write!(
                out,
                "if batch.record_room() < {own} + usize::from(!memory.named.contains(instrument)) {{ return Status::BATCH_FULL }}\n\
                 if !memory.named.contains(instrument) {{ memory.named.name(instrument, &view.{symbol}(){key}, cold, batch) }}\n"
            );
        } else {
            let _ = write!(
                out,
                "if !memory.named.contains(instrument) {{\n\
                 if batch.record_room() == 0 {{ return Status::BATCH_FULL }}\n\
                 memory.named.name(instrument, &view.{symbol}(){key}, cold, batch);\n}}\n"
            );
        }
    } else if own > 0 {
        let _ = writeln!(out, "if batch.record_room() < {own} {{ return Status::BATCH_FULL }}");
    }
}

/// The text by which messages name the instrument, for its definition, where that is text; else nothing.
fn name_key(message: &Message) -> String {
    match message.instrument.map(|at| &message.fields[at]).filter(|field| field.is_text()) {
        Some(field) => format!(", &view.{}()", field.name),
        None => ", &[]".into(),
    }
}

fn emit_event(out: &mut String, protocol: &Protocol, message: &Message, at: usize, event: &EventRule) {
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
    parts.push(if event.price.is_some() { format!("price: price_{at}") } else { "price: 0".into() });
    parts.push(format!("side: {}", side(at, event)));
    parts.push(format!("flags: {}", last_flag(protocol, message, at)));
    parts.push(format!("detail: {}", detail(at, event)));
    let mut cold = Vec::new();
    if let Some(role) = event.match_id {
        let field = &message.fields[role];
        let value = match field.kind {
            Kind::Bytes => format!("support::front(view.{}())", field.name),
            _ => widened(field, 64),
        };
        cold.push(format!("match_id: {value}"));
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

/// The last event of the group has the flag; which it is may depend on conditions, and on whether the message stands within a
/// group that others begin and end.
fn last_flag(protocol: &Protocol, message: &Message, at: usize) -> String {
    let behind = &message.events[at + 1..];
    if behind.iter().any(|event| event.when.is_none()) {
        return "0".into();
    }
    let last = if protocol.has_open_groups() { "memory.last" } else { "flags::LAST" };
    let others: Vec<_> = (at + 1..message.events.len()).map(|other| format!("also_{other}")).collect();
    if others.is_empty() {
        return last.into();
    }
    format!("if {} {{ 0 }} else {{ {last} }}", others.join(" || "))
}

fn emit_record(out: &mut String, message: &Message, event: &EventRule) {
    let Some(rule) = &event.record else { return };
    let instrument = if event.of_instrument { "instrument" } else { "Event::NO_INSTRUMENT" };
    let kind = event.kind.name().to_uppercase();
    let _ = writeln!(out, "let mut record = Record::new(EventKind::{kind}, {instrument});");
    if let Some(text) = rule.text {
        let _ = writeln!(out, "record.set_text(&view.{}());", message.fields[text].name);
    }
    if let Some(tail) = rule.text_tail {
        let _ = writeln!(out, "support::append_text(&mut record, &view.{}());", message.fields[tail].name);
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
        let value = if field.scaled_by_instrument {
            format!("{}.saturating_mul(i64::from(multiplier))", signed(field))
        } else {
            multiplied(field, field.record_factor().unwrap_or(1))
        };
        if let Some(null) = field.null {
            let _ = write!(out, "if view.{}() != {} {{ ", field.name, integer(field, null));
        }
        let _ = write!(out, "record.push(Tag::{}, {value});", tag.name().to_uppercase());
        out.push_str(if field.null.is_some() { " }\n" } else { "\n" });
    }
    out.push_str("let record = batch.push_record(record);\n");
}

/// The field as `i64`, times `factor`.
fn multiplied(field: &Field, factor: u64) -> String {
    match (factor, field.size) {
        (1, _) => signed(field),
        // At most 2^32 times 1e9: no overflow.
        (..=1_000_000_000, ..=4) => format!("{} * {factor}", signed(field)),
        _ => format!("{}.saturating_mul({factor})", signed(field)),
    }
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
