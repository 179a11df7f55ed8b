//! Finds a message's layout and walks its fields.

use wirebook_abi::{Description, FieldInfo, MessageInfo, Scaling};

use crate::{
    FieldPath, InspectError, Value, parts,
    value::{Latin1, unsigned},
    walk::{self, Around, Cut, Found, Walk},
};

/// A message whose type is known and whose fields are all there.
#[derive(Clone, Copy, Debug)]
pub struct InspectedMessage<'a> {
    description: &'a Description,
    /// Layout and names.
    pub info: &'static MessageInfo,
    /// The whole message, bytes that the layout does not know at its end included.
    pub bytes: &'a [u8],
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub struct InspectedField<'a> {
    /// Name, with the groups that it is in.
    pub path: FieldPath,
    /// Unit and layout.
    pub info: &'static FieldInfo,
    /// What its bytes say.
    pub value: Value<'a>,
    /// What the code stands for, where the field is a code that the description lists.
    pub meaning: Option<&'static str>,
}

/// Finds the type of a message and checks that all of its fields are there.
///
/// # Errors
///
/// [`InspectError`] for an unknown type and for a message shorter than its type, with the offset.
pub fn message<'a>(description: &'a Description, bytes: &'a [u8]) -> Result<InspectedMessage<'a>, InspectError> {
    let info = find(description, bytes).ok_or_else(|| unknown(description, bytes))?;
    if description.header.size != 0 {
        return match Walk::new(description, info, bytes).find_map(Result::err) {
            None => Ok(InspectedMessage { description, info, bytes }),
            Some(Cut { name, expected }) => Err(InspectError::Short {
                name: info.name.as_str(),
                type_text: info.type_text.as_str(),
                field: name,
                found: bytes.len(),
                expected,
            }),
        };
    }
    // Fields that came with a later version may be missing, all together.
    let is_cut = |field: &&FieldInfo| field_bytes(field, bytes).is_none();
    let is_older = info.fields.as_slice().iter().find(is_cut).is_some_and(|field| field.since != 0);
    let missing = info.fields.as_slice().iter().filter(|field| !is_older || field.since == 0).find(is_cut);
    match missing {
        None if is_older || bytes.len() >= info.length as usize => match parts::missing(info, bytes) {
            None => Ok(InspectedMessage { description, info, bytes }),
            Some((part, expected)) => Err(InspectError::Short {
                name: info.name.as_str(),
                type_text: info.type_text.as_str(),
                field: part,
                found: bytes.len(),
                expected,
            }),
        },
        _ => Err(InspectError::Short {
            name: info.name.as_str(),
            type_text: info.type_text.as_str(),
            field: missing.map_or("(unnamed bytes)", |field| field.name.as_str()),
            found: bytes.len(),
            expected: info.length as usize,
        }),
    }
}

impl<'a> InspectedMessage<'a> {
    /// The fields in the order of the wire. Those of groups are there once an entry; constants are not.
    pub fn fields(self) -> impl Iterator<Item = InspectedField<'a>> {
        let has_header = self.description.header.size != 0;
        let walk = has_header.then(|| Walk::new(self.description, self.info, self.bytes));
        let flat = if has_header { &[] } else { self.info.fields.as_slice() };
        let flat = flat.iter().filter_map(move |info| {
            let bytes = field_bytes(info, self.bytes)?;
            Some(Found { path: FieldPath::plain(info.name.as_str()), info, bytes, around: Around::none() })
        });
        let flat = flat.chain(parts::fields(self.info, self.bytes));
        flat.chain(walk.into_iter().flatten().map_while(Result::ok)).map(inspected)
    }

    /// The field with this name, of a group's entry as `no_md_entries[0].md_entry_px`.
    pub fn field(self, name: &str) -> Option<InspectedField<'a>> {
        self.fields().find(|field| field.path.is(name))
    }

    /// Bytes behind the part that the layout knows.
    pub fn unknown_bytes(self) -> &'a [u8] {
        let known = if self.description.header.size == 0 {
            let ends = self.info.parts.as_slice().iter().map(|part| parts::extent(self.info, part, self.bytes).end());
            ends.fold(self.info.length as usize, usize::max)
        } else {
            let mut walk = Walk::new(self.description, self.info, self.bytes);
            while walk.next().is_some() {}
            walk.position()
        };
        self.bytes.get(known..).unwrap_or(&[])
    }
}

fn inspected<'a>(found: Found<'a>) -> InspectedField<'a> {
    let Found { path, info, bytes, around } = found;
    let value = match scaled(info, &around) {
        Some((mantissa_factor, scale)) => {
            let value = Value::read_scaled(info, bytes, 1);
            value.scaled(mantissa_factor, scale)
        }
        None => Value::read(info, bytes),
    };
    InspectedField { path, info, value, meaning: meaning(info, value) }
}

/// What another field makes of this one: its integer times the first number over the second is the value.
fn scaled(info: &FieldInfo, around: &Around<'_>) -> Option<(u64, u64)> {
    if info.scaling == Scaling::FIXED {
        return None;
    }
    let (from, bytes) = around.field(info.scale_from.as_str())?;
    let number = match Value::read(from, bytes) {
        Value::Unsigned(number) | Value::Bits(number) => i64::try_from(number).ok()?,
        Value::Signed(number) => number,
        _ => return None,
    };
    let power = |places: i64| 10_u64.checked_pow(u32::try_from(places).ok()?);
    match info.scaling {
        Scaling::EXPONENT if number >= 0 => Some((power(number)?, 1)),
        Scaling::EXPONENT => Some((1, power(-number)?)),
        Scaling::DECIMALS => Some((1, power(number)?)),
        Scaling::DENOMINATOR => Some((1, u64::try_from(number).ok().filter(|number| *number > 0)?)),
        _ => None,
    }
}

/// The bytes of a field; `None` where the message ends before it does.
pub(crate) fn field_bytes<'a>(field: &FieldInfo, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let start = field.offset as usize;
    bytes.get(start..start.checked_add(field.size as usize)?)
}

/// The layout of a type; of several layouts of one type the one with this length, else the longest that fits.
fn find(description: &Description, bytes: &[u8]) -> Option<&'static MessageInfo> {
    let header = description.header;
    if header.size != 0 {
        let number = |slot| walk::number(slot, bytes, 0, header.big_endian != 0);
        let (id, schema) = (number(header.template_id)?, number(header.schema_id));
        let of_schema = |info: &&MessageInfo| {
            info.schema_id == MessageInfo::ANY_SCHEMA || schema.is_none_or(|schema| schema == u64::from(info.schema_id))
        };
        let messages = description.messages.as_slice().iter();
        return messages.filter(|info| u64::from(info.type_value) == id).find(of_schema);
    }
    let candidates =
        || description.messages.as_slice().iter().filter(|info| type_of(info, bytes) == Some(info.type_value));
    let fitting = candidates().filter(|info| info.length as usize <= bytes.len()).max_by_key(|info| info.length);
    fitting.or_else(|| candidates().next())
}

fn type_field(info: &MessageInfo) -> Option<&'static FieldInfo> {
    info.fields.as_slice().iter().find(|field| field.name.as_str() == "message_type")
}

fn type_of(info: &MessageInfo, bytes: &[u8]) -> Option<u32> {
    match type_field(info) {
        Some(field) if field.size <= 4 => Some(unsigned(field_bytes(field, bytes)?, field.big_endian != 0) as u32),
        _ => bytes.first().map(|byte| u32::from(*byte)),
    }
}

fn unknown(description: &Description, bytes: &[u8]) -> InspectError {
    let messages = description.messages.as_slice();
    let header = description.header;
    if header.size != 0 {
        let offset = usize::from(header.template_id.offset);
        let number = |slot| walk::number(slot, bytes, 0, header.big_endian != 0);
        let Some(id) = number(header.template_id) else {
            return InspectError::NoType { offset, found: bytes.len() };
        };
        let type_text = match number(header.schema_id) {
            Some(schema) => format!("{id} of schema {schema}"),
            None => id.to_string(),
        };
        let known: Vec<_> = messages.iter().map(|info| info.type_text.as_str()).collect();
        return InspectError::UnknownType {
            type_text,
            offset,
            protocol: description.protocol.as_str(),
            known: known.join(" "),
        };
    }
    let offset = messages.first().and_then(type_field).map_or(0, |field| field.offset as usize);
    let found = messages.first().map_or_else(|| bytes.first().map(|b| u32::from(*b)), |info| type_of(info, bytes));
    let Some(found) = found else {
        return InspectError::NoType { offset, found: bytes.len() };
    };
    let type_text = match u8::try_from(found) {
        Ok(byte) if byte.is_ascii_graphic() => char::from(byte).to_string(),
        _ => format!("{found:#04x}"),
    };
    let mut known: Vec<_> = messages.iter().map(|info| info.type_text.as_str()).collect();
    known.dedup();
    InspectError::UnknownType { type_text, offset, protocol: description.protocol.as_str(), known: known.join(" ") }
}

fn meaning(info: &FieldInfo, value: Value<'_>) -> Option<&'static str> {
    let codes = info.enumeration.values.as_slice();
    let is = |code: &str| match value {
        // A code of spaces may be listed with or without them.
        Value::Text(text) => text.is(code) || Latin1(text.0.trim_ascii_end()).is(code.trim_end()),
        Value::Unsigned(value) | Value::Bits(value) => code.parse() == Ok(value),
        Value::Signed(value) => code.parse() == Ok(value),
        Value::Decimal(_) | Value::Bytes(_) | Value::Null(_) | Value::Float(_) | Value::Utf8(_) | Value::List(_) => {
            false
        }
    };
    codes.iter().find(|each| is(each.code.as_str())).map(|each| each.name.as_str())
}
