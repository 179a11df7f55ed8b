//! Meaning: which events a message stands for, and which fields are their parts.

use wirebook_abi::{EventKind, Side, Tag, TradingState, event::detail};

use super::{
    Shared,
    layout::{self, wire_value},
    yaml::{Node, Value},
};
use crate::{
    Error,
    model::{CodeMap, EventRule, Field, Message, RecordRule, SideRule},
};

const KEYS: &[&str] = &[
    "kind",
    "instrument",
    "order",
    "side",
    "quantity",
    "price",
    "match",
    "participant",
    "detail",
    "detail_from",
    "state",
    "when",
    "record",
];

const KINDS: &[EventKind] = &[
    EventKind::ADD,
    EventKind::MODIFY,
    EventKind::REDUCE,
    EventKind::EXECUTE,
    EventKind::DELETE,
    EventKind::LEVEL_SET,
    EventKind::LEVEL_DELETE,
    EventKind::CLEAR,
    EventKind::TRADE,
    EventKind::TRADE_BREAK,
    EventKind::STATUS,
    EventKind::DEFINITION,
    EventKind::STATISTIC,
    EventKind::IMBALANCE,
];

const STATES: &[TradingState] = &[
    TradingState::UNCHANGED,
    TradingState::TRADING,
    TradingState::HALTED,
    TradingState::PAUSED,
    TradingState::QUOTATION,
    TradingState::START_OF_MESSAGES,
    TradingState::START_OF_SYSTEM_HOURS,
    TradingState::START_OF_MARKET_HOURS,
    TradingState::END_OF_MARKET_HOURS,
    TradingState::END_OF_SYSTEM_HOURS,
    TradingState::END_OF_MESSAGES,
];

const DETAILS: &[(&str, u8)] = &[
    ("none", 0),
    ("priced", detail::PRICED),
    ("non_printable", detail::NON_PRINTABLE),
    ("cross", detail::CROSS),
    ("whole_channel", detail::WHOLE_CHANNEL),
    ("remaining", detail::REMAINING),
    ("keeps_priority", detail::KEEPS_PRIORITY),
    ("loses_priority", detail::LOSES_PRIORITY),
    ("put", detail::PUT),
    ("insert", detail::INSERT),
    ("implied", detail::IMPLIED),
    ("through", detail::THROUGH),
    ("onward", detail::ONWARD),
];

const SIDES: &[(&str, Side)] = &[("bid", Side::BID), ("ask", Side::ASK), ("none", Side::NONE)];

/// Most values of a record: the slots that the ABI's record has.
const VALUE_LIMIT: usize = 8;

/// Checks that the fields in the protocol's roles can play them.
pub fn roles(node: &Node, message: &Message) -> Result<(), Error> {
    let refuse = |at: usize, problem: &str, remedy: &str| {
        Err(node.place.error(problem, remedy).in_field(&message.fields[at].name))
    };
    if let Some(at) = message.instrument
        && !(message.fields[at].is_unsigned() && message.fields[at].size <= 4)
    {
        return refuse(at, "cannot be the instrument", "that is an unsigned integer of at most 4 bytes");
    }
    if let Some(at) = message.time {
        let field = &message.fields[at];
        if !(field.is_unsigned() && (field.unit.starts_with("ns_since_midnight") || field.unit == "unix_nanoseconds")) {
            return refuse(at, "cannot be the time", "that is an unsigned integer in nanoseconds");
        }
    }
    match message.symbol {
        Some(at) if !message.fields[at].is_text() => refuse(at, "cannot be the symbol", "that is text"),
        _ => Ok(()),
    }
}

/// Reads a message's events.
pub fn events(node: &Node, message: &Message, shared: &Shared<'_>) -> Result<Vec<EventRule>, Error> {
    let Some(list) = node.get("events") else { return Ok(Vec::new()) };
    let mut events = Vec::new();
    for each in list.list()? {
        let reader = Reader { message, shared, node: each };
        let event = reader.event()?;
        reader.complete(&event, &events)?;
        events.push(event);
    }
    if let Some((_, before)) = events.split_last()
        && before.iter().any(|event| event.when.is_some())
    {
        return Err(list.place.error("when: an event in the middle has a condition", "only the last may have one"));
    }
    Ok(events)
}

struct Reader<'a> {
    message: &'a Message,
    shared: &'a Shared<'a>,
    node: &'a Node,
}

impl Reader<'_> {
    fn event(&self) -> Result<EventRule, Error> {
        self.node.only(KEYS)?;
        let kind_node = self.node.need("kind")?;
        Ok(EventRule {
            kind: named(kind_node, "event kind", KINDS.iter().map(|kind| (kind.name(), *kind)))?,
            of_instrument: self.of_instrument()?,
            order: self.unsigned("order")?,
            side: self.side()?,
            quantity: self.unsigned("quantity")?,
            price: self.price()?,
            match_id: self.unsigned("match")?,
            participant: self.participant()?,
            detail: self.detail()?,
            detail_codes: self.codes("detail_from", |node| named(node, "detail", DETAILS.iter().copied()))?,
            state: self.codes("state", |node| {
                named(node, "trading state", STATES.iter().map(|state| (state.name(), *state)))
            })?,
            when: self.when()?,
            record: self.record()?,
        })
    }

    fn field(&self, at: usize) -> &Field {
        &self.message.fields[at]
    }

    fn role(&self, key: &str) -> Result<Option<usize>, Error> {
        let Some(node) = self.node.get(key) else { return Ok(None) };
        layout::role(node, &self.message.fields, node.text()?, key).map(Some)
    }

    /// The field in a role that takes an unsigned integer.
    fn unsigned(&self, key: &str) -> Result<Option<usize>, Error> {
        let Some(at) = self.role(key)? else { return Ok(None) };
        if self.field(at).is_unsigned() { Ok(Some(at)) } else { self.refuse(at, key, "it must be an unsigned integer") }
    }

    fn refuse<T>(&self, at: usize, key: &str, remedy: &str) -> Result<T, Error> {
        let node = self.node.get(key).unwrap_or(self.node);
        Err(node.place.error(format!("cannot be the {key} of an event"), remedy).in_field(&self.field(at).name))
    }

    fn of_instrument(&self) -> Result<bool, Error> {
        match self.node.get("instrument") {
            None => Ok(self.message.instrument.is_some()),
            Some(node) => named(node, "instrument", [("none", false)].into_iter()),
        }
    }

    fn price(&self) -> Result<Option<usize>, Error> {
        let Some(at) = self.role("price")? else { return Ok(None) };
        let field = self.field(at);
        if !field.is_integer() || field.unit != "price" {
            return self.refuse(at, "price", "it must be an integer of unit price");
        }
        if field.scale != self.shared.price_scale {
            let scale = self.shared.price_scale;
            return self.refuse(at, "price", &format!("its scale must be the protocol's price_scale, {scale}"));
        }
        Ok(Some(at))
    }

    fn participant(&self) -> Result<Option<usize>, Error> {
        match self.role("participant")? {
            Some(at) if !self.field(at).is_text() || self.field(at).size > 4 => {
                self.refuse(at, "participant", "it must be text of at most 4 bytes")
            }
            at => Ok(at),
        }
    }

    fn side(&self) -> Result<SideRule, Error> {
        match self.node.get("side") {
            None => Ok(SideRule::None),
            Some(node) if matches!(node.value, Value::Text(_)) => {
                named(node, "side", [("inherited", ())].into_iter()).map(|()| SideRule::Inherited)
            }
            Some(_) => {
                let codes = self.codes("side", |node| named(node, "side", SIDES.iter().copied()))?;
                Ok(codes.map_or(SideRule::None, SideRule::Codes))
            }
        }
    }

    fn detail(&self) -> Result<u8, Error> {
        let Some(node) = self.node.get("detail") else { return Ok(0) };
        node.list()?.iter().try_fold(0, |bits, each| Ok(bits | named(each, "detail", DETAILS.iter().copied())?))
    }

    /// Reads `key: {field: .., map: {code: meaning}}`.
    fn codes<T>(&self, key: &str, meaning: impl Fn(&Node) -> Result<T, Error>) -> Result<Option<CodeMap<T>>, Error> {
        let Some(node) = self.node.get(key) else { return Ok(None) };
        node.only(&["field", "map"])?;
        let field = self.deciding(node, key)?;
        let mut codes = Vec::new();
        for (code, each) in node.need("map")?.map()? {
            codes.push((self.code(each, field, code)?, meaning(each)?));
        }
        Ok(Some(CodeMap { field, codes }))
    }

    /// Reads `when: {field: .., is: [code, ..]}`.
    fn when(&self) -> Result<Option<CodeMap<()>>, Error> {
        let Some(node) = self.node.get("when") else { return Ok(None) };
        node.only(&["field", "is"])?;
        let field = self.deciding(node, "when")?;
        let mut codes = Vec::new();
        for each in node.need("is")?.list()? {
            codes.push((self.code(each, field, each.text()?)?, ()));
        }
        Ok(Some(CodeMap { field, codes }))
    }

    fn deciding(&self, node: &Node, key: &str) -> Result<usize, Error> {
        let name = node.need("field")?;
        let at = layout::role(name, &self.message.fields, name.text()?, key)?;
        if self.field(at).is_unsigned() {
            Ok(at)
        } else {
            self.refuse(at, key, "it must be a char or unsigned integer")
        }
    }

    /// The wire value of a code, which must be one of the field's code list where it has one.
    fn code(&self, node: &Node, field: usize, code: &str) -> Result<u64, Error> {
        let list = self.field(field).enumeration.map(|at| &self.shared.enums[at]);
        if let Some(list) = list
            && !list.values.iter().any(|(known, _)| known == code)
        {
            let known: Vec<_> = list.values.iter().map(|(known, _)| known.as_str()).collect();
            return Err(node
                .place
                .error(
                    format!("code {code:?} is not in enum {}", list.name),
                    format!("use one of {}, or add it there", known.join(" ")),
                )
                .in_field(&self.field(field).name));
        }
        wire_value(node, self.field(field), code)
    }

    fn record(&self) -> Result<Option<RecordRule>, Error> {
        let Some(node) = self.node.get("record") else { return Ok(None) };
        node.only(&["text", "code", "values"])?;
        let mut record = RecordRule {
            text: self.record_text(node, "text", 32)?,
            code: self.record_text(node, "code", 16)?,
            values: Vec::new(),
        };
        let Some(values) = node.get("values") else { return Ok(Some(record)) };
        for (name, each) in values.map()? {
            let tag = tag(each, name)?;
            let at = layout::role(each, &self.message.fields, each.text()?, name)?;
            let field = self.field(at);
            if !field.is_integer() && field.kind != crate::model::Kind::Char {
                return Err(each
                    .place
                    .error("cannot be a record's value", "use an integer or char")
                    .in_field(&field.name));
            }
            if field.record_factor().is_none() {
                let problem = format!("scale {} does not divide 1e9", field.scale);
                return Err(each.place.error(problem, "leave it out of the record").in_field(&field.name));
            }
            record.values.push((tag, at));
        }
        if record.values.len() > VALUE_LIMIT {
            let problem = format!("a record of {} values", record.values.len());
            return Err(values.place.error(problem, format!("keep at most {VALUE_LIMIT}")));
        }
        Ok(Some(record))
    }

    fn record_text(&self, record: &Node, key: &str, limit: usize) -> Result<Option<usize>, Error> {
        let Some(node) = record.get(key) else { return Ok(None) };
        let at = layout::role(node, &self.message.fields, node.text()?, key)?;
        let field = self.field(at);
        let fits = field.is_text() && field.size <= limit || field.kind == crate::model::Kind::Char && key == "code";
        if fits {
            return Ok(Some(at));
        }
        let remedy = format!("use text of at most {limit} bytes");
        Err(node.place.error(format!("cannot be a record's {key}"), remedy).in_field(&field.name))
    }

    /// Checks that the event has what its kind needs, and nothing that its kind cannot have.
    fn complete(&self, event: &EventRule, before: &[EventRule]) -> Result<(), Error> {
        let refuse = |problem: &str, remedy: &str| {
            Err(self.node.place.error(format!("event {}: {problem}", event.kind.name()), remedy))
        };
        let names_order = (EventKind::ADD..=EventKind::DELETE).contains(&event.kind);
        if names_order && event.order.is_none() {
            return refuse("it names no order", "add order: and the field with its id");
        }
        if event.kind == EventKind::ADD && matches!(event.side, SideRule::None) {
            return refuse("it has no side", "add side: {field: .., map: {code: bid, code: ask}}, or side: inherited");
        }
        let after_delete = before.last().is_some_and(|last| last.kind == EventKind::DELETE);
        if matches!(event.side, SideRule::Inherited) && !after_delete {
            return refuse("there is no side to inherit", "put the delete of the old order just before it");
        }
        if event.kind == EventKind::STATUS {
            if event.detail != 0 || event.detail_codes.is_some() {
                return refuse("a status has no detail", "use state: instead");
            }
        } else if event.state.is_some() {
            return refuse("only a status has a state", "leave state: out");
        }
        if event.kind == EventKind::DEFINITION && event.record.as_ref().is_none_or(|record| record.text.is_none()) {
            return refuse("it names no symbol", "add record: {text: ..} with the field of the symbol");
        }
        if event.when.is_some() && before.is_empty() {
            return refuse("when: the only event has a condition", "only a last event after others may have one");
        }
        Ok(())
    }
}

fn named<T>(node: &Node, what: &str, known: impl Iterator<Item = (&'static str, T)> + Clone) -> Result<T, Error> {
    let text = node.text()?;
    known.clone().find(|(name, _)| *name == text).map(|(_, value)| value).ok_or_else(|| {
        let names: Vec<_> = known.map(|(name, _)| name).collect();
        node.place.error(format!("{what} {text:?} is not known"), format!("use one of {}", names.join(", ")))
    })
}

fn tag(node: &Node, name: &str) -> Result<Tag, Error> {
    Tag::from_name(name).filter(|tag| *tag != Tag::NONE).ok_or_else(|| {
        let known: Vec<_> = Tag::ALL.iter().skip(1).map(|tag| tag.name()).collect();
        node.place.error(format!("record tag {name:?} is not known"), format!("use one of {}", known.join(", ")))
    })
}

/// Checks, over all messages, that each role is played somewhere and that each event group means one message.
pub fn distinct(root: &Node, messages: &[Message]) -> Result<(), Error> {
    for (key, found) in [
        ("instrument", messages.iter().any(|message| message.instrument.is_some())),
        ("time", messages.iter().any(|message| message.time.is_some())),
        ("symbol", messages.iter().any(|message| message.symbol.is_some())),
    ] {
        if let Some(node) = root.get("roles").and_then(|roles| roles.get(key))
            && !found
        {
            let problem = format!("roles: {key} names {}, which no message has", node.text()?);
            return Err(node.place.error(problem, "name a field of the messages, or leave the role out"));
        }
    }
    for (at, message) in messages.iter().enumerate() {
        let same = |other: &&Message| !message.events.is_empty() && message.signature() == other.signature();
        if let Some(other) = messages[..at].iter().find(same) {
            return Err(root
                .place
                .error(
                    format!("means the same events as {}, so that an encoder cannot choose", other.label()),
                    "tell them apart by detail, participant or record values",
                )
                .in_message(message.label()));
        }
    }
    Ok(())
}
