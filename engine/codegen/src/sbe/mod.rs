//! Protocols in Simple Binary Encoding (family `sbe`): layouts from YAML or from a venue's XML, meaning from YAML.

#[allow(dead_code, reason = "compiled here so that it is checked and tested; plugins get its text")]
mod blocks;
mod decode;
mod describe;
mod encode;
mod events;
mod meaning;
pub mod model;
mod page;
mod table;
#[cfg(test)]
mod tests;
mod views;
mod xml;
mod yaml;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use wirebook_abi::Description;

use crate::{
    Error,
    parse::{
        self,
        yaml::{Node, Value},
    },
};

use meaning::{Instrument, Meaning};
use model::{Field, Kind, Schema};
pub use page::page;

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
    "clock",
    "timezone",
    "price_scale",
    "instrument_limit",
    "order_ids",
    "about",
    "schema",
    "schema_id",
    "schema_version",
    "versions",
    "message_header",
    "dimensions",
    "messages",
    "enums",
    "roles",
    "last",
    "snapshot",
    "meaning",
    "fields",
    // For readers: what a sheet of facts says of packets and sources.
    "framing",
    "source",
    "prices",
    "confidence",
    "packet_header",
    "packet_header_udp",
    "packet_header_tcp",
    "message_framing",
    "framing_header",
    "sequenced_payload",
    "incremental_header",
    "templates_without_layout",
];

/// A protocol as the emitters see it.
#[derive(Debug)]
pub struct Protocol {
    pub id: String,
    pub title: String,
    pub venue: String,
    pub version: String,
    pub timezone: String,
    pub unix_clock: bool,
    pub order_ids: &'static str,
    pub framings: Vec<&'static str>,
    pub price_scale: u64,
    pub instrument_limit: u32,
    pub schema: Schema,
    /// First and last version of the schema that are taken.
    pub versions: (u64, u64),
    /// By message.
    pub meanings: Vec<Option<Meaning>>,
    /// Files that were read beside the description.
    pub inputs: Vec<PathBuf>,
}

/// Reads a description whose family is `sbe`.
pub fn protocol(root: &Node) -> Result<Protocol, Error> {
    root.only(KEYS)?;
    let id = root.need("id")?;
    let unix_clock = parse::one_of(root.need("clock")?, &["unix", "local_midnight"])? == 0;
    let timezone = root.text_or("timezone", "")?;
    if !unix_clock && timezone.is_empty() {
        return Err(root.place.error("timezone is missing", "a clock from local midnight needs an IANA time zone"));
    }
    let order_ids = match root.get("order_ids") {
        None => "ANY",
        Some(node) => ["ANY", "ASCENDING", "PER_SIDE"][parse::one_of(node, &["any", "ascending", "per_side"])?],
    };
    let mut inputs = Vec::new();
    let schema = schema(root, &mut inputs)?;
    complete(root, &schema)?;
    let price_scale = root.get("price_scale").map_or(Ok(1_000_000_000), Node::number)?;
    let meanings = events::meanings(root, &schema, price_scale)?;
    Ok(Protocol {
        id: parse::identity(id)?,
        title: root.text_or("title", id.text()?)?,
        venue: root.need("venue")?.text()?.to_owned(),
        version: root.need("version")?.text()?.to_owned(),
        timezone,
        unix_clock,
        order_ids,
        framings: parse::framings(root.need("framings")?)?,
        price_scale,
        instrument_limit: parse::instrument_limit(root)?,
        schema,
        versions: versions(root)?,
        meanings,
        inputs,
    })
}

/// The layout: of the description itself, or of the venue's XML that it names.
fn schema(root: &Node, inputs: &mut Vec<PathBuf>) -> Result<Schema, Error> {
    let Some(named) = root.get("schema") else { return yaml::schema(root) };
    for key in ["byte_order", "dimensions", "messages"] {
        if let Some(node) = root.get(key) {
            let problem = format!("{key}: stands beside schema:");
            return Err(node.place.error(problem, "the layout comes from one of them: leave the other out"));
        }
    }
    let files = if matches!(named.value, Value::List(_)) { named.list()? } else { std::slice::from_ref(named) };
    let mut merged: Option<Schema> = None;
    for file in files {
        let path = file.place.file.with_file_name(file.text()?);
        if !path.exists() {
            let problem = format!("schema: {} is not there", path.display());
            return Err(file.place.error(problem, "name a file beside this description"));
        }
        let schema = xml::schema(&path, inputs)?;
        merged = Some(match merged {
            None => schema,
            Some(older) => newer(older, schema),
        });
    }
    let Some(mut schema) = merged else {
        return Err(named.place.error("schema: names no file", "name one"));
    };
    if root.get("message_header").is_some() {
        schema.header = yaml::header(root, &mut schema.enums)?;
    }
    if let Some(id) = root.get("schema_id") {
        schema.schema_id = Some(id.number()?);
    }
    additions(root, &mut schema)?;
    Ok(schema)
}

/// Layout of a description, or of a venue's XML, for inspectors: nothing is compiled, and what messages mean is not read.
pub fn description(path: &Path) -> Result<Description, Error> {
    if path.extension().is_some_and(|extension| extension == "xml") {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        return Ok(table::description(&name, &xml::schema(path, &mut Vec::new())?));
    }
    let root = parse::load(path)?;
    let id = parse::identity(root.need("id")?)?;
    Ok(table::description(&id, &schema(&root, &mut Vec::new())?))
}

/// Lays a newer version of a schema over an older one: its messages replace those of the same template id.
fn newer(mut older: Schema, newer: Schema) -> Schema {
    if older.schema_id != newer.schema_id {
        // Two schemas on one link: each message is of its own.
        older.messages.iter_mut().for_each(|message| message.schema_id = message.schema_id.or(older.schema_id));
    }
    let first = older.enums.len();
    let mut moved = newer.messages;
    for message in &mut moved {
        message.block.each_field(&mut |field| field.enumeration = field.enumeration.map(|at| at + first));
        // A message that the older schema has is as old as there.
        if let Some(old) = older.messages.iter().find(|old| old.template_id == message.template_id) {
            message.since = message.since.min(old.since);
        }
    }
    older.messages.retain(|message| moved.iter().all(|new| new.template_id != message.template_id));
    older.messages.extend(moved);
    older.messages.sort_by_key(|message| message.template_id);
    older.enums.extend(newer.enums);
    Schema { schema_id: newer.schema_id, version: newer.version, big_endian: newer.big_endian, ..older }
}

/// Reads `fields: {field: {unit: .., scale: ..}}`: what the XML does not say.
fn additions(root: &Node, schema: &mut Schema) -> Result<(), Error> {
    let Some(additions) = root.get("fields") else { return Ok(()) };
    for (name, node) in additions.map()? {
        node.only(&["unit", "scale"])?;
        let unit = node.get("unit").map(Node::text).transpose()?;
        let scale = node.get("scale").map(Node::number).transpose()?.filter(|scale| *scale > 0);
        let mut found = false;
        for message in &mut schema.messages {
            message.block.each_field(&mut |field| {
                if field.name == *name && field.constant.is_none() {
                    found = true;
                    field.scale = scale.unwrap_or(field.scale);
                    unit.unwrap_or(&field.unit.clone()).clone_into(&mut field.unit);
                }
            });
        }
        if !found {
            return Err(node.place.error(format!("fields: there is no field {name}"), "name a field of the schema"));
        }
    }
    Ok(())
}

/// Reads `versions: [first, last]`.
fn versions(root: &Node) -> Result<(u64, u64), Error> {
    let Some(node) = root.get("versions") else { return Ok((0, u64::MAX)) };
    match node.list()? {
        [first, last] if first.number()? <= last.number()? => Ok((first.number()?, last.number()?)),
        _ => Err(node.place.error("versions: is not a first and a last one", "write [first, last]")),
    }
}

/// Checks what holds for a schema wherever it was read from.
fn complete(root: &Node, schema: &Schema) -> Result<(), Error> {
    if schema.template_id().is_none() {
        return Err(root
            .place
            .error("the message header has no template_id", "add the field that tells messages apart"));
    }
    if schema.messages.is_empty() {
        return Err(root.place.error("there are no messages", "describe at least one"));
    }
    for (at, message) in schema.messages.iter().enumerate() {
        let name = schema.type_name(message);
        if schema.messages[..at].iter().any(|other| schema.type_name(other) == name) {
            let problem = format!("{} and another message would both be called {name}", message.label());
            return Err(root.place.error(problem, "give one another name").in_message(message.label()));
        }
    }
    Ok(())
}

impl Protocol {
    /// Name of its Rust module: `cme_mdp3`.
    pub fn module(&self) -> String {
        self.id.replace(['-', '.'], "_")
    }

    /// How its messages name instruments.
    fn keys(&self) -> &'static str {
        let rules = || self.meanings.iter().flatten().flat_map(|meaning| &meaning.rules);
        if rules().any(|rule| matches!(rule.instrument, Instrument::Text(_))) {
            "Texts"
        } else if rules().any(|rule| matches!(rule.instrument, Instrument::Words(_))) {
            "Words"
        } else {
            "Numbers"
        }
    }

    /// Name of its Rust type: `CmeMdp3`.
    pub fn type_name(&self) -> String {
        crate::model::camel(&self.module())
    }
}

/// The null value of a field as a number of its type.
fn shown_null(field: &Field, null: u64) -> String {
    let unused = 64 - 8 * field.value_size().clamp(1, 8) as u32;
    match field.kind {
        Kind::Signed => ((null << unused).cast_signed() >> unused).to_string(),
        Kind::Float => "NaN".into(),
        _ => null.to_string(),
    }
}

/// What the modules of all such protocols share.
pub fn shared(out: &mut String) {
    let text = include_str!("blocks.rs");
    let shipped = text.split("#[cfg(test)]").next().unwrap_or(text);
    let _ = writeln!(out, "#[allow(clippy::all, dead_code)]\npub mod blocks {{\n{shipped}}}");
}

/// The protocol's Rust module.
pub fn rust(out: &mut String, protocol: &Protocol) {
    let _ = write!(
        out,
        "\n#[doc = include_str!(concat!(env!(\"OUT_DIR\"), \"/{}.md\"))]\n\
         #[allow(clippy::all, dead_code, unused_imports, unused_assignments, unused_mut, unused_variables, unused_labels, unused_parens, unused_braces)]\npub mod {} {{\n\
         use super::blocks::{{self, Block, Entries}};\n\
         use super::support::{{self, DecodeError, Memory, Symbols}};\n\
         use ::wirebook_abi::{{\n\
         BatchWriter, Clock, DataInfo, Description, EnumInfo, EnumValue, Event, EventCold, EventKind, FieldInfo, FieldKind,\n\
         Framing, Group, GroupInfo, HeaderInfo, MessageInfo, OrderIds, Outcome, Record, Scaling, Side, Slot, Status, Tag, Text,\n\
         TradingState, describe::List, detail, flags,\n\
         }};\n",
        protocol.id,
        protocol.module()
    );
    describe::emit(out, protocol);
    views::emit(out, protocol);
    let mut dispatch = String::new();
    encode::dispatch(&mut dispatch, protocol);
    decode::emit(out, protocol, &dispatch);
    encode::emit(out, protocol);
    out.push_str("}\n");
}
