//! Groups of events to the message that stands for them: the inverse of [`super::decode`].
//!
//! A message has an encoder where its events say all that matters: one event a rule or a group's entry, instruments that are keys
//! themselves, scales that do not change. Rules that say less (entries that refer to others, keys given out as they turn up)
//! never match, and what does not match is refused: an encoder never writes what would read otherwise.

use std::fmt::Write as _;

use wirebook_abi::{EventKind, Side};

use super::{
    Protocol,
    events::time_factor,
    meaning::{Amount, Blocks, Choice, Codes, Condition, Flag, Instrument, Meaning, Place, Price, Rule, Source, Test},
    model::{Block, Field, Kind, Message, Number},
};

/// The trait's `encode`: tries the message that the group came from, then all others.
pub fn dispatch(out: &mut String, protocol: &Protocol) {
    let can: Vec<usize> = (0..protocol.schema.messages.len()).filter(|at| can_encode(protocol, *at)).collect();
    out.push_str(
        "fn encode(group: Group<'_>, _symbols: &mut Symbols, output: &mut [u8]) -> Outcome {\n\
         let first = group.cold.first().map_or(u16::MAX, |cold| cold.message);\n\
         let refused = || Outcome::refused(Status::NOT_ENCODABLE, 0);\n\
         if group.events.is_empty() || group.events.len() != group.cold.len() { return refused() }\n\
         let size: Option<Result<usize, ()>> = match first {\n",
    );
    let call = |at: &usize| format!("encode_{}(&group, output)", protocol.schema.messages[*at].template_id);
    for at in &can {
        let _ = writeln!(out, "{at} => {},", call(at));
    }
    out.push_str("_ => None,\n};\nlet size = size");
    for at in &can {
        let _ = write!(out, "\n.or_else(|| {})", call(at));
    }
    out.push_str(
        ";\nmatch size {\nSome(Ok(size)) => Outcome::ok(size as u32),\nSome(Err(())) => Outcome::refused(Status::NO_ROOM, 0),\n\
         None => refused(),\n}\n}\n",
    );
}

/// The functions that write messages.
pub fn emit(out: &mut String, protocol: &Protocol) {
    for (at, message) in protocol.schema.messages.iter().enumerate() {
        if let (true, Some(meaning)) = (can_encode(protocol, at), &protocol.meanings[at]) {
            Encoder { protocol, message, meaning }.emit(out);
        }
    }
}

fn can_encode(protocol: &Protocol, at: usize) -> bool {
    let (message, Some(meaning)) = (&protocol.schema.messages[at], &protocol.meanings[at]) else { return false };
    let encoder = Encoder { protocol, message, meaning };
    let chunks: Vec<&[Rule]> = meaning.rules.chunk_by(|one, next| one.each == next.each).collect();
    let groups: Vec<_> = chunks.iter().map(|rules| &rules[0].each).collect();
    // Entries are written group by group: each group has its entries from one run of rules.
    let once = groups.iter().enumerate().all(|(at, group)| !groups[..at].contains(group));
    let in_order = groups.windows(2).all(|pair| pair[0] < pair[1]);
    // Without entries it may still end a group of events.
    let may_be_empty = matches!(meaning.last, Flag::When(_)) && meaning.rules.iter().all(|rule| !rule.each.is_empty());
    let of_message = meaning.rules.iter().filter(|rule| rule.each.is_empty());
    let gives = may_be_empty
        || meaning.rules.iter().any(|rule| encoder.can(rule)) && of_message.into_iter().all(|rule| encoder.can(rule));
    once && in_order
        && gives
        && encoder.bits(&meaning.last).is_some()
        && chunks.iter().all(|rules| encoder.are_apart(rules))
}

struct Encoder<'a> {
    protocol: &'a Protocol,
    message: &'a Message,
    meaning: &'a Meaning,
}

/// Codes that a source must have, or must not have, for a rule to apply.
enum Wanted {
    Among(Vec<i128>),
    Without(Vec<i128>),
}

/// One way in which codes give kind, side and details of an event.
struct Way {
    kind: EventKind,
    side: Side,
    detail: u8,
    codes: Vec<(Source, i128)>,
    /// Tag of the record's value that a code names.
    tag: Option<u8>,
}

impl Encoder<'_> {
    fn blocks(&self, rule: &Rule) -> Blocks<'_> {
        Blocks::new(&self.protocol.schema, self.message, &rule.each, None)
    }

    /// Whether what a rule's event says is enough to write what the rule reads.
    fn can(&self, rule: &Rule) -> bool {
        let blocks = self.blocks(rule);
        let is_flat = rule.each.len() < 2 && blocks.levels.iter().skip(1).all(|(block, _)| block.is_flat());
        let is_field = |source: &Source| blocks.field(source).is_some();
        let record = rule.record.as_ref().is_none_or(|record| {
            let amounts =
                || record.values.iter().map(|(_, amount)| amount).chain(record.by.iter().map(|(_, value)| value));
            record.text.iter().chain(&record.code).all(is_field) && amounts().all(|amount| amount.exponent.is_none())
        });
        is_flat
            && record
            && rule.via.is_none()
            && rule.detail_when.is_empty()
            && matches!(rule.instrument, Instrument::None | Instrument::Direct(_))
            && !matches!(rule.price, Some(Price::Exponent(..)))
            && self.bits(&rule.snapshot).is_some()
            && !self.ways(rule).is_empty()
    }

    /// Bits of a field that stand for a flag; nothing where a flag is not that simple.
    fn bits(&self, flag: &Flag) -> Option<Option<(Source, u64)>> {
        match flag {
            Flag::Always | Flag::Never => Some(None),
            Flag::When(conditions) => match conditions.as_slice() {
                [
                    Condition {
                        source: source @ Source::Field(Place::Level(0) | Place::Header, _),
                        test: Test::Bits(bits),
                    },
                ] => Some(Some((source.clone(), *bits))),
                _ => None,
            },
        }
    }

    /// Whether no entry makes two rules give an event.
    fn are_apart(&self, rules: &[Rule]) -> bool {
        if rules.first().is_none_or(|rule| rule.each.is_empty()) {
            // Rules of the message itself give their events together, all of them.
            return rules.len() < 2 || rules.iter().all(|rule| rule.when.is_empty() && self.can(rule));
        }
        let wanted: Vec<_> = rules.iter().map(|rule| self.wanted(rule)).collect();
        let apart = |one: &(Source, Wanted), other: &(Source, Wanted)| {
            one.0 == other.0
                && match (&one.1, &other.1) {
                    (Wanted::Among(one), Wanted::Among(other)) => one.iter().all(|code| !other.contains(code)),
                    (Wanted::Among(one), Wanted::Without(other)) | (Wanted::Without(other), Wanted::Among(one)) => {
                        one.iter().all(|code| other.contains(code))
                    }
                    (Wanted::Without(_), Wanted::Without(_)) => false,
                }
        };
        wanted.iter().enumerate().all(|(at, one)| {
            wanted[..at].iter().all(|other| one.iter().any(|one| other.iter().any(|other| apart(one, other))))
        })
    }

    fn wanted(&self, rule: &Rule) -> Vec<(Source, Wanted)> {
        let mut wanted = Vec::new();
        for condition in &rule.when {
            match &condition.test {
                Test::Is(codes) => wanted.push((condition.source.clone(), Wanted::Among(codes.clone()))),
                Test::IsNot(codes) => wanted.push((condition.source.clone(), Wanted::Without(codes.clone()))),
                _ => {}
            }
        }
        let mut coded = |source: &Source, given: Vec<i128>, skipped: Vec<i128>, other_gives: bool| {
            wanted.push((source.clone(), if other_gives { Wanted::Without(skipped) } else { Wanted::Among(given) }));
        };
        fn split<T>(codes: &Codes<T>) -> (Vec<i128>, Vec<i128>, bool) {
            let (given, skipped): (Vec<_>, Vec<_>) = codes.map.iter().partition(|(_, meaning)| meaning.is_some());
            let values = |codes: Vec<&(i128, Option<T>)>| codes.into_iter().map(|(code, _)| *code).collect();
            (values(given), values(skipped), matches!(codes.other, Some(Some(_))))
        }
        if let Choice::Codes(codes) = &rule.kind {
            let (given, skipped, other) = split(codes);
            coded(&codes.source, given, skipped, other);
        }
        if let Choice::Codes(codes) = &rule.side {
            let (given, skipped, other) = split(codes);
            coded(&codes.source, given, skipped, other);
        }
        wanted
    }

    /// Every way in which codes give the rule's kind, side and details, those that conditions exclude left out.
    fn ways(&self, rule: &Rule) -> Vec<Way> {
        let kinds = alternatives(&rule.kind);
        let sides = alternatives(&rule.side);
        let states = rule.state.as_ref().map_or(vec![(None, None)], |state| {
            alternatives(state).into_iter().map(|(state, code)| (Some(state), code)).collect()
        });
        let tags = match rule.record.as_ref().and_then(|record| record.by.as_ref()) {
            None => vec![(None, None)],
            Some((codes, _)) => {
                let each = alternatives(&Choice::Codes(codes.clone()));
                each.into_iter().map(|(tag, code)| (Some(tag.0), code)).collect()
            }
        };
        let mut ways = Vec::new();
        for ((kind, kind_detail), kind_code) in &kinds {
            for ((side, side_detail), side_code) in &sides {
                for (state, state_code) in &states {
                    for (tag, tag_code) in &tags {
                        let codes: Vec<_> =
                            [kind_code, side_code, state_code, tag_code].into_iter().flatten().cloned().collect();
                        let detail = rule.detail | kind_detail | side_detail | state.map_or(0, |state| state.0);
                        let way = Way { kind: *kind, side: *side, detail, codes, tag: *tag };
                        ways.extend(self.agreeing(rule, way));
                    }
                }
            }
        }
        ways
    }

    /// The way with the codes that conditions ask for; nothing where they contradict each other.
    fn agreeing(&self, rule: &Rule, mut way: Way) -> Option<Way> {
        let code_of = |codes: &[(Source, i128)], source: &Source| {
            codes.iter().find(|(known, _)| known == source).map(|(_, code)| *code)
        };
        let is_contradiction = |codes: &[(Source, i128)]| {
            codes.iter().any(|(source, code)| code_of(codes, source).is_some_and(|first| first != *code))
        };
        for Condition { source, test } in &rule.when {
            let code = code_of(&way.codes, source);
            match (test, code) {
                (Test::Is(codes), Some(code)) if !codes.contains(&code) => return None,
                (Test::IsNot(codes), Some(code)) if codes.contains(&code) => return None,
                (Test::Is(codes), None) => way.codes.push((source.clone(), *codes.first()?)),
                (Test::IsNot(codes), None) if !self.is_role(rule, source) => {
                    way.codes.push((source.clone(), (0..).find(|code| !codes.contains(code))?));
                }
                (Test::Is(_) | Test::IsNot(_), _) => {}
                (Test::Null(false), _) if self.is_role(rule, source) => {}
                // What else an event would have to say is not in it.
                _ => return None,
            }
        }
        (!is_contradiction(&way.codes)).then_some(way)
    }

    /// Whether the event itself says what the source is; the condition then holds for what it may say, or is checked by nobody.
    fn is_role(&self, rule: &Rule, source: &Source) -> bool {
        let price = matches!(&rule.price, Some(Price::Scaled { source: own, .. }) if own == source);
        let roles = [&rule.order, &rule.quantity, &rule.match_id];
        price || roles.into_iter().flatten().any(|own| own == source)
    }

    fn emit(&self, out: &mut String) {
        let schema = &self.protocol.schema;
        let header = schema.header_size();
        let fixed = header + self.message.block.length;
        let id = self.message.template_id;
        for (at, rule) in self.meaning.rules.iter().enumerate() {
            if self.can(rule) {
                self.rule(out, at, rule);
            }
        }
        let _ = write!(
            out,
            "fn encode_{id}(group: &Group<'_>, output: &mut [u8]) -> Option<Result<usize, ()>> {{\n\
             let (mut events, last, ended) = blocks::events(group)?;\n\
             let mut at = 0;\n\
             let Some(mut writer) = blocks::Writer::new(output, {header}, {fixed}) else {{ return Some(Err(())) }};\n"
        );
        self.header(out);
        self.defaults(out, &self.message.block, "writer.root()", header);
        self.time(out);
        match self.bits(&self.meaning.last) {
            Some(Some((source, bits))) => {
                let (offset, size) = self.root_place(&source);
                let _ =
                    writeln!(out, "if last {{ writer.set_bits::<{}>({offset}, {size}, {bits})? }}", schema.big_endian);
            }
            _ if matches!(self.meaning.last, Flag::Never) => out.push_str("if last || ended { return None }\n"),
            _ => out.push_str("if !last || ended { return None }\n"),
        }
        let mut first = 0;
        let mut next_group = 0;
        for rules in self.meaning.rules.chunk_by(|one, next| one.each == next.each) {
            match rules[0].each.as_slice() {
                [] => self.message_rules(out, rules, first),
                [group, ..] => {
                    self.empty_groups(out, next_group, *group);
                    next_group = group + 1;
                    self.entries(out, *group, rules, first);
                }
            }
            first += rules.len();
        }
        self.empty_groups(out, next_group, self.message.block.groups.len());
        for data in &self.message.block.data {
            let _ = writeln!(out, "if writer.zeros({}).is_none() {{ return Some(Err(())) }}", data.head_size);
        }
        out.push_str("if !events.is_empty() { return None }\nSome(Ok(writer.size()))\n}\n\n");
    }

    fn header(&self, out: &mut String) {
        let schema = &self.protocol.schema;
        let id = self.message.schema_id.or(schema.schema_id);
        // The newest version described, so that every part is there.
        let newest = schema.messages.iter().map(|message| newest(&message.block)).max().unwrap_or(0);
        let (first, last) = self.protocol.versions;
        let version = schema.version.unwrap_or(0).max(newest).clamp(first, last);
        let mut store = |number: Option<Number>, value: u64| {
            if let Some(Number { offset, size }) = number {
                let _ = writeln!(out, "writer.store_root::<{}>({offset}, {size}, {value})?;", schema.big_endian);
            }
        };
        store(schema.block_length(), self.message.block.length as u64);
        store(schema.template_id(), self.message.template_id);
        store(schema.schema_number(), id.unwrap_or(0));
        store(schema.version_number(), version);
    }

    /// Writes null where fields can be null.
    fn defaults(&self, out: &mut String, block: &Block, target: &str, base: usize) {
        for field in block.fields.iter().filter(|field| field.constant.is_none()) {
            if let (Some(null), true) = (field.null, field.is_integer()) {
                let (offset, size) = (base + field.offset, field.size);
                let big_endian = self.protocol.schema.big_endian;
                let _ =
                    writeln!(out, "blocks::store::<{big_endian}>({target}, {offset}, {size}, {null}_u64 as i128)?;");
            }
        }
    }

    fn time(&self, out: &mut String) {
        out.push_str("let time = group.cold.first()?.ts_event_ns;\nif group.cold.iter().any(|cold| cold.ts_event_ns != time) { return None }\n");
        let blocks = Blocks::root(&self.protocol.schema, self.message);
        let source = self.meaning.time.as_ref();
        let Some((source, field)) = source.and_then(|source| Some((source, blocks.field(source)?))) else {
            out.push_str("if time != 0 { return None }\n");
            return;
        };
        let factor = time_factor(field).unwrap_or(1);
        let (offset, _) = self.root_place(source);
        let _ = writeln!(
            out,
            "if time % {factor} != 0 {{ return None }}\nlet value = i128::from(time / {factor});\n{}",
            self.checked_store(field, "writer.root()", offset, "value")
        );
    }

    /// Where a field of the root or header stands in the message, and its bytes.
    fn root_place(&self, source: &Source) -> (usize, usize) {
        let schema = &self.protocol.schema;
        match *source {
            Source::Field(Place::Header, at) => (schema.header[at].offset, schema.header[at].size),
            Source::Field(_, at) => {
                let field = &self.message.block.fields[at];
                (schema.header_size() + field.offset, field.size)
            }
            _ => (0, 0),
        }
    }

    /// Stores `value`, an `i128`, where it fits the field and is not its null.
    fn checked_store(&self, field: &Field, target: &str, offset: usize, value: &str) -> String {
        let bits = 8 * field.size as u32;
        let (low, high): (i128, i128) =
            if field.kind == Kind::Signed { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) };
        let null = field.null.map_or(String::new(), |null| {
            format!("if {value} == {}_i128 {{ return None }}\n", super::shown_null(field, null))
        });
        format!(
            "if !({low}_i128..={high}_i128).contains(&{value}) {{ return None }}\n{null}\
             blocks::store::<{}>({target}, {offset}, {}, {value})?;\n",
            self.protocol.schema.big_endian, field.size
        )
    }

    /// Rules of the message itself: each takes one event.
    fn message_rules(&self, out: &mut String, rules: &[Rule], first: usize) {
        for (at, rule) in rules.iter().enumerate() {
            let _ = write!(
                out,
                "if let [event, rest @ ..] = events {{\nlet (root, _) = writer.split(0);\n\
                 rule_{id}_{at}(group, at, event, last, root, &mut [])?;\nevents = rest;\nat += 1;\n}}{missing}\n",
                id = self.message.template_id,
                at = first + at,
                // Only a rule with conditions may have given no event.
                missing =
                    if rule.when.is_empty() { " else { return None }" } else { " else if !ended { return None }" },
            );
        }
    }

    fn empty_groups(&self, out: &mut String, from: usize, to: usize) {
        for group in &self.message.block.groups[from..to.max(from)] {
            let dimension = &group.dimension;
            let _ = writeln!(
                out,
                "if writer.dimension::<{}>({}, {}, {}, {}).is_none() {{ return Some(Err(())) }}",
                self.protocol.schema.big_endian,
                dimension.size,
                dimension.block_length.offset,
                dimension.block_length.size,
                group.block.length
            );
        }
    }

    /// Entries of a group: each event that one of the rules stands for is one.
    fn entries(&self, out: &mut String, group: usize, rules: &[Rule], first: usize) {
        self.empty_groups(out, group, group + 1);
        let group = &self.message.block.groups[group];
        let (big_endian, dimension, length) = (self.protocol.schema.big_endian, &group.dimension, group.block.length);
        let limit = u64::MAX >> (64 - 8 * dimension.count.size.min(8));
        let _ = write!(
            out,
            "let dimension = writer.size() - {};\nlet mut count = 0_u64;\nwhile let [event, rest @ ..] = events {{\n\
             if writer.zeros({length}).is_none() {{ return Some(Err(())) }}\nlet (root, entry) = writer.split({length});\n",
            dimension.size
        );
        self.defaults(out, &group.block, "entry", 0);
        out.push_str("let taken = None::<()>");
        for (at, rule) in rules.iter().enumerate() {
            if self.can(rule) {
                let id = self.message.template_id;
                let _ = write!(out, ".or_else(|| rule_{id}_{}(group, at, event, last, root, entry))", first + at);
            }
        }
        let _ = write!(
            out,
            ";\nif taken.is_none() {{ writer.back({length}); break }}\nevents = rest;\nat += 1;\ncount += 1;\n}}\n\
             if count > {limit} {{ return None }}\nwriter.store_at::<{big_endian}>(dimension + {}, {}, count)?;\n",
            dimension.count.offset, dimension.count.size
        );
    }

    /// The function that writes what a rule's event says into its entry and the root block; nothing where it is not the rule's.
    fn rule(&self, out: &mut String, at: usize, rule: &Rule) {
        let _ = write!(
            out,
            "fn rule_{}_{at}(group: &Group<'_>, at: usize, event: &Event, last: bool, root: &mut [u8], entry: &mut [u8]) -> Option<()> {{\n\
             let cold = group.cold.get(at)?;\nlet is_first = at == 0;\n",
            self.message.template_id
        );
        let writer = RuleWriter { encoder: self, blocks: self.blocks(rule), rule };
        // What it is not is told before anything is written: the next rule may be tried on the same entry.
        writer.refusals(out);
        writer.ways(out);
        writer.roles(out);
        writer.record(out);
        out.push_str("Some(())\n}\n\n");
    }
}

/// Meanings that codes have, each with the first code that has it.
fn alternatives<T: Clone + PartialEq>(choice: &Choice<T>) -> Vec<(T, Option<(Source, i128)>)> {
    match choice {
        Choice::Fixed(meaning) => vec![(meaning.clone(), None)],
        Choice::Codes(codes) => {
            let mut known: Vec<(T, Option<(Source, i128)>)> = Vec::new();
            for (code, meaning) in &codes.map {
                if let Some(meaning) = meaning {
                    known.push((meaning.clone(), Some((codes.source.clone(), *code))));
                }
            }
            known
        }
    }
}

/// First version that has all of a block.
fn newest(block: &Block) -> u64 {
    let fields = block.fields.iter().map(|field| field.since);
    let groups = block.groups.iter().map(|group| group.since.max(newest(&group.block)));
    fields.chain(groups).chain(block.data.iter().map(|data| data.since)).max().unwrap_or(0)
}

/// Writes the function of one rule.
struct RuleWriter<'a> {
    encoder: &'a Encoder<'a>,
    blocks: Blocks<'a>,
    rule: &'a Rule,
}

impl RuleWriter<'_> {
    fn refusals(&self, out: &mut String) {
        let rule = self.rule;
        let is_level = rule.position.is_some() || rule.orders.is_some() || rule.depth.is_some();
        let zero = |out: &mut String, is_there: bool, value: &str, none: &str| {
            if !is_there {
                let _ = writeln!(out, "if {value} != {none} {{ return None }}");
            }
        };
        if is_level {
            zero(out, rule.position.is_some(), "event.level_position()", "0");
            zero(out, rule.orders.is_some(), "event.level_orders()", "0");
            let (direct, implied) = rule.depth.unwrap_or((0, 0));
            let _ = writeln!(
                out,
                "if u64::from(event.level_depth()) != if event.detail & detail::IMPLIED != 0 {{ {implied} }} else {{ {direct} }} {{ return None }}"
            );
        } else {
            zero(out, rule.order.is_some(), "event.order_id", "0");
        }
        zero(out, rule.quantity.is_some(), "event.quantity", "0");
        zero(out, rule.price.is_some(), "event.price", "0");
        zero(out, rule.match_id.is_some(), "cold.match_id", "0");
        zero(out, rule.participant.is_some(), "cold.participant", "[0; 4]");
        zero(out, rule.record.is_some(), "cold.record", "0");
        zero(out, !matches!(rule.instrument, Instrument::None), "event.instrument", "Event::NO_INSTRUMENT");
        self.flags(out);
        if rule.record.is_some() {
            out.push_str("let record = support::record(group, at);\nif record.kind != event.kind { return None }\n");
        }
    }

    fn flags(&self, out: &mut String) {
        out.push_str(
            "let level = if matches!(event.kind, EventKind::LEVEL_SET | EventKind::LEVEL_DELETE) { flags::MBP } else { 0 };\n\
             let snapshot = event.flags & flags::SNAPSHOT != 0;\n\
             if event.flags & !(flags::LAST | flags::SNAPSHOT) != level { return None }\n",
        );
        match self.encoder.bits(&self.rule.snapshot) {
            Some(Some((source, bits))) => {
                let (offset, size) = self.encoder.root_place(&source);
                let big_endian = self.encoder.protocol.schema.big_endian;
                let _ = write!(
                    out,
                    "let flagged = blocks::load::<{big_endian}>(root, {offset}, {size})? & {bits} != 0;\n\
                     if !is_first && flagged != snapshot {{ return None }}\n\
                     if snapshot {{ blocks::set_bits::<{big_endian}>(root, {offset}, {size}, {bits})? }}\n"
                );
            }
            _ if matches!(self.rule.snapshot, Flag::Always) => out.push_str("if !snapshot { return None }\n"),
            _ => out.push_str("if snapshot { return None }\n"),
        }
    }

    fn ways(&self, out: &mut String) {
        for way in self.encoder.ways(self.rule) {
            let tag = way.tag.map_or(String::new(), |tag| format!(" && record.get(Tag({tag})).is_some()"));
            let _ = writeln!(
                out,
                "if event.kind == EventKind({}) && event.side == Side({}) && event.detail == {}{tag} {{",
                way.kind.0, way.side.0, way.detail
            );
            for (source, code) in &way.codes {
                self.code(out, source, *code);
            }
            if let (Some(tag), Some((_, amount))) =
                (way.tag, self.rule.record.as_ref().and_then(|record| record.by.as_ref()))
            {
                self.amount(out, &format!("Tag({tag})"), amount);
            }
            out.push_str("} else ");
        }
        out.push_str("{ return None }\n");
    }

    fn code(&self, out: &mut String, source: &Source, code: i128) {
        let Some(field) = self.blocks.field(source) else { return };
        if field.is_integer() {
            self.store(out, source, &format!("{code}_i128"));
        } else {
            // A word's bytes from the lowest on are the text.
            let text: Vec<u8> = (code as u64).to_le_bytes().into_iter().take_while(|byte| *byte != 0).collect();
            self.store_text(out, source, field, &format!("b\"{}\"", text.escape_ascii()));
        }
    }

    fn roles(&self, out: &mut String) {
        let rule = self.rule;
        if let Instrument::Direct(source) = &rule.instrument {
            let field = self.blocks.field(source);
            let is_nullable = field.is_some_and(|field| field.null.is_some());
            let bits = field.map_or(32, |field| 8 * field.size);
            let kind = if field.is_some_and(|field| field.kind == Kind::Signed) { "i" } else { "u" };
            // Narrower keys are widened as they are read, with their sign.
            let _ = writeln!(
                out,
                "let key = event.instrument as {kind}{bits};\nif key as u32 != event.instrument {{ return None }}"
            );
            if is_nullable {
                out.push_str("if event.instrument != Event::NO_INSTRUMENT {\n");
            } else {
                out.push_str("if event.instrument == Event::NO_INSTRUMENT { return None }\n{\n");
            }
            self.store(out, source, "i128::from(key)");
            out.push_str("}\n");
        }
        let unsigned = [
            (&rule.order, "event.order_id"),
            (&rule.quantity, "event.quantity"),
            (&rule.match_id, "cold.match_id"),
            (&rule.position, "event.level_position()"),
            (&rule.orders, "event.level_orders()"),
        ];
        for (source, value) in unsigned {
            let Some(source) = source else { continue };
            let is_signed =
                self.blocks.field(source).is_some_and(|field| field.kind == Kind::Signed && field.size == 8);
            // Ids of 64 signed bits are read as their bits.
            let is_id = matches!(value, "event.order_id" | "cold.match_id");
            let value = if is_signed && is_id {
                format!("i128::from({value}.cast_signed())")
            } else {
                format!("i128::from({value})")
            };
            self.store(out, source, &value);
        }
        if let Some(Price::Scaled { source, factor, null_is_market }) = &rule.price {
            let is_nullable = self.blocks.field(source).is_some_and(|field| field.null.is_some());
            if *null_is_market && is_nullable {
                out.push_str("if event.price != Event::NO_PRICE {\n");
            } else {
                out.push_str("{\n");
            }
            let _ = writeln!(out, "if event.price % {factor} != 0 {{ return None }}");
            self.store(out, source, &format!("i128::from(event.price / {factor})"));
            out.push_str("}\n");
        }
        if let Some(source) = &rule.participant
            && let Some(field) = self.blocks.field(source)
        {
            self.store_text(out, source, field, "&cold.participant");
        }
    }

    fn record(&self, out: &mut String) {
        let Some(record) = &self.rule.record else { return };
        let count = record.values.len() + usize::from(record.by.is_some());
        let _ = writeln!(out, "let mut found = {}_usize;", usize::from(record.by.is_some()));
        for (tag, amount) in &record.values {
            let tag = format!("Tag({})", tag.0);
            let is_optional = self.blocks.field(&amount.source).is_some_and(|field| field.null.is_some());
            let _ = writeln!(out, "if record.get({tag}).is_some() {{\nfound += 1;");
            self.amount(out, &tag, amount);
            out.push_str(if is_optional { "}\n" } else { "} else { return None }\n" });
        }
        let _ = writeln!(out, "if usize::from(record.count) != found || found > {count} {{ return None }}");
        for (source, value) in [(&record.text, "record.text"), (&record.code, "record.code")] {
            match source.as_ref().and_then(|source| Some((source, self.blocks.field(source)?))) {
                Some((source, field)) => self.store_text(out, source, field, &format!("&{value}")),
                None => {
                    let _ = writeln!(out, "if {value}.iter().any(|byte| *byte != 0) {{ return None }}");
                }
            }
        }
    }

    fn amount(&self, out: &mut String, tag: &str, amount: &Amount) {
        let factor = amount.factor;
        let _ = writeln!(out, "let value = record.get({tag})?;\nif value % {factor} != 0 {{ return None }}");
        self.store(out, &amount.source, &format!("i128::from(value / {factor})"));
    }

    /// Stores an `i128` at a source; a constant, and a field of the message that another event wrote, must be that already.
    fn store(&self, out: &mut String, source: &Source, value: &str) {
        match (source, self.blocks.field(source)) {
            (Source::Const(constant), _) => {
                let _ = writeln!(out, "if {value} != {constant}_i128 {{ return None }}");
            }
            (Source::Field(Place::Level(1), _), Some(field)) => {
                let _ = write!(
                    out,
                    "{{\nlet value: i128 = {value};\n{}}}\n",
                    self.encoder.checked_store(field, "entry", field.offset, "value")
                );
            }
            (_, Some(field)) => {
                let (offset, size) = self.encoder.root_place(source);
                let big_endian = self.encoder.protocol.schema.big_endian;
                let mask = u64::MAX >> (64 - 8 * size.clamp(1, 8));
                let _ = write!(
                    out,
                    "{{\nlet value: i128 = {value};\n\
                     if !is_first && blocks::load::<{big_endian}>(root, {offset}, {size})? != value as u64 & {mask} {{ return None }}\n{}}}\n",
                    self.encoder.checked_store(field, "root", offset, "value")
                );
            }
            (_, None) => out.push_str("return None;\n"),
        }
    }

    fn store_text(&self, out: &mut String, source: &Source, field: &Field, text: &str) {
        let (target, offset) = match source {
            Source::Field(Place::Level(1), _) => ("entry", field.offset),
            _ => ("root", self.encoder.root_place(source).0),
        };
        let padding = if field.kind == Kind::Ascii { 32 } else { 0 };
        let _ = writeln!(out, "blocks::store_text({target}, {offset}, {}, {text}, {padding})?;", field.size);
    }
}
