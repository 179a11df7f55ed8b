//! Descriptions in YAML to the model. Everything that can be wrong is found here, and named with place and remedy.

pub mod events;
mod layout;
pub mod yaml;

use std::path::Path;

use wirebook_abi::Framing;

use crate::{
    Error,
    model::{Enumeration, InstrumentPart, InstrumentScale, Keys, Message, Protocol},
    support,
};
use yaml::{Node, Value};

const KEYS: &[&str] = &[
    "id",
    "title",
    "extends",
    "without",
    "family",
    "venue",
    "version",
    "byte_order",
    "text",
    "framings",
    "type_field",
    "length_field",
    "longer_messages",
    "clock",
    "timezone",
    "price_scale",
    "instrument_scale",
    "instrument_part",
    "instrument_limit",
    "order_ids",
    "roles",
    "header",
    "messages",
    "enums",
    "about",
];

/// Top-level facts that messages are read with.
pub(crate) struct Shared<'a> {
    pub type_field: &'a str,
    pub length_field: Option<&'a str>,
    pub instrument: Vec<&'a str>,
    pub time: Vec<&'a str>,
    pub seconds: Vec<&'a str>,
    pub symbol: Vec<&'a str>,
    pub price_scale: u64,
    pub instrument_scale: Option<&'a InstrumentScale>,
    pub instrument_part: Option<&'a InstrumentPart>,
    pub order_ids: &'static str,
    pub header: &'a [Node],
    pub enums: &'a [Enumeration],
}

/// Reads the description at `path` and those that it extends.
pub fn protocol(root: &Node) -> Result<Protocol, Error> {
    root.only(KEYS)?;
    read(root)
}

/// The description as one tree, whatever it extends taken in.
pub fn load(path: &Path) -> Result<Node, Error> {
    load_base(path, 0)
}

fn load_base(path: &Path, depth: usize) -> Result<Node, Error> {
    let own = yaml::read(path)?;
    let Some(base) = own.get("extends") else {
        return match own.get("without") {
            Some(without) => Err(without.place.error("without: nothing is extended", "add extends: or leave it out")),
            None => Ok(own),
        };
    };
    let base_path = path.with_file_name(format!("{}.yaml", base.text()?));
    if depth >= 4 || !base_path.exists() {
        return Err(base.place.error(
            format!("extends: {} cannot be read", base_path.display()),
            "name another description of this folder, without .yaml, that does not extend this one",
        ));
    }
    merge(load_base(&base_path, depth + 1)?, &own)
}

/// Lays `own` over `base`: messages are left out and added, code lists replaced one by one, the rest replaced whole.
fn merge(base: Node, own: &Node) -> Result<Node, Error> {
    let mut merged = base.map()?.to_vec();
    for (key, node) in own.map()? {
        let old = merged.iter_mut().find(|(name, _)| name == key).map(|(_, old)| old);
        match (key.as_str(), old) {
            ("extends", _) => {}
            ("without", _) => leave_out(&mut merged, node)?,
            ("enums", Some(Node { value: Value::Map(lists), .. })) => {
                for (name, list) in node.map()? {
                    match lists.iter_mut().find(|(taken, _)| taken == name) {
                        Some((_, old)) => *old = list.clone(),
                        None => lists.push((name.clone(), list.clone())),
                    }
                }
            }
            ("messages", Some(Node { value: Value::List(messages), .. })) => {
                for message in node.list()? {
                    replace_or_add(messages, message);
                }
            }
            // Of two meanings of a message the later one counts.
            ("meaning", Some(Node { value: Value::List(meanings), .. })) => meanings.extend_from_slice(node.list()?),
            (_, Some(old)) => *old = node.clone(),
            (_, None) => merged.push((key.clone(), node.clone())),
        }
    }
    Ok(Node { place: own.place.clone(), value: Value::Map(merged) })
}

/// Adds `own`, in the place of the one with its template id where there is one.
fn replace_or_add(list: &mut Vec<Node>, own: &Node) {
    let text = |node: &Node| node.get("template_id").and_then(|id| id.text().ok().map(str::to_owned));
    let old = text(own).and_then(|own| list.iter_mut().find(|old| text(old).as_ref() == Some(&own)));
    match old {
        Some(old) => *old = own.clone(),
        None => list.push(own.clone()),
    }
}

fn leave_out(merged: &mut [(String, Node)], without: &Node) -> Result<(), Error> {
    let messages = merged.iter_mut().find_map(|(key, node)| match &mut node.value {
        Value::List(messages) if key == "messages" => Some(messages),
        _ => None,
    });
    let messages = messages.ok_or_else(|| without.place.error("without: there are no messages", "leave it out"))?;
    for wanted in without.list()? {
        let text = wanted.text()?;
        let count = messages.len();
        let is_wanted = |message: &Node| {
            let of = message.get("type").or_else(|| message.get("template_id"));
            of.and_then(|node| node.text().ok()) == Some(text)
        };
        messages.retain(|message| !is_wanted(message));
        if messages.len() == count {
            return Err(wanted
                .place
                .error(format!("without: {text} is no type of the extended description"), "name one of its types"));
        }
    }
    Ok(())
}

fn read(root: &Node) -> Result<Protocol, Error> {
    let enums = enumerations(root)?;
    let price_scale = root.get("price_scale").map_or(Ok(1), Node::number)?;
    let instrument_limit = instrument_limit(root)?;
    let id = root.need("id")?;
    let mut protocol = Protocol {
        id: identity(id)?,
        title: root.text_or("title", id.text()?)?,
        family: root.need("family")?.text()?.to_owned(),
        venue: root.need("venue")?.text()?.to_owned(),
        version: root.need("version")?.text()?.to_owned(),
        timezone: root.text_or("timezone", "")?,
        big_endian: one_of(root.need("byte_order")?, &["big", "little"])? == 0,
        unix_clock: one_of(root.need("clock")?, &["unix", "local_midnight"])? == 0,
        order_ids: order_ids(root)?,
        framings: framings(root.need("framings")?)?,
        price_scale,
        instrument_limit,
        instrument_scale: None,
        instrument_part: None,
        accepts_longer: root.get("longer_messages").map_or(Ok(0), |node| one_of(node, &["fault", "accepted"]))? == 1,
        keys: Keys::Numbers,
        symbol_size: 0,
        messages: Vec::new(),
        enums: Vec::new(),
    };
    if !protocol.unix_clock && protocol.timezone.is_empty() {
        return Err(root.place.error("timezone is missing", "a clock from local midnight needs an IANA time zone"));
    }
    let empty = Node { place: root.place.clone(), value: Value::Map(Vec::new()) };
    let roles = root.get("roles").unwrap_or(&empty);
    roles.only(&["instrument", "time", "seconds", "symbol"])?;
    let role = |key| roles.get(key).map_or(Ok(Vec::new()), names);
    let instrument_scale = instrument_scale(root, price_scale)?;
    let instrument_part = instrument_part(root)?;
    let shared = Shared {
        type_field: root.need("type_field")?.text()?,
        length_field: root.get("length_field").map(Node::text).transpose()?,
        instrument: role("instrument")?,
        time: role("time")?,
        seconds: role("seconds")?,
        symbol: role("symbol")?,
        price_scale,
        instrument_scale: instrument_scale.as_ref(),
        instrument_part: instrument_part.as_ref(),
        order_ids: protocol.order_ids,
        header: root.get("header").map_or(Ok(&[][..]), Node::list)?,
        enums: &enums,
    };
    for node in root.need("messages")?.list()? {
        let message = layout::message(node, &shared)?;
        let label = message.label();
        unique(&message, &protocol.messages)
            .map_err(|problem| node.place.error(problem, "each type and each name stands once").in_message(&label))?;
        recognized_type_field(root, &message)?;
        one_type_field(&message, &protocol.messages).map_err(|problem| {
            let remedy = "keep it at one place in every message";
            node.place.error(problem, remedy).in_message(&label).in_field(shared.type_field)
        })?;
        protocol.symbol_size = symbol_size(node, &message, &protocol)?;
        protocol.keys = keys(node, &message, &protocol)?;
        protocol.messages.push(message);
    }
    if protocol.messages.is_empty() {
        return Err(root.place.error("messages is empty", "describe at least one message"));
    }
    events::distinct(root, &protocol.messages)?;
    forms(root, &protocol.messages)?;
    protocol.enums = enums;
    protocol.instrument_scale = instrument_scale;
    protocol.instrument_part = instrument_part;
    Ok(protocol)
}

pub fn instrument_limit(root: &Node) -> Result<u32, Error> {
    let Some(node) = root.get("instrument_limit") else { return Ok(0) };
    u32::try_from(node.number()?)
        .map_err(|_| node.place.error("instrument_limit: is over 32 bits", "leave it out where keys may be any"))
}

const ORDER_IDS: [(&str, &str); 3] = [("any", "ANY"), ("ascending", "ASCENDING"), ("per_side", "PER_SIDE")];

/// Name of the ABI's constant for what order ids promise.
fn order_ids(root: &Node) -> Result<&'static str, Error> {
    let names = ORDER_IDS.map(|(name, _)| name);
    root.get("order_ids").map_or(Ok("ANY"), |node| one_of(node, &names).map(|at| ORDER_IDS[at].1))
}

/// Reads `instrument_part: {field: .., codes: [..]}`.
fn instrument_part(root: &Node) -> Result<Option<InstrumentPart>, Error> {
    let Some(node) = root.get("instrument_part") else { return Ok(None) };
    node.only(&["field", "codes"])?;
    let list = node.need("codes")?;
    let mut codes = Vec::new();
    for code in list.list()? {
        codes.push(code.text()?.to_owned());
    }
    if codes.is_empty() {
        return Err(list.place.error("codes is empty", "list the codes that tell instruments apart"));
    }
    Ok(Some(InstrumentPart { field: node.need("field")?.text()?.to_owned(), codes }))
}

/// Scale of the prices of events, and of records, where instruments have scales of their own.
const FINEST_SCALE: u64 = 1_000_000_000;

/// Reads `instrument_scale: {decimals: field}`, or `{denominator: field}`, with a default.
fn instrument_scale(root: &Node, price_scale: u64) -> Result<Option<InstrumentScale>, Error> {
    let Some(node) = root.get("instrument_scale") else { return Ok(None) };
    node.only(&["decimals", "denominator", "default"])?;
    if price_scale != FINEST_SCALE {
        return Err(node.place.error(
            format!("instrument_scale: with price_scale {price_scale} not every price would be whole"),
            format!("write price_scale: {FINEST_SCALE}"),
        ));
    }
    let (is_denominator, field) = match (node.get("decimals"), node.get("denominator")) {
        (Some(field), None) => (false, field),
        (None, Some(field)) => (true, field),
        _ => return Err(node.place.error("instrument_scale: names no field", "add either decimals: or denominator:")),
    };
    let default = match node.get("default") {
        None => None,
        Some(default) => {
            let number = default.number()?;
            let scale = if is_denominator {
                support::multiplier_of_denominator(number)
            } else {
                support::multiplier_of_decimals(number)
            };
            if scale.is_none() {
                let remedy = "prices have at most nine decimals, and what divides them must divide 1e9";
                return Err(default.place.error(format!("default {number} scales no price"), remedy));
            }
            Some(number)
        }
    };
    Ok(Some(InstrumentScale { field: field.text()?.to_owned(), is_denominator, default }))
}

pub fn identity(node: &Node) -> Result<String, Error> {
    let text = node.text()?;
    let sound = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || matches!(each, '-' | '.'));
    if sound {
        Ok(text.to_owned())
    } else {
        Err(node.place.error(format!("id: {text:?} is no identity"), "use a-z, 0-9, - and ., a letter first"))
    }
}

/// One name, or a list of them.
fn names(node: &Node) -> Result<Vec<&str>, Error> {
    match &node.value {
        Value::List(names) => names.iter().map(Node::text).collect(),
        _ => node.text().map(|name| vec![name]),
    }
}

/// Checks that each message that is a form of another means what that one means.
fn forms(root: &Node, messages: &[Message]) -> Result<(), Error> {
    for message in messages {
        let Some(name) = &message.form_of else { continue };
        let error = |problem: String, remedy: &str| Err(root.place.error(problem, remedy).in_message(message.label()));
        let Some(other) = messages.iter().find(|other| other.name == *name && other.form_of.is_none()) else {
            return error(
                format!("form_of: {name} is no message that is itself no form"),
                "name the message that has the widest fields",
            );
        };
        if message.meaning() != other.meaning() {
            return error(format!("form_of: {name} means other events"), "give both the same events, or leave it out");
        }
    }
    Ok(())
}

/// Index of the node's text among `allowed`.
pub fn one_of(node: &Node, allowed: &[&str]) -> Result<usize, Error> {
    let text = node.text()?;
    allowed.iter().position(|each| *each == text).ok_or_else(|| {
        node.place.error(format!("{text:?} is not known here"), format!("use one of {}", allowed.join(", ")))
    })
}

const FRAMINGS: [(Framing, &str); 13] = [
    (Framing::MOLDUDP64, "MOLDUDP64"),
    (Framing::LENGTH16, "LENGTH16"),
    (Framing::SOUPBINTCP, "SOUPBINTCP"),
    (Framing::SEQUENCED_UNIT, "SEQUENCED_UNIT"),
    (Framing::CME_PACKET, "CME_PACKET"),
    (Framing::CME_TCP, "CME_TCP"),
    (Framing::B3_PACKET, "B3_PACKET"),
    (Framing::MEMX_PACKET, "MEMX_PACKET"),
    (Framing::COINBASE_PACKET, "COINBASE_PACKET"),
    (Framing::DERIBIT_PACKET, "DERIBIT_PACKET"),
    (Framing::OPTIQ_PACKET, "OPTIQ_PACKET"),
    (Framing::SIMBA_PACKET, "SIMBA_PACKET"),
    (Framing::MESSAGE, "MESSAGE"),
];

/// Names of the ABI's constants for the framings.
pub fn framings(node: &Node) -> Result<Vec<&'static str>, Error> {
    let names = FRAMINGS.map(|(framing, _)| framing.name());
    node.list()?.iter().map(|each| one_of(each, &names).map(|at| FRAMINGS[at].1)).collect()
}

fn enumerations(root: &Node) -> Result<Vec<Enumeration>, Error> {
    let Some(lists) = root.get("enums") else { return Ok(Vec::new()) };
    let mut enums = Vec::new();
    for (name, list) in lists.map()? {
        // A list that an extending description sets to null is not this venue's.
        if matches!(list.value, Value::Null) {
            enums.push(Enumeration { name: name.clone(), values: Vec::new() });
            continue;
        }
        let mut values = Vec::new();
        for (code, meaning) in list.map()? {
            values.push((code.clone(), meaning.text()?.to_owned()));
        }
        enums.push(Enumeration { name: name.clone(), values });
    }
    Ok(enums)
}

fn unique(message: &Message, before: &[Message]) -> Result<(), String> {
    for other in before {
        if other.type_value == message.type_value {
            return Err(format!("type {} is already {}'s", message.type_text, other.label()));
        }
        if other.type_name() == message.type_name() {
            return Err(format!("name {} is already {}'s", message.name, other.label()));
        }
    }
    Ok(())
}

/// Inspectors, which have the description alone, know the type by its field's name, or take the first byte.
fn recognized_type_field(root: &Node, message: &Message) -> Result<(), Error> {
    let field = &message.fields[message.type_field];
    if field.name == "message_type" || (field.offset, field.size) == (0, 1) {
        return Ok(());
    }
    let problem = format!("type_field: {} is not the first byte, so that inspectors cannot know it", field.name);
    Err(root.place.error(problem, "name the field message_type"))
}

fn one_type_field(message: &Message, before: &[Message]) -> Result<(), String> {
    let place = |message: &Message| {
        let field = &message.fields[message.type_field];
        (field.offset, field.size, field.kind)
    };
    match before.first() {
        Some(first) if place(first) != place(message) => {
            Err(format!("the type stands elsewhere than in {}", first.label()))
        }
        _ => Ok(()),
    }
}

fn symbol_size(node: &Node, message: &Message, protocol: &Protocol) -> Result<usize, Error> {
    let Some(field) = message.symbol.map(|at| &message.fields[at]) else { return Ok(protocol.symbol_size) };
    let error = |problem: String, remedy: &str| {
        Err(node.place.error(problem, remedy).in_message(message.label()).in_field(&field.name))
    };
    if message.instrument.is_some() && protocol.instrument_limit == 0 {
        return error("symbols are named by instrument".into(), "add instrument_limit: at the top");
    }
    if protocol.symbol_size != 0 && protocol.symbol_size != field.size && !message.has_interned_instrument() {
        let (size, other) = (field.size, protocol.symbol_size);
        return error(format!("the symbol has {size} bytes, elsewhere {other}"), "give it one size everywhere");
    }
    Ok(protocol.symbol_size.max(field.size))
}

/// How messages up to this one name instruments: the widest way is every message's.
fn keys(node: &Node, message: &Message, protocol: &Protocol) -> Result<Keys, Error> {
    let Some(at) = message.instrument else { return Ok(protocol.keys) };
    let field = &message.fields[at];
    let keys = field.keys();
    let before = protocol.messages.iter().filter_map(|other| other.instrument.map(|at| &other.fields[at]));
    for other in before {
        if other.is_text() != field.is_text() || (other.keys() == Keys::Numbers) != (keys == Keys::Numbers) {
            let problem = format!("names instruments otherwise than {} does elsewhere", other.name);
            return Err(node
                .place
                .error(problem, "use either numbers of up to 4 bytes, or wider ones, or text, in all messages")
                .in_message(message.label())
                .in_field(&field.name));
        }
    }
    if keys != Keys::Numbers && protocol.instrument_limit == 0 {
        return Err(node
            .place
            .error("instruments are named by text or wide numbers", "add instrument_limit: how many there can be")
            .in_message(message.label()));
    }
    Ok(protocol.keys.max(keys))
}
