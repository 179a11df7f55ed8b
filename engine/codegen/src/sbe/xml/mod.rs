//! Layouts in a venue's own XML: an SBE 1.0 message schema.

mod tree;
mod types;

use std::path::{Path, PathBuf};

use super::{
    model::{Block, Data, Dimension, Field, Group, Message, Number, Schema, snake},
    yaml::message_name,
};
use crate::Error;
use tree::Element;
use types::Types;

/// Reads the schema at `path`; adds it and what it includes to `inputs`.
pub fn schema(path: &Path, inputs: &mut Vec<PathBuf>) -> Result<Schema, Error> {
    let root = tree::read(path, inputs)?;
    if root.name != "messageSchema" {
        let problem = format!("<{}> is no SBE schema", root.name);
        return Err(root.place.error(problem, "name a file whose root element is messageSchema"));
    }
    let mut reader = Reader { types: Types::new(named_types(&root)) };
    let header_name = root.get("headerType").unwrap_or("messageHeader");
    let header = reader.composite(&root, header_name)?;
    let mut schema = Schema {
        schema_id: Some(root.number("id", 0)?),
        version: Some(root.number("version", 0)?),
        big_endian: match root.get("byteOrder") {
            None | Some("littleEndian") => false,
            Some("bigEndian") => true,
            Some(other) => {
                let problem = format!("byteOrder {other} is not known");
                return Err(root.place.error(problem, "use littleEndian or bigEndian"));
            }
        },
        header,
        messages: Vec::new(),
        enums: Vec::new(),
    };
    let messages = root.children.iter().flat_map(|child| {
        if child.name == "messages" { child.children.iter() } else { std::slice::from_ref(child).iter() }
    });
    for element in messages.filter(|element| element.name == "message") {
        let message = reader.message(element)?;
        if let Some(other) = schema.messages.iter().find(|other| other.template_id == message.template_id) {
            let problem = format!("id {} is already {}'s", message.template_id, other.official);
            return Err(element.place.error(problem, "each id stands once").in_message(message.label()));
        }
        schema.messages.push(message);
    }
    schema.messages.sort_by_key(|message| message.template_id);
    schema.enums = reader.types.enums;
    Ok(schema)
}

/// The elements of all `types`, included ones among them.
fn named_types(root: &Element) -> Vec<Element> {
    let mut named = Vec::new();
    for child in &root.children {
        match child.name.as_str() {
            "types" | "messageSchema" => named.extend(nested_types(child)),
            "type" | "composite" | "enum" | "set" => named.push(child.clone()),
            _ => {}
        }
    }
    named
}

/// Types of a `types` element; an include in it may have put another in.
fn nested_types(element: &Element) -> Vec<Element> {
    let is_type = |child: &Element| matches!(child.name.as_str(), "type" | "composite" | "enum" | "set");
    let each = |child: &Element| if is_type(child) { vec![child.clone()] } else { nested_types(child) };
    element.children.iter().flat_map(each).collect()
}

struct Reader {
    types: Types,
}

impl Reader {
    /// Fields of a named composite that is no field's type.
    fn composite(&mut self, user: &Element, name: &str) -> Result<Vec<Field>, Error> {
        let Some(element) = self.types.find(name).filter(|element| element.name == "composite").cloned() else {
            let problem = format!("composite {name} is not defined");
            return Err(user.place.error(problem, "add it under types, or name another"));
        };
        let mut members = Vec::new();
        let mut end = 0;
        for child in &element.children {
            let name = snake(child.need("name")?);
            let (fields, size) = self.types.member(child)?;
            let start = child.small("offset")?.unwrap_or(end);
            members.extend(fields.into_iter().map(|field| Field {
                name: if field.name.is_empty() { name.clone() } else { format!("{name}.{}", field.name) },
                offset: start + field.offset,
                ..field
            }));
            end = start + size;
        }
        Ok(members)
    }

    fn message(&mut self, element: &Element) -> Result<Message, Error> {
        let official = element.need("name")?.to_owned();
        let template_id = element.need("id").and_then(|_| element.number("id", 0))?;
        let name = message_name(&official, template_id);
        let label = format!("{template_id} ({name})");
        if u32::try_from(template_id).is_err() {
            return Err(element.place.error("id is over 32 bits", "template ids have at most 32").in_message(label));
        }
        let block = self.block(element).map_err(|error| error.in_message(label))?;
        let about = element.get("description").unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Message {
            template_id,
            schema_id: None,
            name,
            official,
            about,
            since: element.number("sinceVersion", 0)?,
            block,
        })
    }

    fn block(&mut self, element: &Element) -> Result<Block, Error> {
        let mut block = Block::default();
        let mut end = 0;
        for child in &element.children {
            let late = match child.name.as_str() {
                "field" => !block.groups.is_empty() || !block.data.is_empty(),
                "group" => !block.data.is_empty(),
                "data" => false,
                other => {
                    return Err(child
                        .place
                        .error(format!("<{other}> is no part of a block"), "use field, group or data"));
                }
            };
            let name = child.need("name")?;
            let part = || {
                if late {
                    let problem = format!("<{}> stands behind what comes after it on the wire", child.name);
                    return Err(child.place.error(problem, "put fields first, then groups, then data"));
                }
                match child.name.as_str() {
                    "field" => end = self.field(child, end, &mut block)?,
                    "group" => block.groups.push(self.group(child)?),
                    _ => block.data.push(self.data(child)?),
                }
                Ok(())
            };
            let mut part = part;
            part().map_err(|error: Error| error.in_field(name))?;
        }
        block.length = element.small("blockLength")?.unwrap_or(end);
        if block.length < end {
            let problem = format!("blockLength is {} but the fields end at {end}", block.length);
            return Err(element.place.error(problem, "mend one of them"));
        }
        if let Some(name) = twice(&block) {
            return Err(element.place.error(format!("{name} stands twice here"), "give each a name of its own"));
        }
        Ok(block)
    }

    /// Adds a field's values to the block, and gives the place behind them.
    fn field(&mut self, element: &Element, end: usize, block: &mut Block) -> Result<usize, Error> {
        let (fields, size) = self.types.fields(element)?;
        let start = element.small("offset")?.unwrap_or(end);
        if start < end && size > 0 {
            let problem = format!("starts at {start} inside what stands before it, which ends at {end}");
            return Err(element.place.error(problem, "mend the offset"));
        }
        let offset = |field: &Field| if field.constant.is_some() { 0 } else { start + field.offset };
        block.fields.extend(fields.into_iter().map(|field| Field { offset: offset(&field), ..field }));
        Ok(if size == 0 { end } else { start + size })
    }

    fn group(&mut self, element: &Element) -> Result<Group, Error> {
        let name = element.get("dimensionType").unwrap_or("groupSizeEncoding");
        let members = self.composite(element, name)?;
        let number = |wanted: &str| members.iter().find(|field| field.name == wanted && field.constant.is_none());
        let (Some(length), Some(count)) = (number("block_length"), number("num_in_group")) else {
            let problem = format!("dimension {name} has no blockLength and numInGroup");
            return Err(element.place.error(problem, "name a composite that has both"));
        };
        let dimension = Dimension {
            name: snake(name),
            size: members.iter().map(Field::end).max().unwrap_or(0),
            block_length: counting(element, length)?,
            count: counting(element, count)?,
        };
        Ok(Group {
            name: snake(element.need("name")?),
            id: element.number("id", 0)?,
            since: element.number("sinceVersion", 0)?,
            dimension,
            block: self.block(element)?,
        })
    }

    fn data(&mut self, element: &Element) -> Result<Data, Error> {
        let name = element.need("type")?;
        let Some(composite) = self.types.find(name).filter(|found| found.name == "composite").cloned() else {
            return Err(element.place.error(format!("type {name} is no composite"), "data has a length and varData"));
        };
        let member = |wanted: &str| composite.children.iter().find(|child| child.get("name") == Some(wanted));
        let (Some(length), Some(bytes)) = (member("length"), member("varData")) else {
            return Err(composite.place.error(format!("composite {name} has no length and varData"), "data has both"));
        };
        let (fields, size) = self.types.member(length)?;
        let [number] = fields.as_slice() else {
            return Err(length.place.error("the length is no single number", "use an unsigned integer"));
        };
        let offset = length.small("offset")?.unwrap_or(0);
        Ok(Data {
            name: snake(element.need("name")?),
            id: element.number("id", 0)?,
            since: element.number("sinceVersion", 0)?,
            length: Number { offset, ..counting(length, number)? },
            head_size: bytes.small("offset")?.unwrap_or(offset + size),
            // Characters without an encoding are ASCII.
            encoding: match (bytes.get("characterEncoding"), bytes.get("primitiveType")) {
                (Some(encoding), _) => encoding.to_owned(),
                (None, Some("char")) => "ASCII".to_owned(),
                _ => String::new(),
            },
        })
    }
}

/// Where a length or count stands; refused where it is no unsigned integer.
fn counting(element: &Element, field: &Field) -> Result<Number, Error> {
    if field.is_unsigned() {
        return Ok(field.number());
    }
    Err(element.place.error(format!("{} is no unsigned integer", field.name), "lengths and counts are"))
}

/// The first name that two parts of the block have.
fn twice(block: &Block) -> Option<&str> {
    let fields = block.fields.iter().map(|field| field.name.as_str());
    let groups = block.groups.iter().map(|group| group.name.as_str());
    let names: Vec<_> = fields.chain(groups).chain(block.data.iter().map(|data| data.name.as_str())).collect();
    names.iter().enumerate().find(|(at, name)| names[..*at].contains(*name)).map(|(_, name)| *name)
}
