//! Bytes of a message to its events: one function a message, and one match on the template id.

use std::fmt::Write as _;

use wirebook_abi::EventKind;

use super::{
    Protocol,
    events::time_factor,
    meaning::{
        Amount, Blocks, Choice, Codes, Condition, Flag, Instrument, Meaning, Place, Price, Record, Rule, Source, Test,
    },
    model::{Field, Kind, Message, rust_name},
};

/// The trait's implementation but for encoding, and a function for each message.
pub fn emit(out: &mut String, protocol: &Protocol, encode: &str) {
    let schema = &protocol.schema;
    let name = protocol.type_name();
    let _ = write!(
        out,
        "/// {title}: the meaning of its messages.\n#[derive(Clone, Copy, Debug, Default)]\npub struct {name};\n\n\
         impl support::Protocol for {name} {{\n\
         const DESCRIPTION: Description = DESCRIPTION;\n\
         // Messages ask for the room that they need themselves.\n\
         const MAX_EVENTS: usize = 1;\n\
         const SYMBOL_SIZE: usize = 0;\n\
         const HAS_INSTRUMENT_SCALES: bool = false;\n\
         const KEYS: support::Keys = support::Keys::{keys};\n\n\
         fn decode(message: &[u8], sequence: u64, memory: &mut Memory, batch: &mut BatchWriter<'_>) -> Status {{\n\
         let Some(header) = Header::new(message) else {{ return Status::SHORT_MESSAGE }};\n",
        title = protocol.title,
        keys = protocol.keys(),
    );
    version_check(out, protocol, "Status::UNKNOWN_TYPE");
    out.push_str("match header.template_id() {\n");
    for message in &schema.messages {
        let guard = schema_guard(protocol, message);
        let _ =
            writeln!(out, "{id}{guard} => decode_{id}(message, sequence, memory, batch),", id = message.template_id);
    }
    out.push_str("_ => Status::UNKNOWN_TYPE,\n}\n}\n\nfn size(message: &[u8]) -> Option<usize> {\nlet header = Header::new(message)?;\n");
    version_check(out, protocol, "None");
    out.push_str("match header.template_id() {\n");
    for message in &schema.messages {
        let (guard, view) = (schema_guard(protocol, message), schema.type_name(message));
        let _ = writeln!(out, "{}{guard} => {view}::sized(message).map(|(_, size)| size),", message.template_id);
    }
    let _ = write!(out, "_ => None,\n}}\n}}\n\n{encode}}}\n\n");
    for (index, message) in schema.messages.iter().enumerate() {
        function(out, protocol, message, index);
    }
}

fn version_check(out: &mut String, protocol: &Protocol, refusal: &str) {
    let (first, last) = protocol.versions;
    let Some(field) = protocol.schema.header_field(&["version", "schema_version"]) else { return };
    if (first, last) != (0, u64::MAX) {
        let _ = writeln!(
            out,
            "if !({first}..={last}).contains(&u64::from(header.{}())) {{ return {refusal} }}",
            field.rust_name()
        );
    }
}

/// Messages of another schema are of an unknown type.
fn schema_guard(protocol: &Protocol, message: &Message) -> String {
    let id = message.schema_id.or(protocol.schema.schema_id);
    match (id, protocol.schema.schema_number()) {
        (Some(id), Some(_)) => format!(" if u64::from(header.schema_id()) == {id}"),
        _ => String::new(),
    }
}

fn function(out: &mut String, protocol: &Protocol, message: &Message, index: usize) {
    let name = protocol.schema.type_name(message);
    let meaning = protocol.meanings[index].as_ref();
    let is_rare = meaning.is_none_or(|meaning| meaning.rules.iter().all(|rule| rule.record.is_some()));
    let _ = write!(
        out,
        "{inline}fn decode_{id}(message: &[u8], sequence: u64, memory: &mut Memory, batch: &mut BatchWriter<'_>) -> Status {{\n\
         let Ok(view) = {name}::new(message) else {{ return Status::SHORT_MESSAGE }};\n",
        inline = if is_rare { "#[cold]\n#[inline(never)]\n" } else { "" },
        id = message.template_id,
    );
    if let Some(meaning) = meaning {
        body(out, protocol, message, meaning, index);
    }
    let _ = write!(out, "batch.count_type({index});\nStatus::OK\n}}\n\n");
}

fn body(out: &mut String, protocol: &Protocol, message: &Message, meaning: &Meaning, index: usize) {
    let root = Emitter { protocol, blocks: Blocks::root(&protocol.schema, message), at: 0 };
    out.push_str("let header = view.header();\n");
    let time = meaning.time.as_ref().map_or("0".into(), |time| root.time(time));
    let _ = writeln!(
        out,
        "let cold = EventCold {{ ts_event_ns: {time}, sequence, message: {index}, ..EventCold::default() }};"
    );
    let last = match &meaning.last {
        Flag::Always => "true".to_owned(),
        Flag::Never => "false".to_owned(),
        Flag::When(conditions) => root.all(conditions),
    };
    let ends = !matches!(meaning.last, Flag::Always | Flag::Never);
    if meaning.rules.is_empty() && !ends {
        return;
    }
    room(out, message, meaning);
    out.push_str("let mark = batch.mark();\n");
    if !meaning.rules.is_empty() {
        out.push_str("let status = 'rules: {\n");
        let mut at = 0;
        // Neighbouring rules for one group run together, entry by entry: an entry may undo what one before it did.
        for rules in meaning.rules.chunk_by(|one, next| one.each == next.each) {
            loops(out, protocol, message, rules, at);
            at += rules.len();
        }
        out.push_str("Status::OK\n};\nif status != Status::OK { batch.rewind(mark) }\n");
    }
    if ends {
        let _ = write!(
            out,
            "if {last} && !batch.flag_last(mark, flags::LAST) {{\n\
             batch.push(Event {{ kind: EventKind::END, instrument: Event::NO_INSTRUMENT, flags: flags::LAST, ..Event::default() }}, cold);\n}}\n"
        );
    } else if last == "true" {
        out.push_str("batch.flag_last(mark, flags::LAST);\n");
    }
    if !meaning.rules.is_empty() {
        out.push_str("if status != Status::OK { return status }\n");
    }
}

/// Rules for the entries of one group, the first of them the message's rule number `first`.
fn loops(out: &mut String, protocol: &Protocol, message: &Message, rules: &[Rule], first: usize) {
    let emitters: Vec<_> = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| {
            let via = rule.via.as_ref().map(|via| via.group);
            (
                Emitter { protocol, blocks: Blocks::new(&protocol.schema, message, &rule.each, via), at: first + at },
                rule,
            )
        })
        .collect();
    for (emitter, rule) in &emitters {
        emitter.outer_instrument(out, rule);
    }
    let each = rules.first().map_or(&[][..], |rule| &rule.each);
    let mut block = &message.block;
    for (at, group) in each.iter().enumerate() {
        let around = if at == 0 { "view".to_owned() } else { format!("entry_{at}") };
        let group = &block.groups[*group];
        let _ = writeln!(out, "for entry_{} in {around}.{}() {{", at + 1, rust_name(&group.name));
        block = &group.block;
    }
    for (emitter, rule) in emitters {
        emitter.rule(out, message, rule);
    }
    out.push_str(&"}\n".repeat(each.len()));
}

/// Stops before a message whose events or records do not fit, and refuses one that has more than any batch holds.
fn room(out: &mut String, message: &Message, meaning: &Meaning) {
    let counts =
        |rules: &mut dyn Iterator<Item = &Rule>| rules.map(|rule| count(message, rule)).collect::<Vec<_>>().join(" + ");
    let events = counts(&mut meaning.rules.iter());
    let records = counts(&mut meaning.rules.iter().filter(|rule| rule.records()));
    let events = if events.is_empty() { "1".into() } else { format!("1 + {events}") };
    let _ = write!(
        out,
        "let events = {events};\nif events > blocks::MESSAGE_EVENTS {{ return Status::BAD_VALUE }}\n\
         if batch.room() < events {{ return Status::BATCH_FULL }}\n"
    );
    if !records.is_empty() {
        let _ = write!(
            out,
            "let records = {records};\nif records > blocks::MESSAGE_RECORDS {{ return Status::BAD_VALUE }}\n\
             if batch.record_room() < records {{ return Status::BATCH_FULL }}\n"
        );
    }
}

/// How many events a rule gives at most.
fn count(message: &Message, rule: &Rule) -> String {
    let Some((last, around)) = rule.each.split_last() else { return "1".into() };
    let mut block = &message.block;
    let (mut text, mut closing) = ("view".to_owned(), String::new());
    for group in around {
        let group = &block.groups[*group];
        text = format!("{text}.{}().map(|entry| entry", rust_name(&group.name));
        closing = format!(").sum::<usize>(){closing}");
        block = &group.block;
    }
    format!("{text}.{}().len(){closing}", rust_name(&block.groups[*last].name))
}

/// Writes the code of one rule.
struct Emitter<'a> {
    protocol: &'a Protocol,
    blocks: Blocks<'a>,
    /// Number of the rule in its message.
    at: usize,
}

impl Emitter<'_> {
    /// What one entry comes to.
    fn rule(&self, out: &mut String, message: &Message, rule: &Rule) {
        let _ = writeln!(out, "'rule_{}: {{", self.at);
        if !rule.when.is_empty() {
            let _ = writeln!(out, "if !({}) {{ break 'rule_{} }}", self.all(&rule.when), self.at);
        }
        self.via(out, message, rule);
        self.choices(out, rule);
        if self.inner_instrument(rule) {
            self.instrument(out, &rule.instrument, "instrument");
        } else {
            let _ = writeln!(out, "let instrument = instrument_{};", self.at);
        }
        self.event(out, rule);
        out.push_str("}\n");
    }

    fn via(&self, out: &mut String, message: &Message, rule: &Rule) {
        let Some(via) = &rule.via else { return };
        let group = rust_name(&message.block.groups[via.group].name);
        let _ = write!(
            out,
            "let Some(number) = {} else {{ break 'rule_{} }};\n\
             let Some(via) = usize::try_from(number).ok().and_then(|number| view.{group}().get(number.wrapping_sub(1))) else {{ break 'rules Status::BAD_VALUE }};\n",
            self.optional(&via.index),
            self.at
        );
    }

    /// Kind, side, state and tag by code: a skipped one leaves the rule, one that is not listed the message.
    fn choices(&self, out: &mut String, rule: &Rule) {
        let mut chosen = Vec::new();
        if let Choice::Codes(codes) = &rule.kind {
            self.lookup(out, "kind", codes, |(kind, detail)| u16::from(kind.0) | u16::from(*detail) << 8);
            chosen.push("kind");
        }
        if let Choice::Codes(codes) = &rule.side {
            self.lookup(out, "side", codes, |(side, detail)| u16::from(side.0) | u16::from(*detail) << 8);
            chosen.push("side");
        }
        if let Some(Choice::Codes(codes)) = &rule.state {
            self.lookup(out, "state", codes, |state| u16::from(state.0));
            chosen.push("state");
        }
        if let Some((codes, _)) = rule.record.as_ref().and_then(|record| record.by.as_ref()) {
            self.lookup(out, "tag", codes, |tag| u16::from(tag.0));
            chosen.push("tag");
        }
        if chosen.is_empty() {
            return;
        }
        let any = |what: &str, test: &str| {
            chosen.iter().map(|name| format!("{name} {test} blocks::{what}")).collect::<Vec<_>>().join(" || ")
        };
        let _ = write!(
            out,
            "if {} {{\nif {} {{ break 'rule_{} }}\nbreak 'rules Status::BAD_VALUE;\n}}\n",
            any("SKIP", ">="),
            any("SKIP", "=="),
            self.at
        );
    }

    fn lookup<T>(&self, out: &mut String, name: &str, codes: &Codes<T>, value: impl Fn(&T) -> u16) {
        let coded = |meaning: &Option<T>| match meaning {
            Some(meaning) => value(meaning).to_string(),
            None => "blocks::SKIP".into(),
        };
        let other = codes.other.as_ref().map_or("blocks::FAULT".into(), coded);
        let field = self.blocks.field(&codes.source);
        let (load, is_optional) = self.coded(&codes.source);
        if let Some(field) = field.filter(|field| field.size == 1 && field.is_integer()) {
            // A table: codes come at random, and a branch on one is mispredicted every other time.
            let table = format!("{}_{}", name.to_uppercase(), self.at);
            let values: Vec<_> =
                codes.map.iter().map(|(code, meaning)| format!("({}, {})", *code as u8, coded(meaning))).collect();
            let _ = writeln!(out, "static {table}: [u16; 256] = blocks::table(&[{}], {other});", values.join(", "));
            let cast = if field.kind == Kind::Signed { " as u8" } else { "" };
            let _ = if is_optional {
                writeln!(out, "let {name} = {load}.map_or({other}, |code| {table}[usize::from(code{cast})]);")
            } else {
                writeln!(out, "let {name} = {table}[usize::from({load}{cast})];")
            };
            return;
        }
        let _ = writeln!(out, "let {name} = match {load} {{");
        for (code, meaning) in &codes.map {
            let pattern = if is_optional { format!("Some({code})") } else { code.to_string() };
            let _ = writeln!(out, "{pattern} => {},", coded(meaning));
        }
        let _ = write!(out, "_ => {other},\n}};\n");
    }

    /// Whether the instrument is another one for each entry.
    fn inner_instrument(&self, rule: &Rule) -> bool {
        let is_inner = |source: &Source| matches!(source.place(), Some(Place::Via | Place::Level(1..)));
        match &rule.instrument {
            Instrument::None => false,
            Instrument::Direct(source) | Instrument::Text(source) => is_inner(source),
            Instrument::Words(sources) => sources.iter().any(is_inner),
        }
    }

    /// The instrument of all entries, once.
    fn outer_instrument(&self, out: &mut String, rule: &Rule) {
        if !self.inner_instrument(rule) {
            self.instrument(out, &rule.instrument, &format!("instrument_{}", self.at));
        }
    }

    fn instrument(&self, out: &mut String, instrument: &Instrument, name: &str) {
        const REFUSED: &str = "else { break 'rules Status::TOO_MANY_INSTRUMENTS }";
        let _ = match instrument {
            Instrument::None => writeln!(out, "let {name} = Event::NO_INSTRUMENT;"),
            Instrument::Direct(source) => {
                let (load, is_optional) = self.load(source);
                if is_optional {
                    writeln!(out, "let {name} = {load}.map_or(Event::NO_INSTRUMENT, |key| key as u32);")
                } else {
                    writeln!(out, "let {name} = {load} as u32;")
                }
            }
            Instrument::Words(sources) => {
                let parts: Vec<_> = sources.iter().map(|source| self.word(source)).collect();
                let (mut key, mut names) = (String::new(), Vec::new());
                for (at, (_, size)) in parts.iter().enumerate() {
                    let name = format!("part_{at}");
                    key = if at == 0 { name.clone() } else { format!("({key}) << {} | {name}", 8 * size) };
                    names.push(name);
                }
                let values: Vec<_> = parts.iter().map(|(value, _)| value.as_str()).collect();
                let patterns = names.iter().map(|name| format!("Some({name})")).collect::<Vec<_>>().join(", ");
                writeln!(
                    out,
                    "let {name} = match ({values},) {{\n({patterns},) => {{\n\
                     let Some(instrument) = memory.keys.number({key}) {REFUSED};\ninstrument\n}}\n_ => Event::NO_INSTRUMENT,\n}};",
                    values = values.join(", ")
                )
            }
            Instrument::Text(source) => {
                let (load, is_optional) = self.text(source);
                let number = format!("let Some(instrument) = memory.keys.number_of(text) {REFUSED};\ninstrument\n");
                if is_optional {
                    writeln!(
                        out,
                        "let {name} = match &{load} {{\nSome(text) => {{\n{number}}}\nNone => Event::NO_INSTRUMENT,\n}};"
                    )
                } else {
                    writeln!(out, "let {name} = {{\nlet text = &{load}[..];\n{number}}};")
                }
            }
        };
    }

    /// A part of a key as `Option<u64>`, and its bytes.
    fn word(&self, source: &Source) -> (String, usize) {
        let (load, is_optional) = self.load(source);
        let Some(field) = self.blocks.field(source) else { return (format!("Some({load} as u64)"), 8) };
        let size = field.size;
        let unsigned =
            if field.kind == Kind::Signed && size < 8 { format!(" as u{}", 8 * size) } else { String::new() };
        let value = |part: &str| {
            if field.is_integer() { format!("{part}{unsigned} as u64") } else { format!("blocks::word(&{part})") }
        };
        (
            if is_optional {
                format!("{load}.map(|part| {})", value("part"))
            } else {
                format!("Some({})", value(&load))
            },
            size,
        )
    }

    fn event(&self, out: &mut String, rule: &Rule) {
        if let Some(record) = &rule.record {
            self.record(out, rule, record);
        }
        let _ = writeln!(out, "let detail: u8 = {};", self.detail(rule));
        let order_id = if rule.position.is_some() || rule.orders.is_some() {
            let part = |source: &Option<Source>| source.as_ref().map_or("0".into(), |source| self.unsigned(source));
            let (position, orders) = (part(&rule.position), part(&rule.orders));
            let key = format!("blocks::position({position}), blocks::orders({orders})");
            match rule.depth {
                None => format!("Event::level_key({key})"),
                Some((direct, implied)) => format!(
                    "Event::level_key_within({key}, if detail & detail::IMPLIED != 0 {{ {implied} }} else {{ {direct} }})"
                ),
            }
        } else {
            rule.order.as_ref().map_or("0".into(), |source| self.unsigned(source))
        };
        let quantity = rule.quantity.as_ref().map_or("0".into(), |source| self.amount(source));
        let price = rule.price.as_ref().map_or("0".into(), |price| self.price(price));
        let kind = match &rule.kind {
            Choice::Fixed((kind, _)) => format!("EventKind::{}", kind.name().to_uppercase()),
            Choice::Codes(_) => "EventKind(kind as u8)".into(),
        };
        let side = match &rule.side {
            Choice::Fixed((side, _)) => format!("Side({})", side.0),
            Choice::Codes(_) => "Side(side as u8)".into(),
        };
        let mut cold = Vec::new();
        if let Some(source) = &rule.match_id {
            cold.push(format!("match_id: {}", self.unsigned(source)));
        }
        if let Some(source) = &rule.participant {
            let (load, is_optional) = self.load(source);
            cold.push(if is_optional {
                format!("participant: {load}.map(|text| support::participant(text)).unwrap_or_default()")
            } else {
                format!("participant: support::participant({load})")
            });
        }
        if rule.record.is_some() {
            cold.push("record".into());
        }
        let cold = if cold.is_empty() { "cold".into() } else { format!("EventCold {{ {}, ..cold }}", cold.join(", ")) };
        let _ = writeln!(
            out,
            "batch.push(Event {{ order_id: {order_id}, price: {price}, quantity: {quantity}, instrument, kind: {kind}, side: {side}, \
             flags: {}, detail }}, {cold});",
            self.flags(rule),
        );
    }

    fn flags(&self, rule: &Rule) -> String {
        let is_level = |kind: EventKind| matches!(kind, EventKind::LEVEL_SET | EventKind::LEVEL_DELETE);
        let level = match &rule.kind {
            Choice::Fixed((kind, _)) => is_level(*kind),
            Choice::Codes(codes) => {
                let mut meanings = codes.map.iter().map(|(_, meaning)| meaning).chain(codes.other.iter());
                meanings.any(|meaning| meaning.is_some_and(|(kind, _)| is_level(kind)))
            }
        };
        let mut flags = Vec::new();
        match (level, &rule.kind) {
            (true, Choice::Fixed(_)) => flags.push("flags::MBP".to_owned()),
            (true, Choice::Codes(_)) => flags.push(
                "if matches!(EventKind(kind as u8), EventKind::LEVEL_SET | EventKind::LEVEL_DELETE) { flags::MBP } else { 0 }".into(),
            ),
            _ => {}
        }
        match &rule.snapshot {
            Flag::Never => {}
            Flag::Always => flags.push("flags::SNAPSHOT".into()),
            Flag::When(conditions) => {
                flags.push(format!("if {} {{ flags::SNAPSHOT }} else {{ 0 }}", self.all(conditions)))
            }
        }
        if flags.is_empty() {
            "0".into()
        } else {
            flags.iter().map(|flag| format!("({flag})")).collect::<Vec<_>>().join(" | ")
        }
    }

    fn detail(&self, rule: &Rule) -> String {
        let mut bits = rule.detail;
        let mut parts = Vec::new();
        match &rule.kind {
            Choice::Fixed((_, detail)) => bits |= detail,
            Choice::Codes(_) => parts.push("(kind >> 8) as u8".to_owned()),
        }
        match &rule.side {
            Choice::Fixed((_, detail)) => bits |= detail,
            Choice::Codes(_) => parts.push("(side >> 8) as u8".into()),
        }
        match &rule.state {
            None => {}
            Some(Choice::Fixed(state)) => bits |= state.0,
            Some(Choice::Codes(_)) => parts.push("state as u8".into()),
        }
        for (conditions, detail) in &rule.detail_when {
            parts.push(format!("(if {} {{ {detail} }} else {{ 0 }})", self.all(conditions)));
        }
        if bits != 0 || parts.is_empty() {
            parts.push(bits.to_string());
        }
        parts.join(" | ")
    }

    fn record(&self, out: &mut String, rule: &Rule, record: &Record) {
        let kind = match &rule.kind {
            Choice::Fixed((kind, _)) => format!("EventKind::{}", kind.name().to_uppercase()),
            Choice::Codes(_) => "EventKind(kind as u8)".into(),
        };
        let _ = writeln!(out, "let mut record = Record::new({kind}, instrument);");
        for (source, write) in
            [(&record.text, "record.set_text(&text[..])"), (&record.code, "record.code = support::code(&text[..])")]
        {
            let Some(source) = source else { continue };
            let (load, is_optional) = self.text(source);
            let _ = if is_optional {
                writeln!(out, "if let Some(text) = {load} {{ {write} }}")
            } else {
                writeln!(out, "let text = {load};\n{write};")
            };
        }
        for (tag, amount) in &record.values {
            self.push_value(out, &format!("Tag({})", tag.0), amount);
        }
        if let Some((_, amount)) = &record.by {
            self.push_value(out, "Tag(tag as u8)", amount);
        }
        out.push_str("let record = batch.push_record(record);\n");
    }

    fn push_value(&self, out: &mut String, tag: &str, amount: &Amount) {
        let (load, is_optional) = self.load(&amount.source);
        let value = |load: &str| {
            let mantissa = self.signed_of(&amount.source, load);
            match &amount.exponent {
                Some(exponent) => format!("blocks::rescaled({mantissa}, {}, 1_000_000_000)", self.signed(exponent)),
                None => self.times(&mantissa, amount.factor),
            }
        };
        let _ = if is_optional {
            writeln!(out, "if let Some(value) = {load} {{ record.push({tag}, {}) }}", value("value"))
        } else {
            writeln!(out, "record.push({tag}, {});", value(&load))
        };
    }

    fn times(&self, value: &str, factor: u64) -> String {
        if factor == 1 { value.to_owned() } else { format!("{value}.saturating_mul({factor})") }
    }

    /// Source of the time in nanoseconds.
    fn time(&self, source: &Source) -> String {
        let value = self.unsigned(source);
        match self.blocks.field(source).and_then(time_factor) {
            Some(factor) if factor != 1 => format!("{value}.saturating_mul({factor})"),
            _ => value,
        }
    }

    fn all(&self, conditions: &[Condition]) -> String {
        conditions.iter().map(|condition| self.condition(condition)).collect::<Vec<_>>().join(" && ")
    }

    fn condition(&self, condition: &Condition) -> String {
        let (load, is_optional) = self.coded(&condition.source);
        let listed = |codes: &[i128]| {
            let codes: Vec<_> = codes.iter().map(i128::to_string).collect();
            if codes.is_empty() { "false".into() } else { format!("matches!(code, {})", codes.join(" | ")) }
        };
        let (test, absent) = match &condition.test {
            Test::Is(codes) => (listed(codes), false),
            Test::IsNot(codes) => (format!("!{}", listed(codes)), true),
            Test::Bits(bits) => (format!("code as u64 & {bits} != 0"), false),
            Test::NoBits(bits) => (format!("code as u64 & {bits} == 0"), true),
            Test::Null(wanted) => (format!("{{ let _ = code; {} }}", !wanted), *wanted),
        };
        if is_optional {
            format!("{load}.map_or({absent}, |code| {test})")
        } else {
            format!("{{ let code = {load}; {test} }}")
        }
    }

    /// The expression that loads a value, and whether it is an option.
    fn load(&self, source: &Source) -> (String, bool) {
        match source {
            Source::Const(value) => (format!("{value}_i64"), false),
            Source::Field(place, _) => {
                let name = self.blocks.field(source).map(Field::rust_name).unwrap_or_default();
                (format!("{}.{name}()", variable(*place)), self.may_lack(source))
            }
            Source::Data(place, _) => {
                let name = self.blocks.data(source).map(|data| rust_name(&data.name)).unwrap_or_default();
                (format!("{}.{name}()", variable(*place)), false)
            }
        }
    }

    /// As [`load`](Self::load), text as a word.
    fn coded(&self, source: &Source) -> (String, bool) {
        let (load, is_optional) = self.load(source);
        match self.blocks.field(source) {
            Some(field) if !field.is_integer() && is_optional => {
                (format!("{load}.map(|text| blocks::code(&text))"), true)
            }
            Some(field) if !field.is_integer() => (format!("blocks::code(&{load})"), false),
            _ => (load, is_optional),
        }
    }

    fn may_lack(&self, source: &Source) -> bool {
        let Some(field) = self.blocks.field(source) else { return false };
        match source.place() {
            Some(Place::Header) | None => false,
            Some(Place::Level(level)) => field.may_lack(self.blocks.since(level)),
            Some(Place::Via) => field.may_lack(self.blocks.via_since),
        }
    }

    /// Bytes of text, and whether they are an option.
    fn text(&self, source: &Source) -> (String, bool) {
        let (load, is_optional) = self.load(source);
        match self.blocks.field(source) {
            Some(field) if field.kind == Kind::Char && is_optional => (format!("{load}.map(|code| [code])"), true),
            Some(field) if field.kind == Kind::Char => (format!("[{load}]"), false),
            _ => (load, is_optional),
        }
    }

    /// A value as `Option` of its own integer type.
    fn optional(&self, source: &Source) -> String {
        let (load, is_optional) = self.load(source);
        if is_optional { load } else { format!("Some({load})") }
    }

    /// A value as `u64`, null as 0; negative ones as their bits.
    fn unsigned(&self, source: &Source) -> String {
        let (load, is_optional) = self.load(source);
        if is_optional { format!("{load}.map_or(0, |value| value as u64)") } else { format!("({load} as u64)") }
    }

    /// A value as a quantity, null as 0.
    fn amount(&self, source: &Source) -> String {
        let is_unsigned = self.blocks.field(source).is_some_and(Field::is_unsigned);
        if is_unsigned { self.unsigned(source) } else { format!("blocks::amount({})", self.signed(source)) }
    }

    /// A value as `i64`, null as 0.
    fn signed(&self, source: &Source) -> String {
        let (load, is_optional) = self.load(source);
        if is_optional {
            format!("{load}.map_or(0, |value| {})", self.signed_of(source, "value"))
        } else {
            self.signed_of(source, &load)
        }
    }

    fn signed_of(&self, source: &Source, load: &str) -> String {
        match self.blocks.field(source).map(Field::value_type).as_deref() {
            None | Some("i64") => load.to_owned(),
            Some("u64") => format!("support::saturated({load})"),
            Some(_) => format!("i64::from({load})"),
        }
    }

    fn price(&self, price: &Price) -> String {
        match price {
            Price::Scaled { source, factor, null_is_market } => {
                let (load, is_optional) = self.load(source);
                if is_optional {
                    let value = self.times(&self.signed_of(source, "value"), *factor);
                    let null = if *null_is_market { "Event::NO_PRICE" } else { "0" };
                    return format!("{load}.map_or({null}, |value| {value})");
                }
                self.times(&self.signed_of(source, &load), *factor)
            }
            Price::Exponent(source, exponent) => {
                let scale = self.protocol.price_scale;
                format!("blocks::rescaled({}, {}, {scale})", self.signed(source), self.signed(exponent))
            }
        }
    }
}

/// The variable that holds the view of a place.
fn variable(place: Place) -> String {
    match place {
        Place::Header => "header".into(),
        Place::Level(0) => "view".into(),
        Place::Level(level) => format!("entry_{level}"),
        Place::Via => "via".into(),
    }
}
