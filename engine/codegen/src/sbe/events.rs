//! Meaning in YAML to the model: names resolved, everything that can be wrong found.

use wirebook_abi::{EventKind, Side, TradingState};

use super::{
    meaning::{
        Amount, Blocks, Choice, Codes, Condition, Flag, Instrument, Meaning, Place, Price, Record, Rule, Source, Test,
        Via,
    },
    model::{Field, Kind, Message, Scaling, Schema},
};
use crate::{
    Error,
    parse::{
        events::{DETAILS, KINDS, SIDES, STATES, named, tag},
        yaml::{Node, Value},
    },
};

const MEANING_KEYS: &[&str] = &["of", "about", "time", "instrument", "last", "snapshot", "events"];
const RULE_KEYS: &[&str] = &[
    "each",
    "via",
    "when",
    "kind",
    "side",
    "detail",
    "detail_when",
    "state",
    "instrument",
    "order",
    "quantity",
    "price",
    "match",
    "position",
    "orders",
    "depth",
    "participant",
    "snapshot",
    "record",
    "about",
];

/// Most values of a record: the slots that the ABI's record has.
const VALUE_LIMIT: usize = 8;

/// Reads what each message means, in the order of the schema's messages.
pub fn meanings(root: &Node, schema: &Schema, price_scale: u64) -> Result<Vec<Option<Meaning>>, Error> {
    let mut meanings = vec![None; schema.messages.len()];
    let roles = Roles::read(root)?;
    for node in root.get("meaning").map_or(Ok(&[][..]), Node::list)? {
        node.only(MEANING_KEYS)?;
        let of = node.need("of")?;
        let ids = if matches!(of.value, Value::List(_)) { of.list()? } else { std::slice::from_ref(of) };
        for id in ids {
            let at = schema.messages.iter().position(|message| Ok(message.template_id) == id.number());
            let Some(at) = at else {
                let problem = format!("of: there is no message {}", id.text()?);
                return Err(id.place.error(problem, "name template ids of this protocol"));
            };
            let message = &schema.messages[at];
            let reader = Reader { schema, message, price_scale, roles: &roles, meaning: node };
            meanings[at] = Some(reader.meaning().map_err(|error| error.in_message(message.label()))?);
        }
    }
    Ok(meanings)
}

/// What a protocol says of all its messages.
struct Roles<'a> {
    instrument: Option<&'a Node>,
    time: Option<&'a Node>,
    last: Option<&'a Node>,
    snapshot: Option<&'a Node>,
}

impl<'a> Roles<'a> {
    fn read(root: &'a Node) -> Result<Self, Error> {
        let roles = root.get("roles");
        if let Some(roles) = roles {
            roles.only(&["instrument", "time"])?;
        }
        let role = |key| roles.and_then(|roles| roles.get(key));
        Ok(Self {
            instrument: role("instrument"),
            time: role("time"),
            last: root.get("last"),
            snapshot: root.get("snapshot"),
        })
    }
}

struct Reader<'a> {
    schema: &'a Schema,
    message: &'a Message,
    price_scale: u64,
    roles: &'a Roles<'a>,
    meaning: &'a Node,
}

impl<'a> Reader<'a> {
    fn meaning(&self) -> Result<Meaning, Error> {
        let root = Scope { reader: self, blocks: Blocks::root(self.schema, self.message) };
        let time = match self.meaning.get("time") {
            Some(node) => Some(root.source(node)?),
            None => self.roles.time.map(|node| root.first_of(node)).transpose()?.flatten(),
        };
        if let Some(field) = time.as_ref().and_then(|time| root.blocks.field(time)) {
            time_factor(field).ok_or_else(|| {
                let place = &self.meaning.get("time").or(self.roles.time).unwrap_or(self.meaning).place;
                place
                    .error("cannot be the time", "that is an integer since 1970 or midnight, with its unit")
                    .in_field(&field.name)
            })?;
        }
        let last = match self.meaning.get("last") {
            Some(node) => root.flag(node, &["always", "never"])?,
            None => self.role_flag(&root, self.roles.last, Flag::Always)?,
        };
        let rules = self.meaning.get("events").map_or(Ok(&[][..]), Node::list)?;
        let rules = rules.iter().map(|node| self.rule(node)).collect::<Result<_, _>>()?;
        Ok(Meaning { time, last, rules })
    }

    /// A flag that the protocol gives by a field: as `default` for messages that do not have it.
    fn role_flag(&self, scope: &Scope<'_>, node: Option<&Node>, default: Flag) -> Result<Flag, Error> {
        let Some(node) = node else { return Ok(default) };
        let field = node.get("field").and_then(|field| field.text().ok());
        if field.is_some_and(|field| scope.blocks.find(field).is_none()) {
            return Ok(default);
        }
        scope.flag(node, &["always", "never"])
    }

    fn rule(&self, node: &Node) -> Result<Rule, Error> {
        node.only(RULE_KEYS)?;
        let each = self.each(node)?;
        let scope = Scope { reader: self, blocks: Blocks::new(self.schema, self.message, &each, None) };
        let via = self.via(node, &scope)?;
        let group = via.as_ref().map(|via| via.group);
        let scope = Scope { reader: self, blocks: Blocks::new(self.schema, self.message, &each, group) };
        let optional = |key| node.get(key).map(|node| scope.integer(node)).transpose();
        let snapshot = match node.get("snapshot").or_else(|| self.meaning.get("snapshot")) {
            Some(node) => scope.flag(node, &["true", "false"])?,
            None => self.role_flag(&scope, self.roles.snapshot, Flag::Never)?,
        };
        let rule = Rule {
            when: node.get("when").map_or(Ok(Vec::new()), |node| scope.conditions(node))?,
            kind: scope.choice(node.need("kind")?, kind)?,
            side: node.get("side").map_or(Ok(Choice::default()), |node| scope.choice(node, side))?,
            detail: node.get("detail").map_or(Ok(0), |node| details(node.list()?))?,
            detail_when: scope.detail_when(node)?,
            state: node.get("state").map(|node| scope.choice(node, state)).transpose()?,
            instrument: scope.instrument(node)?,
            order: optional("order")?,
            quantity: optional("quantity")?,
            price: node.get("price").map(|node| scope.price(node)).transpose()?,
            match_id: optional("match")?,
            position: optional("position")?,
            orders: optional("orders")?,
            depth: depth(node)?,
            participant: scope.participant(node)?,
            snapshot,
            record: node.get("record").map(|node| scope.record(node)).transpose()?,
            each,
            via,
        };
        complete(node, &rule)?;
        Ok(rule)
    }

    fn each(&self, node: &Node) -> Result<Vec<usize>, Error> {
        let Some(path) = node.get("each") else { return Ok(Vec::new()) };
        let mut block = &self.message.block;
        let mut each = Vec::new();
        for name in path.text()?.split('.') {
            let Some(at) = block.groups.iter().position(|group| group.name == name) else {
                let known: Vec<_> = block.groups.iter().map(|group| group.name.as_str()).collect();
                let problem = format!("each: there is no group {name} here");
                return Err(path.place.error(problem, format!("use one of: {}", known.join(", "))));
            };
            each.push(at);
            block = &block.groups[at].block;
        }
        Ok(each)
    }

    fn via(&self, node: &Node, scope: &Scope<'_>) -> Result<Option<Via>, Error> {
        let Some(via) = node.get("via") else { return Ok(None) };
        via.only(&["group", "index"])?;
        let name = via.need("group")?;
        let text = name.text()?;
        let group = self.message.block.groups.iter().position(|group| group.name == text);
        let Some(group) = group.filter(|at| self.message.block.groups[*at].block.is_flat()) else {
            let problem = format!("via: {text} is no group of the root block that has only fields");
            return Err(name.place.error(problem, "name such a group"));
        };
        Ok(Some(Via { group, index: scope.integer(via.need("index")?)? }))
    }
}

/// Reads `depth: {direct: 10, implied: 2}`.
fn depth(rule: &Node) -> Result<Option<(u64, u64)>, Error> {
    let Some(node) = rule.get("depth") else { return Ok(None) };
    node.only(&["direct", "implied"])?;
    let levels = |key| {
        let levels = node.get(key).map_or(Ok(0), Node::number)?;
        if levels <= u64::from(u16::MAX) {
            Ok(levels)
        } else {
            Err(node.place.error(format!("{key} is over 65535"), "write fewer levels"))
        }
    };
    Ok(Some((levels("direct")?, levels("implied")?)))
}

/// What a kind needs, and what it cannot have.
fn complete(node: &Node, rule: &Rule) -> Result<(), Error> {
    let kinds: Vec<EventKind> = match &rule.kind {
        Choice::Fixed((kind, _)) => vec![*kind],
        Choice::Codes(codes) => {
            let other = codes.other.iter().flatten().map(|(kind, _)| *kind);
            codes.map.iter().filter_map(|(_, kind)| kind.map(|(kind, _)| kind)).chain(other).collect()
        }
    };
    for kind in kinds {
        let refuse =
            |problem: &str, remedy: &str| Err(node.place.error(format!("event {}: {problem}", kind.name()), remedy));
        let names_order = (EventKind::ADD..=EventKind::DELETE).contains(&kind);
        let is_level = matches!(kind, EventKind::LEVEL_SET | EventKind::LEVEL_DELETE);
        if names_order && rule.order.is_none() {
            return refuse("it names no order", "add order: and the field with its id");
        }
        if is_level && rule.order.is_some() {
            return refuse("a level has no order id", "use position: and orders:");
        }
        if is_level && rule.position.is_none() && rule.price.is_none() {
            return refuse("it names no level", "add position: or price:");
        }
        if (kind == EventKind::ADD || is_level) && matches!(rule.side, Choice::Fixed((Side::NONE, _))) {
            return refuse("it has no side", "add side:");
        }
        if kind == EventKind::DEFINITION && rule.record.as_ref().is_none_or(|record| record.text.is_none()) {
            return refuse("it names no symbol", "add record: {text: ..} with the field of the symbol");
        }
        if kind != EventKind::STATUS && rule.state.is_some() {
            return refuse("only a status has a state", "leave state: out");
        }
        if matches!(kind, EventKind::STATISTIC | EventKind::IMBALANCE) && rule.record.is_none() {
            return refuse("it says nothing", "add record: with its values");
        }
    }
    Ok(())
}

/// The blocks whose fields a rule can name.
struct Scope<'a> {
    reader: &'a Reader<'a>,
    blocks: Blocks<'a>,
}

impl<'a> Scope<'a> {
    fn unknown(&self, node: &Node, name: &str) -> Error {
        let known = self.blocks.names().join(", ");
        node.place.error(format!("{name} is no field or data here"), format!("use one of: {known}"))
    }

    /// A field or data by name, or `{const: 5}`.
    fn source(&self, node: &Node) -> Result<Source, Error> {
        if let Some(constant) = node.get("const") {
            node.only(&["const"])?;
            let text = constant.text()?;
            return text
                .parse()
                .map(Source::Const)
                .map_err(|_| constant.place.error(format!("{text:?} is no number"), "write digits"));
        }
        let name = node.get("field").unwrap_or(node);
        let text = name.text()?;
        let source = self.blocks.find(text).ok_or_else(|| self.unknown(name, text))?;
        match self.blocks.field(&source).and_then(|field| field.constant.as_ref().map(|constant| (field, constant))) {
            // A constant of the schema is taken as what it stands for.
            Some((_, constant)) => match (constant.parse(), constant.as_bytes()) {
                (Ok(number), _) => Ok(Source::Const(number)),
                (_, [byte]) => Ok(Source::Const(i64::from(*byte))),
                _ => Err(name
                    .place
                    .error(format!("{text} is the constant {constant:?}, which is no number"), "leave it out")),
            },
            None => Ok(source),
        }
    }

    /// The first of the names that is there; nothing where none is.
    fn first_of(&self, node: &Node) -> Result<Option<Source>, Error> {
        let names = if matches!(node.value, Value::List(_)) { node.list()? } else { std::slice::from_ref(node) };
        for name in names {
            if self.blocks.find(name.text()?).is_some() {
                return self.source(name).map(Some);
            }
        }
        Ok(None)
    }

    fn integer(&self, node: &Node) -> Result<Source, Error> {
        let source = self.source(node)?;
        let fits = match &source {
            Source::Const(_) => true,
            Source::Data(..) => false,
            Source::Field(..) => self.blocks.field(&source).is_some_and(Field::is_integer),
        };
        if fits { Ok(source) } else { Err(node.place.error("an integer is wanted here", "name an integer field")) }
    }

    /// A field with codes: an integer, or text of at most 8 bytes.
    fn coded(&self, node: &Node) -> Result<Source, Error> {
        let source = self.source(node)?;
        let is_text = |field: &Field| field.is_text() && field.count == 1 && field.size <= 8;
        match self.blocks.field(&source) {
            Some(field) if is_text(field) => Ok(source),
            _ => self.integer(node),
        }
    }

    fn flag(&self, node: &Node, words: &[&str; 2]) -> Result<Flag, Error> {
        match &node.value {
            Value::Text(text) if text == words[0] => Ok(Flag::Always),
            Value::Text(text) if text == words[1] => Ok(Flag::Never),
            Value::Text(text) => Err(node.place.error(
                format!("{text:?} is not known here"),
                format!("use {}, {} or a condition", words[0], words[1]),
            )),
            _ => self.conditions(node).map(Flag::When),
        }
    }

    fn conditions(&self, node: &Node) -> Result<Vec<Condition>, Error> {
        let list = if matches!(node.value, Value::List(_)) { node.list()? } else { std::slice::from_ref(node) };
        list.iter().map(|node| self.condition(node, &[])).collect()
    }

    fn condition(&self, node: &Node, more: &[&str]) -> Result<Condition, Error> {
        let known: Vec<_> = ["field", "is", "is_not", "bits", "no_bits", "null"].iter().chain(more).copied().collect();
        node.only(&known)?;
        let source = self.coded(node.need("field")?)?;
        let codes = |list: &Node| {
            list.list()?.iter().map(|each| self.code(each, &source, each.text()?)).collect::<Result<_, _>>()
        };
        let test = if let Some(list) = node.get("is") {
            Test::Is(codes(list)?)
        } else if let Some(list) = node.get("is_not") {
            Test::IsNot(codes(list)?)
        } else if let Some(bits) = node.get("bits") {
            Test::Bits(bits.number()?)
        } else if let Some(bits) = node.get("no_bits") {
            Test::NoBits(bits.number()?)
        } else {
            match node.need("null")?.text()? {
                "true" => Test::Null(true),
                "false" => Test::Null(false),
                _ => return Err(node.place.error("null: is true or false", "write one of these")),
            }
        };
        Ok(Condition { source, test })
    }

    fn detail_when(&self, node: &Node) -> Result<Vec<(Vec<Condition>, u8)>, Error> {
        let Some(list) = node.get("detail_when") else { return Ok(Vec::new()) };
        let each = |node: &Node| Ok((vec![self.condition(node, &["detail"])?], details(node.need("detail")?.list()?)?));
        list.list()?.iter().map(each).collect()
    }

    /// One meaning for all, or `{field: .., map: {code: meaning}, other: meaning}`.
    fn choice<T: Clone>(&self, node: &Node, meaning: fn(&Node) -> Result<T, Error>) -> Result<Choice<T>, Error> {
        if matches!(node.value, Value::Map(_)) {
            node.only(&["field", "map", "other"])?;
            return self.codes(node, meaning).map(Choice::Codes);
        }
        meaning(node).map(Choice::Fixed)
    }

    fn codes<T>(&self, node: &Node, meaning: fn(&Node) -> Result<T, Error>) -> Result<Codes<T>, Error> {
        let source = self.coded(node.need("field")?)?;
        let skippable = |node: &Node| match &node.value {
            Value::Text(text) if text == "skip" => Ok(None),
            _ => meaning(node).map(Some),
        };
        let mut map: Vec<(i128, Option<T>)> = Vec::new();
        for (code, each) in node.need("map")?.map()? {
            let value = self.code(each, &source, code)?;
            if map.iter().any(|(before, _)| *before == value) {
                return Err(each
                    .place
                    .error(format!("code {code} stands twice"), "keep one of them, by code or by name"));
            }
            map.push((value, skippable(each)?));
        }
        Ok(Codes { source, map, other: node.get("other").map(skippable).transpose()? })
    }

    /// The wire value of a code, given as itself or by its name in the field's code list.
    fn code(&self, node: &Node, source: &Source, code: &str) -> Result<i128, Error> {
        let field = self.blocks.field(source);
        let enums = &self.reader.schema.enums;
        let own = field.and_then(|field| field.enumeration).map(|at| &enums[at]);
        // Another version of the schema may have a list of this name with more codes.
        let others = enums.iter().filter(|list| own.is_some_and(|own| own.name == list.name));
        let listed = own.into_iter().chain(others).find_map(|list| {
            let values = || list.values.iter();
            values().find(|(known, _)| known == code).or_else(|| values().find(|(_, name)| name == code))
        });
        let list = own.map(|own| &own.values);
        let text = listed.map_or(code, |(code, _)| code.as_str());
        let is_char = field.is_some_and(|field| field.kind == Kind::Char);
        let is_text = field.is_some_and(Field::is_text);
        let number = match text.as_bytes() {
            bytes if is_text => {
                field.filter(|field| bytes.len() <= field.size).map(|_| i128::from(super::blocks::code(bytes)))
            }
            [byte] if is_char => Some(i128::from(*byte)),
            _ if is_char => None,
            _ => text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| i128::from_str_radix(hex, 16).ok()),
        };
        let fits = |number: &i128| is_text || field.is_none_or(|field| range(field).contains(number));
        number.filter(fits).ok_or_else(|| {
            let known = list.into_iter().flatten().map(|(code, name)| format!("{code} ({name})")).collect::<Vec<_>>();
            let error = node
                .place
                .error(format!("{code:?} is no code of this field"), format!("use one of: {}", known.join(", ")));
            field.map_or(error.clone(), |field| error.in_field(&field.name))
        })
    }

    fn instrument(&self, rule: &Node) -> Result<Instrument, Error> {
        let own = rule.get("instrument").or_else(|| self.reader.meaning.get("instrument"));
        let node = match (own, self.reader.roles.instrument) {
            (Some(node), _) => node,
            (None, Some(role)) if role.get("intern").is_none() => {
                let Some(source) = self.first_of(role)? else { return Ok(Instrument::None) };
                return self.keyed(role, vec![source]);
            }
            (None, Some(role)) => role,
            (None, None) => return Ok(Instrument::None),
        };
        if matches!(&node.value, Value::Text(text) if text == "none") {
            return Ok(Instrument::None);
        }
        let Some(parts) = node.get("intern") else { return self.keyed(node, vec![self.source(node)?]) };
        let list = if matches!(parts.value, Value::List(_)) { parts.list()? } else { std::slice::from_ref(parts) };
        if own.is_none() && list.iter().any(|each| each.text().is_ok_and(|name| self.blocks.find(name).is_none())) {
            return Ok(Instrument::None);
        }
        let sources = list.iter().map(|each| self.source(each)).collect::<Result<Vec<_>, _>>()?;
        self.interned(node, sources)
    }

    fn keyed(&self, node: &Node, mut sources: Vec<Source>) -> Result<Instrument, Error> {
        match self.blocks.field(&sources[0]) {
            Some(field) if field.is_integer() && field.size <= 4 => Ok(Instrument::Direct(sources.remove(0))),
            _ => self.interned(node, sources),
        }
    }

    fn interned(&self, node: &Node, mut sources: Vec<Source>) -> Result<Instrument, Error> {
        let size = |source: &Source| self.blocks.field(source).map(|field| field.size);
        let sizes: Option<Vec<usize>> = sources.iter().map(size).collect();
        match sizes {
            Some(sizes) if sizes.iter().sum::<usize>() <= 8 => Ok(Instrument::Words(sources)),
            _ if sources.len() == 1 => Ok(Instrument::Text(sources.remove(0))),
            _ => Err(node.place.error("the fields of an instrument have more than 8 bytes", "intern fewer fields")),
        }
    }

    fn price(&self, node: &Node) -> Result<Price, Error> {
        let is_raw = node.get("raw").is_some_and(|raw| raw.text() == Ok("true"));
        if node.get("field").is_some() {
            node.only(&["field", "raw", "null"])?;
        }
        let null_is_market = match node.get("null").map(Node::text).transpose()? {
            None => false,
            Some("market") => true,
            Some(other) => {
                return Err(node.place.error(format!("null: {other:?} is not known"), "use market, or leave it out"));
            }
        };
        let scaled = |source, factor| Price::Scaled { source, factor, null_is_market };
        let source = self.integer(node)?;
        let Some(field) = self.blocks.field(&source).filter(|_| !is_raw) else { return Ok(scaled(source, 1)) };
        if let Some((Scaling::Exponent, from)) = &field.scaling {
            let exponent = self.blocks.find(from).ok_or_else(|| self.unknown(node, from))?;
            return Ok(Price::Exponent(source, exponent));
        }
        let scale = self.reader.price_scale;
        if field.scaling.is_some() || !scale.is_multiple_of(field.scale) {
            let problem = format!("its scale does not divide the protocol's price_scale, {scale}");
            return Err(node.place.error(problem, "raise price_scale, or take it raw").in_field(&field.name));
        }
        Ok(scaled(source, scale / field.scale))
    }

    fn participant(&self, rule: &Node) -> Result<Option<Source>, Error> {
        let Some(node) = rule.get("participant") else { return Ok(None) };
        let source = self.source(node)?;
        match self.blocks.field(&source) {
            Some(field) if field.is_text() && field.size <= 4 => Ok(Some(source)),
            _ => Err(node.place.error("cannot be a participant", "that is text of at most 4 bytes")),
        }
    }

    fn record(&self, node: &Node) -> Result<Record, Error> {
        node.only(&["text", "code", "values", "by"])?;
        let text = |key: &str| -> Result<Option<Source>, Error> {
            let Some(node) = node.get(key) else { return Ok(None) };
            let source = self.source(node)?;
            let field = self.blocks.field(&source);
            let fits = field.is_none_or(|field| field.is_text() || field.kind == Kind::Char && key == "code");
            if fits && !matches!(source, Source::Const(_)) {
                return Ok(Some(source));
            }
            Err(node.place.error(format!("cannot be a record's {key}"), "name a field of text, or data"))
        };
        let mut record = Record { text: text("text")?, code: text("code")?, values: Vec::new(), by: None };
        if let Some(values) = node.get("values") {
            for (name, each) in values.map()? {
                record.values.push((tag(each, name)?, self.amount(each)?));
            }
        }
        if let Some(by) = node.get("by") {
            by.only(&["field", "map", "other", "value"])?;
            record.by = Some((self.codes(by, |node| tag(node, node.text()?))?, self.amount(by.need("value")?)?));
        }
        let count = record.values.len() + usize::from(record.by.is_some());
        if count > VALUE_LIMIT {
            return Err(node.place.error(format!("a record of {count} values"), format!("keep at most {VALUE_LIMIT}")));
        }
        Ok(record)
    }

    fn amount(&self, node: &Node) -> Result<Amount, Error> {
        let source = self.integer(node)?;
        let Some(field) = self.blocks.field(&source) else { return Ok(Amount { source, factor: 1, exponent: None }) };
        if let Some((Scaling::Exponent, from)) = &field.scaling {
            let exponent = Some(self.blocks.find(from).ok_or_else(|| self.unknown(node, from))?);
            return Ok(Amount { source, factor: 1, exponent });
        }
        let is_price = field.scale != 1 || field.unit == "price" || field.unit == "decimal";
        let factor = match (is_price, time_factor(field)) {
            (true, _) if 1_000_000_000 % field.scale == 0 => 1_000_000_000 / field.scale,
            (true, _) => {
                let problem = format!("scale {} does not divide 1e9", field.scale);
                return Err(node.place.error(problem, "leave it out of the record").in_field(&field.name));
            }
            (false, Some(factor)) => factor,
            (false, None) => 1,
        };
        Ok(Amount { source, factor, exponent: None })
    }
}

/// Values that an integer field can have.
fn range(field: &Field) -> std::ops::RangeInclusive<i128> {
    let bits = 8 * field.value_size().clamp(1, 8) as u32;
    if field.kind == Kind::Signed { -(1 << (bits - 1))..=(1 << (bits - 1)) - 1 } else { 0..=(1 << bits) - 1 }
}

/// Nanoseconds in one unit of a time; `None` for what is no time.
pub fn time_factor(field: &Field) -> Option<u64> {
    if !field.is_integer() {
        return None;
    }
    match field.unit.as_str() {
        "unix_nanoseconds" => Some(1),
        "unix_microseconds" => Some(1_000),
        "unix_milliseconds" => Some(1_000_000),
        "unix_seconds" => Some(1_000_000_000),
        unit if unit.starts_with("ns_since_midnight") => Some(1),
        unit if unit.starts_with("s_since_midnight") => Some(1_000_000_000),
        _ => None,
    }
}

/// Text alone, or the first of a list, and the details behind it.
fn with_details<T>(node: &Node, read: impl Fn(&Node) -> Result<T, Error>) -> Result<(T, u8), Error> {
    match &node.value {
        Value::List(items) => match items.split_first() {
            Some((first, rest)) => Ok((read(first)?, details(rest)?)),
            None => Err(node.place.error("the list is empty", "write what it stands for, then details")),
        },
        _ => Ok((read(node)?, 0)),
    }
}

fn kind(node: &Node) -> Result<(EventKind, u8), Error> {
    let kinds = || KINDS.iter().chain(&[EventKind::END]).map(|kind| (kind.name(), *kind));
    with_details(node, |node| named(node, "event kind", kinds()))
}

fn side(node: &Node) -> Result<(Side, u8), Error> {
    let sides = || SIDES.iter().copied().chain([("inherited", Side::INHERITED)]);
    with_details(node, |node| named(node, "side", sides()))
}

fn state(node: &Node) -> Result<TradingState, Error> {
    named(node, "trading state", STATES.iter().map(|state| (state.name(), *state)))
}

fn details(nodes: &[Node]) -> Result<u8, Error> {
    nodes.iter().try_fold(0, |bits, each| Ok(bits | named(each, "detail", DETAILS.iter().copied())?))
}

impl Source {
    /// The block that the value stands in.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Field(place, _) | Self::Data(place, _) => Some(*place),
            Self::Const(_) => None,
        }
    }
}
