//! Layouts in YAML: the same facts as a venue's XML schema, in our own shape.

use crate::{
    Error,
    parse::yaml::{Node, Value},
};

use super::model::{Block, Data, Dimension, Enumeration, Field, Group, Kind, Message, Number, Scaling, Schema, snake};

const MESSAGE_KEYS: &[&str] = &[
    "template_id",
    "template_id_in_version_8",
    "schema_id",
    "name",
    "official",
    "about",
    "block_length",
    "since_version",
    "book",
    "fields",
    "groups",
    "var_data",
];
const GROUP_KEYS: &[&str] =
    &["name", "id", "since", "dimension", "block_length", "about", "fields", "groups", "var_data"];
const FIELD_KEYS: &[&str] = &[
    "name",
    "id",
    "offset",
    "size",
    "count",
    "type",
    "presence",
    "value",
    "scale",
    "exponent_from",
    "decimals_from",
    "denominator_from",
    "unit",
    "null_value",
    "enum",
    "bits",
    "since",
    "note",
    "const",
];
const DATA_KEYS: &[&str] = &["name", "id", "since", "length_type", "encoding"];

/// Type name, how its bytes read, and bytes of one value where the type fixes them.
const TYPES: &[(&str, Kind, usize)] = &[
    ("u8", Kind::Unsigned, 1),
    ("u16", Kind::Unsigned, 2),
    ("u32", Kind::Unsigned, 4),
    ("u64", Kind::Unsigned, 8),
    ("i8", Kind::Signed, 1),
    ("i16", Kind::Signed, 2),
    ("i32", Kind::Signed, 4),
    ("i64", Kind::Signed, 8),
    ("f32", Kind::Float, 4),
    ("f64", Kind::Float, 8),
    ("char", Kind::Char, 1),
    ("ascii", Kind::Ascii, 0),
    ("ascii_nul", Kind::AsciiNul, 0),
    ("bytes", Kind::Bytes, 0),
    ("bits8", Kind::Bits, 1),
    ("bits16", Kind::Bits, 2),
    ("bits32", Kind::Bits, 4),
    ("bits64", Kind::Bits, 8),
];

/// Reads the layout of a description.
pub fn schema(root: &Node) -> Result<Schema, Error> {
    let reader = Reader { enums: enumerations(root)?, dimensions: dimensions(root)? };
    let header: Vec<Field> =
        root.need("message_header")?.list()?.iter().map(|node| reader.field(node)).collect::<Result<_, _>>()?;
    let mut schema = Schema {
        schema_id: root.get("schema_id").map(Node::number).transpose()?,
        version: root.get("schema_version").map(Node::number).transpose()?,
        big_endian: match root.need("byte_order")?.text()? {
            "big" => true,
            "little" => false,
            _ => return Err(root.need("byte_order")?.place.error("byte_order is not known", "use big or little")),
        },
        header,
        messages: Vec::new(),
        enums: Vec::new(),
    };
    for node in root.need("messages")?.list()? {
        let message = reader.message(node)?;
        if let Some(other) = schema.messages.iter().find(|other| other.template_id == message.template_id) {
            let problem = format!("template_id is already {}'s", other.label());
            return Err(node.place.error(problem, "each id stands once").in_message(message.label()));
        }
        schema.messages.push(message);
    }
    schema.messages.sort_by_key(|message| message.template_id);
    schema.enums = reader.enums;
    Ok(schema)
}

/// Reads a message header that stands beside a venue's XML; its code lists are added to `enums`.
pub fn header(root: &Node, enums: &mut Vec<Enumeration>) -> Result<Vec<Field>, Error> {
    let first = enums.len();
    let reader = Reader { enums: enumerations(root)?, dimensions: Vec::new() };
    let mut header = Vec::new();
    for node in root.need("message_header")?.list()? {
        let field = reader.field(node)?;
        header.push(Field { enumeration: field.enumeration.map(|at| at + first), ..field });
    }
    enums.extend(reader.enums);
    Ok(header)
}

struct Reader {
    enums: Vec<Enumeration>,
    dimensions: Vec<Dimension>,
}

/// Code lists. Codes that are numbers are written in decimal, whatever their form here.
fn enumerations(root: &Node) -> Result<Vec<Enumeration>, Error> {
    let Some(lists) = root.get("enums") else { return Ok(Vec::new()) };
    let mut enums = Vec::new();
    for (name, list) in lists.map()? {
        let mut values = Vec::new();
        for (code, meaning) in list.map()? {
            let code = match code.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16)) {
                Some(Ok(number)) => number.to_string(),
                _ => code.clone(),
            };
            values.push((code, meaning.text()?.to_owned()));
        }
        enums.push(Enumeration { name: name.clone(), values });
    }
    Ok(enums)
}

fn dimensions(root: &Node) -> Result<Vec<Dimension>, Error> {
    let Some(nodes) = root.get("dimensions") else { return Ok(Vec::new()) };
    let mut dimensions = Vec::new();
    for (name, node) in nodes.map()? {
        node.only(&["size", "block_length", "num_in_group"])?;
        dimensions.push(Dimension {
            name: name.clone(),
            size: small(node.need("size")?)?,
            block_length: number(node.need("block_length")?)?,
            count: number(node.need("num_in_group")?)?,
        });
    }
    Ok(dimensions)
}

/// Reads `{offset: .., type: ..}` of an unsigned integer.
fn number(node: &Node) -> Result<Number, Error> {
    node.only(&["offset", "type"])?;
    Ok(Number { offset: small(node.need("offset")?)?, size: unsigned_size(node.need("type")?)? })
}

fn unsigned_size(node: &Node) -> Result<usize, Error> {
    match node.text()? {
        "u8" => Ok(1),
        "u16" => Ok(2),
        "u32" => Ok(4),
        "u64" => Ok(8),
        other => Err(node.place.error(format!("type {other:?} does not count"), "use u8, u16, u32 or u64")),
    }
}

/// A length or offset.
fn small(node: &Node) -> Result<usize, Error> {
    let value = node.number()?;
    match u16::try_from(value) {
        Ok(value) => Ok(usize::from(value)),
        Err(_) => Err(node.place.error(format!("{value} is over 65535"), "lengths and offsets have 16 bits")),
    }
}

fn optional(node: &Node, key: &str) -> Result<u64, Error> {
    node.get(key).map_or(Ok(0), Node::number)
}

/// A name of small letters, digits, underscores and dots.
fn name(node: &Node) -> Result<String, Error> {
    let text = node.text()?;
    let sound = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || matches!(each, '_' | '.'));
    if sound { Ok(text.to_owned()) } else { Err(node.place.error(format!("{text:?} is no name"), "use snake case")) }
}

impl Reader {
    fn message(&self, node: &Node) -> Result<Message, Error> {
        let template_id = node.need("template_id")?.number()?;
        let label = format!("{template_id} ({})", node.text_or("name", "no name")?);
        let read = || {
            node.only(MESSAGE_KEYS)?;
            let name = name(node.need("name")?)?;
            Ok(Message {
                template_id,
                schema_id: node.get("schema_id").map(Node::number).transpose()?,
                official: node.text_or("official", &name)?,
                name,
                about: node.text_or("about", "")?,
                since: optional(node, "since_version")?,
                block: self.block(node)?,
            })
        };
        read().map_err(|error: Error| error.in_message(label))
    }

    fn block(&self, node: &Node) -> Result<Block, Error> {
        let list = |key| node.get(key).map_or(Ok(&[][..]), Node::list);
        let block = Block {
            length: small(node.need("block_length")?)?,
            fields: list("fields")?.iter().map(|each| self.field(each)).collect::<Result<_, _>>()?,
            groups: list("groups")?.iter().map(|each| self.group(each)).collect::<Result<_, _>>()?,
            data: list("var_data")?.iter().map(data).collect::<Result<_, _>>()?,
        };
        placed(node, &block)?;
        Ok(block)
    }

    fn group(&self, node: &Node) -> Result<Group, Error> {
        let name = name(node.need("name")?)?;
        let read = || {
            node.only(GROUP_KEYS)?;
            let wanted = node.need("dimension")?;
            let text = wanted.text()?;
            let dimension = self.dimensions.iter().find(|each| each.name == text).cloned().ok_or_else(|| {
                let known: Vec<_> = self.dimensions.iter().map(|each| each.name.as_str()).collect();
                wanted
                    .place
                    .error(format!("dimension {text} is not listed"), format!("use one of {}", known.join(", ")))
            })?;
            Ok(Group {
                name: name.clone(),
                id: optional(node, "id")?,
                since: optional(node, "since")?,
                dimension,
                block: self.block(node)?,
            })
        };
        read().map_err(|error: Error| error.in_field(&name))
    }

    fn field(&self, node: &Node) -> Result<Field, Error> {
        let name = name(node.need("name")?)?;
        self.read_field(node, &name).map_err(|error| error.in_field(name))
    }

    fn read_field(&self, node: &Node, name: &str) -> Result<Field, Error> {
        node.only(FIELD_KEYS)?;
        let mut field = Field {
            name: name.to_owned(),
            id: optional(node, "id")?,
            offset: 0,
            size: 0,
            count: 1,
            kind: Kind::Bytes,
            scale: 1,
            scaling: scaling(node)?,
            unit: node.text_or("unit", "")?,
            null: None,
            enumeration: self.enumeration(node)?,
            constant: None,
            since: optional(node, "since")?,
            note: node.text_or("note", "")?,
        };
        if node.get("presence").map(Node::text).transpose()? == Some("constant") {
            field.constant = Some(node.need("value")?.text()?.to_owned());
            return Ok(field);
        }
        field.offset = small(node.need("offset")?)?;
        field.size = small(node.need("size")?)?;
        if let Some(count) = node.get("count") {
            field.count = small(count)?.max(1);
        }
        field.kind = kind(node, &field)?;
        field.scale = scale(node)?;
        if let Some(null) = node.get("null_value") {
            field.null = Some(wire(null, &field)?);
        }
        Ok(field)
    }

    fn enumeration(&self, node: &Node) -> Result<Option<usize>, Error> {
        let Some(name) = node.get("enum").or_else(|| node.get("bits")) else { return Ok(None) };
        let text = name.text()?;
        self.enums
            .iter()
            .position(|each| each.name == text)
            .map(Some)
            .ok_or_else(|| name.place.error(format!("enum {text} is not listed"), "add it under enums:"))
    }
}

fn data(node: &Node) -> Result<Data, Error> {
    node.only(DATA_KEYS)?;
    let size = unsigned_size(node.need("length_type")?)?;
    Ok(Data {
        name: name(node.need("name")?)?,
        id: optional(node, "id")?,
        since: optional(node, "since")?,
        length: Number { offset: 0, size },
        head_size: size,
        encoding: node.text_or("encoding", "")?,
    })
}

fn scaling(node: &Node) -> Result<Option<(Scaling, String)>, Error> {
    let known = [
        ("exponent_from", Scaling::Exponent),
        ("decimals_from", Scaling::Decimals),
        ("denominator_from", Scaling::Denominator),
    ];
    for (key, scaling) in known {
        if let Some(from) = node.get(key) {
            return Ok(Some((scaling, from.text()?.to_owned())));
        }
    }
    Ok(None)
}

fn kind(node: &Node, field: &Field) -> Result<Kind, Error> {
    let type_node = node.need("type")?;
    let text = type_node.text()?;
    let Some((_, kind, fixed)) = TYPES.iter().find(|(name, ..)| *name == text) else {
        let known: Vec<_> = TYPES.iter().map(|(name, ..)| *name).collect();
        let problem = format!("type {text:?} is not known");
        return Err(type_node.place.error(problem, format!("use one of {}", known.join(", "))));
    };
    let fits = if *fixed == 0 {
        field.size > 0 && field.size.is_multiple_of(field.count)
    } else {
        field.size == fixed * field.count
    };
    if fits {
        return Ok(*kind);
    }
    let wanted = fixed.max(&1) * field.count;
    let problem = format!("size {} does not fit type {text}", field.size);
    Err(node.place.error(problem, format!("set size: {wanted}, or choose another type")))
}

fn scale(node: &Node) -> Result<u64, Error> {
    match node.get("scale") {
        None => Ok(1),
        Some(scale) => match scale.number()? {
            0 => Err(scale.place.error("scale 0 divides by nothing", "write how many wire units make one")),
            value => Ok(value),
        },
    }
}

/// A wire integer, maybe negative, cut to the field's bytes.
fn wire(node: &Node, field: &Field) -> Result<u64, Error> {
    let text = node.text()?;
    let bits = 8 * field.value_size().min(8) as u32;
    let number: i128 = match text.strip_prefix('-') {
        Some(digits) => -Node { place: node.place.clone(), value: Value::Text(digits.to_owned()) }.signless()?,
        None => node.signless()?,
    };
    let (low, high) = if field.kind == Kind::Signed {
        (-(1_i128 << (bits - 1)), (1 << (bits - 1)) - 1)
    } else {
        (0, (1 << bits) - 1)
    };
    if (low..=high).contains(&number) {
        Ok(number as u64 & (u64::MAX >> (64 - bits)))
    } else {
        Err(node.place.error(format!("{text} does not fit the field"), format!("write a number from {low} to {high}")))
    }
}

impl Node {
    fn signless(&self) -> Result<i128, Error> {
        self.number().map(i128::from)
    }
}

/// Checks that fields lie in the block, one behind the other.
fn placed(node: &Node, block: &Block) -> Result<(), Error> {
    let mut end = 0;
    for field in block.fields.iter().filter(|field| field.constant.is_none()) {
        let refuse = |problem: String, remedy: &str| Err(node.place.error(problem, remedy).in_field(&field.name));
        if field.offset < end {
            return refuse(
                format!("starts at {} inside what stands before it, which ends at {end}", field.offset),
                "mend the offsets",
            );
        }
        end = field.end();
        if end > block.length {
            return refuse(
                format!("ends at {end}, past the block's {} bytes", block.length),
                "mend block_length or the field",
            );
        }
    }
    for (at, name) in names(block).enumerate() {
        if names(block).take(at).any(|before| before == name) {
            return Err(node.place.error("the name stands twice here", "give each a name of its own").in_field(name));
        }
    }
    Ok(())
}

fn names(block: &Block) -> impl Iterator<Item = &str> {
    let fields = block.fields.iter().map(|field| field.name.as_str());
    fields
        .chain(block.groups.iter().map(|group| group.name.as_str()))
        .chain(block.data.iter().map(|data| data.name.as_str()))
}

/// Name of a message by the venue's: snake case, without the template id at its end.
pub fn message_name(official: &str, template_id: u64) -> String {
    let name = snake(official);
    let id = template_id.to_string();
    match name.strip_suffix(&id) {
        Some(short) if !short.trim_end_matches('_').is_empty() => short.trim_end_matches('_').to_owned(),
        _ => name,
    }
}
