//! Descriptions in YAML to the model. Everything that can be wrong is found here, and named with place and remedy.

mod events;
mod layout;
mod yaml;

use std::path::Path;

use wirebook_abi::Framing;

use crate::{
    Error,
    model::{Enumeration, Message, Protocol},
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
    "clock",
    "timezone",
    "price_scale",
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
    pub instrument: Option<&'a str>,
    pub time: Option<&'a str>,
    pub symbol: Option<&'a str>,
    pub price_scale: u64,
    pub header: &'a [Node],
    pub enums: &'a [Enumeration],
}

/// Reads the description at `path` and those that it extends.
pub fn protocol(path: &Path) -> Result<Protocol, Error> {
    read(&load(path, 0)?)
}

/// The description as one tree, whatever it extends taken in.
fn load(path: &Path, depth: usize) -> Result<Node, Error> {
    let own = yaml::read(path)?;
    own.only(KEYS)?;
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
    merge(load(&base_path, depth + 1)?, &own)
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
            ("messages", Some(Node { value: Value::List(messages), .. })) => messages.extend_from_slice(node.list()?),
            (_, Some(old)) => *old = node.clone(),
            (_, None) => merged.push((key.clone(), node.clone())),
        }
    }
    Ok(Node { place: own.place.clone(), value: Value::Map(merged) })
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
        messages.retain(|message| message.get("type").and_then(|node| node.text().ok()) != Some(text));
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
        ascending_order_ids: root.get("order_ids").map_or(Ok(0), |node| one_of(node, &["any", "ascending"]))? == 1,
        framings: framings(root.need("framings")?)?,
        price_scale,
        instrument_limit,
        symbol_size: 0,
        messages: Vec::new(),
        enums: Vec::new(),
    };
    if !protocol.unix_clock && protocol.timezone.is_empty() {
        return Err(root.place.error("timezone is missing", "a clock from local midnight needs an IANA time zone"));
    }
    let empty = Node { place: root.place.clone(), value: Value::Map(Vec::new()) };
    let roles = root.get("roles").unwrap_or(&empty);
    roles.only(&["instrument", "time", "symbol"])?;
    let role = |key| roles.get(key).map(Node::text).transpose();
    let shared = Shared {
        type_field: root.need("type_field")?.text()?,
        instrument: role("instrument")?,
        time: role("time")?,
        symbol: role("symbol")?,
        price_scale,
        header: root.get("header").map_or(Ok(&[][..]), Node::list)?,
        enums: &enums,
    };
    for node in root.need("messages")?.list()? {
        let message = layout::message(node, &shared)?;
        let label = message.label();
        unique(&message, &protocol.messages)
            .map_err(|problem| node.place.error(problem, "each type and each name stands once").in_message(&label))?;
        one_type_field(&message, &protocol.messages).map_err(|problem| {
            node.place
                .error(problem, "keep it at one place in every message")
                .in_message(&label)
                .in_field(shared.type_field)
        })?;
        protocol.symbol_size = symbol_size(node, &message, &protocol)?;
        protocol.messages.push(message);
    }
    if protocol.messages.is_empty() {
        return Err(root.place.error("messages is empty", "describe at least one message"));
    }
    events::distinct(root, &protocol.messages)?;
    protocol.enums = enums;
    Ok(protocol)
}

fn instrument_limit(root: &Node) -> Result<u32, Error> {
    let Some(node) = root.get("instrument_limit") else { return Ok(0) };
    u32::try_from(node.number()?)
        .map_err(|_| node.place.error("instrument_limit: is over 32 bits", "leave it out where keys may be any"))
}

fn identity(node: &Node) -> Result<String, Error> {
    let text = node.text()?;
    let sound = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || matches!(each, '-' | '.'));
    if sound {
        Ok(text.to_owned())
    } else {
        Err(node.place.error(format!("id: {text:?} is no identity"), "use a-z, 0-9, - and ., a letter first"))
    }
}

/// Index of the node's text among `allowed`.
fn one_of(node: &Node, allowed: &[&str]) -> Result<usize, Error> {
    let text = node.text()?;
    allowed.iter().position(|each| *each == text).ok_or_else(|| {
        node.place.error(format!("{text:?} is not known here"), format!("use one of {}", allowed.join(", ")))
    })
}

const FRAMINGS: [(Framing, &str); 5] = [
    (Framing::MOLDUDP64, "MOLDUDP64"),
    (Framing::LENGTH16, "LENGTH16"),
    (Framing::SOUPBINTCP, "SOUPBINTCP"),
    (Framing::SEQUENCED_UNIT, "SEQUENCED_UNIT"),
    (Framing::CME_PACKET, "CME_PACKET"),
];

/// Names of the ABI's constants for the framings.
fn framings(node: &Node) -> Result<Vec<&'static str>, Error> {
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
    if protocol.symbol_size != 0 && protocol.symbol_size != field.size {
        let (size, other) = (field.size, protocol.symbol_size);
        return error(format!("the symbol has {size} bytes, elsewhere {other}"), "give it one size everywhere");
    }
    Ok(field.size)
}
