//! Finds a message's layout and walks its fields.

use wirebook_abi::{Description, FieldInfo, MessageInfo};

use crate::{
    InspectError, Value,
    value::{Latin1, unsigned},
};

/// A message whose type is known and whose fields are all there.
#[derive(Clone, Copy, Debug)]
pub struct InspectedMessage<'a> {
    /// Layout and names.
    pub info: &'static MessageInfo,
    /// The whole message, bytes that the layout does not know at its end included.
    pub bytes: &'a [u8],
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub struct InspectedField<'a> {
    /// Name, unit and layout.
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
pub fn message<'a>(description: &Description, bytes: &'a [u8]) -> Result<InspectedMessage<'a>, InspectError> {
    let info = find(description, bytes).ok_or_else(|| unknown(description, bytes))?;
    let missing = info.fields.as_slice().iter().find(|field| field_bytes(field, bytes).is_none());
    match missing {
        None if bytes.len() >= info.length as usize => Ok(InspectedMessage { info, bytes }),
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
    /// The fields in order of offset.
    pub fn fields(self) -> impl Iterator<Item = InspectedField<'a>> {
        self.info.fields.as_slice().iter().filter_map(move |info| {
            let value = Value::read(info, field_bytes(info, self.bytes)?);
            Some(InspectedField { info, value, meaning: meaning(info, value) })
        })
    }

    /// The field with this name.
    pub fn field(self, name: &str) -> Option<InspectedField<'a>> {
        self.fields().find(|field| field.info.name.as_str() == name)
    }

    /// Bytes behind the part that the layout knows.
    pub fn unknown_bytes(self) -> &'a [u8] {
        self.bytes.get(self.info.length as usize..).unwrap_or(&[])
    }
}

/// The bytes of a field; `None` where the message ends before it does.
pub(crate) fn field_bytes<'a>(field: &FieldInfo, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let start = field.offset as usize;
    bytes.get(start..start.checked_add(field.size as usize)?)
}

/// The layout of a type; of several layouts of one type the one with this length, else the longest that fits.
fn find(description: &Description, bytes: &[u8]) -> Option<&'static MessageInfo> {
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
        Value::Decimal(_) | Value::Bytes(_) => false,
    };
    codes.iter().find(|each| is(each.code.as_str())).map(|each| each.name.as_str())
}
