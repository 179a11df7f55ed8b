//! Meaning: which events a message stands for, and which fields are their parts.

use wirebook_abi::{EventKind, Side, Tag, TradingState, event::detail};

use super::{
    Shared,
    layout::{self, wire_value},
    yaml::{Node, Value},
};
use crate::{
    Error,
    model::{CodeMap, Condition, EventRule, Field, GroupEdge, Kind, Message, RecordRule, SideRule, Variant},
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

pub const KINDS: &[EventKind] = &[
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

pub const STATES: &[TradingState] = &[
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

pub const DETAILS: &[(&str, u8)] = &[
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

pub const SIDES: &[(&str, Side)] = &[("bid", Side::BID), ("ask", Side::ASK), ("none", Side::NONE)];

/// Most events of a message that are there at times only: an encoder tries every choice of them.
const CONDITION_LIMIT: usize = 3;

/// Most values of a record: the slots that the ABI's record has.
const VALUE_LIMIT: usize = 8;

/// Checks that the fields in the protocol's roles can play them.
pub fn roles(node: &Node, message: &Message) -> Result<(), Error> {
    let refuse = |at: usize, problem: &str, remedy: &str| {
        Err(node.place.error(problem, remedy).in_field(&message.fields[at].name))
    };
    if let Some(at) = message.instrument
        && !(message.fields[at].is_unsigned() || message.fields[at].is_text())
    {
        return refuse(at, "cannot be the instrument", "that is an unsigned integer or text");
    }
    if let Some(at) = message.time {
        let field = &message.fields[at];
        let is_time = field.unit.starts_with("ns_since") || field.unit == "unix_nanoseconds";
        if !(field.is_unsigned() && is_time) {
            return refuse(at, "cannot be the time", "that is an unsigned integer in nanoseconds");
        }
    }
    if let Some(at) = message.seconds {
        let field = &message.fields[at];
        let is_seconds = field.unit.starts_with("s_since") || field.unit == "unix_seconds";
        if !(field.is_unsigned() && is_seconds) {
            return refuse(at, "cannot be the seconds", "that is an unsigned integer in seconds");
        }
    }
    match message.symbol {
        Some(at) if !message.fields[at].is_text() => refuse(at, "cannot be the symbol", "that is text"),
        _ => Ok(()),
    }
}

/// Reads a message's events.
pub fn events(node: &Node, message: &Message, shared: &Shared<'_>) -> Result<Vec<EventRule>, Error> {
    let Some(list) = node.get("events") else { return Ok(group_end(message).into_iter().collect()) };
    let mut events = Vec::new();
    for each in list.list()? {
        let reader = Reader { message, shared, node: each };
        let event = reader.event()?;
        reader.complete(&event, &events)?;
        events.push(event);
    }
    let conditions = events.iter().filter(|event: &&EventRule| event.when.is_some()).count();
    if conditions > CONDITION_LIMIT {
        let problem = format!("when: {conditions} events have conditions");
        return Err(list.place.error(problem, format!("at most {CONDITION_LIMIT} may")));
    }
    Ok(events)
}

/// What a message that ends a group stands for.
fn group_end(message: &Message) -> Option<EventRule> {
    (message.group_edge == Some(GroupEdge::Ends)).then_some(EventRule {
        kind: EventKind::END,
        of_instrument: false,
        order: None,
        side: SideRule::None,
        quantity: None,
        price: None,
        price_factor: 1,
        match_id: None,
        participant: None,
        detail: 0,
        detail_codes: None,
        state: None,
        when: None,
        record: None,
    })
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
        let price = self.price()?;
        Ok(EventRule {
            kind: named(kind_node, "event kind", KINDS.iter().map(|kind| (kind.name(), *kind)))?,
            of_instrument: self.of_instrument()?,
            order: self.unsigned("order")?,
            side: self.side()?,
            quantity: self.unsigned("quantity")?,
            price: price.map(|(at, _)| at),
            price_factor: price.map_or(1, |(_, factor)| factor),
            match_id: self.match_id()?,
            participant: self.participant()?,
            detail: self.detail()?,
            detail_codes: self.codes("detail_from", |node| named(node, "detail", DETAILS.iter().copied()))?,
            state: match self.fixed_state()? {
                Some(_) => None,
                None => self.codes("state", state)?,
            },
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

    /// The field with the match: an unsigned integer, or bytes that start with one of eight.
    fn match_id(&self) -> Result<Option<usize>, Error> {
        match self.role("match")? {
            Some(at) if self.field(at).kind == Kind::Bytes && self.field(at).size >= 8 => Ok(Some(at)),
            _ => self.unsigned("match"),
        }
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

    /// A price field, and what multiplies it into the protocol's price scale.
    fn price(&self) -> Result<Option<(usize, u64)>, Error> {
        let Some(at) = self.role("price")? else { return Ok(None) };
        let field = self.field(at);
        if !field.is_integer() || !matches!(field.unit.as_str(), "price" | "price_in_cents") {
            return self.refuse(at, "price", "it must be an integer of unit price");
        }
        if field.scaled_by_instrument {
            return Ok(Some((at, 1)));
        }
        let scale = self.shared.price_scale;
        if !scale.is_multiple_of(field.price_scale()) {
            return self.refuse(at, "price", &format!("its scale must divide the protocol's price_scale, {scale}"));
        }
        Ok(Some((at, scale / field.price_scale())))
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

    /// A trading state that the message stands for by itself.
    fn fixed_state(&self) -> Result<Option<TradingState>, Error> {
        match self.node.get("state") {
            Some(node) if matches!(node.value, Value::Text(_)) => state(node).map(Some),
            _ => Ok(None),
        }
    }

    fn detail(&self) -> Result<u8, Error> {
        if let Some(state) = self.fixed_state()? {
            return match self.node.get("detail") {
                Some(node) => Err(node.place.error("a status has no detail", "leave it out")),
                None => Ok(state.0),
            };
        }
        let Some(node) = self.node.get("detail") else { return Ok(0) };
        node.list()?.iter().try_fold(0, |bits, each| Ok(bits | named(each, "detail", DETAILS.iter().copied())?))
    }

    /// Reads `key: {field: .., map: {code: meaning}}`.
    fn codes<T>(&self, key: &str, meaning: impl Fn(&Node) -> Result<T, Error>) -> Result<Option<CodeMap<T>>, Error> {
        let Some(node) = self.node.get(key) else { return Ok(None) };
        node.only(&["field", "mask", "map"])?;
        let field = self.deciding(node, key)?;
        let mask = node.get("mask").map(Node::number).transpose()?;
        let mut codes = Vec::new();
        for (code, each) in node.need("map")?.map()? {
            let value = match mask {
                Some(_) => wire_value(each, self.field(field), code)?,
                None => self.code(each, field, code)?,
            };
            codes.push((value, meaning(each)?));
        }
        Ok(Some(CodeMap { field, mask, codes }))
    }

    /// Reads `when: {field: .., is: [code, ..]}`, or with `is_not`.
    fn when(&self) -> Result<Option<Condition>, Error> {
        let Some(node) = self.node.get("when") else { return Ok(None) };
        node.only(&["field", "is", "is_not"])?;
        let field = self.deciding(node, "when")?;
        let (is_among, list) = match (node.get("is"), node.get("is_not")) {
            (Some(list), None) => (true, list),
            (None, Some(list)) => (false, list),
            _ => return Err(node.place.error("when: compares with nothing", "add either is: or is_not: and a list")),
        };
        let mut values = Vec::new();
        for each in list.list()? {
            values.push(self.code(each, field, each.text()?)?);
        }
        Ok(Some(Condition { field, values, is_among }))
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
        let (text, text_tail) = self.record_texts(node)?;
        let mut record = RecordRule { text, text_tail, code: self.record_text(node, "code", 16)?, values: Vec::new() };
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

    /// The field of the record's text, and a second one behind a dot where two are listed.
    fn record_texts(&self, record: &Node) -> Result<(Option<usize>, Option<usize>), Error> {
        let Some(node) = record.get("text") else { return Ok((None, None)) };
        if matches!(node.value, Value::Text(_)) {
            return Ok((self.record_field(node, "text", 32)?, None));
        }
        let [text, tail] = node.list()? else {
            return Err(node.place.error("text joins two fields", "name one field, or list two"));
        };
        Ok((self.record_field(text, "text", 23)?, self.record_field(tail, "text", 8)?))
    }

    fn record_text(&self, record: &Node, key: &str, limit: usize) -> Result<Option<usize>, Error> {
        record.get(key).map_or(Ok(None), |node| self.record_field(node, key, limit))
    }

    fn record_field(&self, node: &Node, key: &str, limit: usize) -> Result<Option<usize>, Error> {
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
            if self.node.get("detail").is_some() || event.detail_codes.is_some() {
                return refuse("a status has no detail", "use state: instead");
            }
        } else if self.node.get("state").is_some() {
            return refuse("only a status has a state", "leave state: out");
        }
        if event.kind == EventKind::DEFINITION && event.record.as_ref().is_none_or(|record| record.text.is_none()) {
            return refuse("it names no symbol", "add record: {text: ..} with the field of the symbol");
        }
        let names_book = event.of_instrument && matches!(event.side, SideRule::Codes(_));
        if names_order && self.shared.order_ids == "PER_SIDE" && !names_book {
            return refuse("its order is unique only with instrument and side", "add side: {field: .., map: ..}");
        }
        if event.price.is_some_and(|at| self.field(at).scaled_by_instrument) && !event.of_instrument {
            return refuse("the scale of its price is an instrument's", "give the message a field in that role");
        }
        Ok(())
    }
}

fn state(node: &Node) -> Result<TradingState, Error> {
    named(node, "trading state", STATES.iter().map(|state| (state.name(), *state)))
}

pub fn named<T>(node: &Node, what: &str, known: impl Iterator<Item = (&'static str, T)> + Clone) -> Result<T, Error> {
    let text = node.text()?;
    known.clone().find(|(name, _)| *name == text).map(|(_, value)| value).ok_or_else(|| {
        let names: Vec<_> = known.map(|(name, _)| name).collect();
        node.place.error(format!("{what} {text:?} is not known"), format!("use one of {}", names.join(", ")))
    })
}

pub fn tag(node: &Node, name: &str) -> Result<Tag, Error> {
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
        ("seconds", messages.iter().any(|message| message.seconds.is_some())),
        ("symbol", messages.iter().any(|message| message.symbol.is_some())),
    ] {
        if let Some(node) = root.get("roles").and_then(|roles| roles.get(key))
            && !found
        {
            let problem = format!("roles: {key} names {}, which no message has", super::names(node)?.join(", "));
            return Err(node.place.error(problem, "name a field of the messages, or leave the role out"));
        }
    }
    if messages.iter().any(Message::has_time_offset) && messages.iter().all(|message| message.seconds.is_none()) {
        return Err(root.place.error(
            "times count from the last time message, and no message sets the time",
            "add seconds: to roles, with the field of the time message",
        ));
    }
    let edge = |wanted| messages.iter().find(|message| message.group_edge == Some(wanted));
    if let (Some(lone), None) | (None, Some(lone)) = (edge(GroupEdge::Begins), edge(GroupEdge::Ends)) {
        let problem = "group: is begun and never ended, or ended and never begun";
        return Err(root
            .place
            .error(problem, "write group: begins in one message and group: ends in another")
            .in_message(lone.label()));
    }
    for (at, message) in messages.iter().enumerate() {
        let own: Vec<_> = message.variants().iter().map(Variant::signature).collect();
        let same = |other: &&Message| {
            let meant = |variant: &Variant<'_>| own.contains(&variant.signature());
            !message.is_form_of(other) && other.variants().iter().any(meant)
        };
        if let Some(other) = messages[..at].iter().find(same) {
            return Err(root
                .place
                .error(
                    format!("means the same events as {}, so that an encoder cannot choose", other.label()),
                    "tell them apart by detail, participant or record values, or write encode: never in one",
                )
                .in_message(message.label()));
        }
    }
    Ok(())
}
