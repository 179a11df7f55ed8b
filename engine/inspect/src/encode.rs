//! Named values to the bytes of a message.

use wirebook_abi::{Description, FieldInfo, FieldKind, MessageInfo};

use crate::{Decimal, EncodeError, Value, encode_blocks};

/// A value to be written into a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// Whole number: the value, not the wire integer, of a scaled field.
    Integer(i128),
    /// Exact decimal.
    Decimal(Decimal),
    /// Number as its shortest decimal text says: `87.39` is 87.39 and not the double next to it.
    Float(f64),
    /// Text, a number in text, the meaning of a code, or hexadecimal for a field of bytes.
    Text(String),
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// No value, of a field that has a wire integer for it.
    Null,
    /// Values of a field that has several.
    List(Vec<FieldValue>),
}

impl From<Value<'_>> for FieldValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Unsigned(value) | Value::Bits(value) => Self::Integer(value.into()),
            Value::Signed(value) => Self::Integer(value.into()),
            Value::Decimal(value) => Self::Decimal(value),
            Value::Text(text) => Self::Text(text.to_string()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Value::Null(_) => Self::Null,
            Value::Float(value) => Self::Float(value),
            Value::Utf8(text) => Self::Text(text.to_owned()),
            Value::List(list) => Self::List(list.values().map(Self::from).collect()),
        }
    }
}

/// Makes a message of named values: the inverse of [`message()`](crate::message()).
///
/// `message` is its type or its name. Fields that are not named hold zeros or padding, but for those that can only have one
/// value: the type, the length, and a code with one code. Bytes that no field covers are zero.
///
/// # Errors
///
/// [`EncodeError`] names the message, the field, the value, and what would do.
pub fn encode<'v>(
    description: &Description,
    message: &str,
    values: impl IntoIterator<Item = (&'v str, FieldValue)>,
) -> Result<Vec<u8>, EncodeError> {
    let info = find(description, message)?;
    if description.header.size != 0 {
        return encode_blocks::encode(description, info, values);
    }
    let mut output = vec![0; info.length as usize];
    for field in info.fields.as_slice() {
        write(info, field, default(info, field).as_ref(), &mut output)?;
    }
    for (name, value) in values {
        let named = info.fields.as_slice().iter().find(|field| field.name.as_str() == name);
        write(info, named.ok_or_else(|| unknown_field(info, name))?, Some(&value), &mut output)?;
    }
    Ok(output)
}

fn find(description: &Description, message: &str) -> Result<&'static MessageInfo, EncodeError> {
    let messages = description.messages.as_slice();
    let by_name = messages.iter().find(|info| info.name.as_str() == message);
    by_name.or_else(|| messages.iter().find(|info| info.type_text.as_str() == message)).ok_or_else(|| {
        let known: Vec<_> =
            messages.iter().map(|info| format!("{} {}", info.type_text.as_str(), info.name.as_str())).collect();
        EncodeError::UnknownMessage {
            message: message.to_owned(),
            protocol: description.protocol.as_str(),
            known: known.join(", "),
        }
    })
}

/// The only value that a field can have; `None` where it can have several.
fn default(info: &MessageInfo, field: &FieldInfo) -> Option<FieldValue> {
    match (field.name.as_str(), field.enumeration.values.as_slice()) {
        ("message_type", _) => Some(match field.kind {
            FieldKind::CHAR => FieldValue::Text(char::from(info.type_value as u8).to_string()),
            _ => FieldValue::Integer(info.type_value.into()),
        }),
        ("message_length", _) => Some(FieldValue::Integer(info.length.into())),
        (_, [only]) => Some(FieldValue::Text(only.code.as_str().to_owned())),
        _ => None,
    }
}

fn write(
    info: &'static MessageInfo,
    field: &'static FieldInfo,
    value: Option<&FieldValue>,
    output: &mut [u8],
) -> Result<(), EncodeError> {
    let (start, size) = (field.offset as usize, field.size as usize);
    let target = start.checked_add(size).and_then(|end| output.get_mut(start..end)).ok_or_else(|| {
        EncodeError::BadDescription {
            message: info.name.as_str(),
            field: field.name.as_str(),
            length: info.length as usize,
        }
    })?;
    let Some(value) = value else {
        target.fill(padding(field.kind));
        return Ok(());
    };
    let bytes = bytes_of(field, value, field.scale.max(1)).filter(|bytes| bytes.len() == size);
    let bytes = bytes.ok_or_else(|| bad_value(info, field, value))?;
    target.copy_from_slice(&bytes);
    Ok(())
}

/// The error of a value that does not fit.
pub(crate) fn bad_value(info: &'static MessageInfo, field: &'static FieldInfo, value: &FieldValue) -> EncodeError {
    EncodeError::BadValue {
        message: info.name.as_str(),
        field: field.name.as_str(),
        value: shown(value),
        would_do: would_do(field),
    }
}

pub(crate) fn padding(kind: FieldKind) -> u8 {
    match kind {
        FieldKind::CHAR | FieldKind::ASCII | FieldKind::ASCII_DECIMAL => b' ',
        _ => 0,
    }
}

/// The field's bytes; `None` for a value that does not fit. The integer is the value times `scale`.
pub(crate) fn bytes_of(field: &FieldInfo, value: &FieldValue, scale: u64) -> Option<Vec<u8>> {
    match value {
        FieldValue::Bytes(bytes) => Some(bytes.clone()),
        FieldValue::Null => null(field),
        FieldValue::List(values) if values.len() == usize::from(field.count) => {
            let one = FieldInfo { count: 1, size: field.size / u32::from(field.count.max(1)), ..*field };
            values
                .iter()
                .map(|value| bytes_of(&one, value, scale))
                .collect::<Option<Vec<_>>>()
                .map(|parts| parts.concat())
        }
        FieldValue::List(_) => None,
        _ => wire(field, value, scale),
    }
}

/// The bytes that mean no value.
fn null(field: &FieldInfo) -> Option<Vec<u8>> {
    let size = field.size as usize;
    let order = |mut bytes: Vec<u8>| {
        if field.big_endian != 0 {
            bytes.reverse();
        }
        bytes
    };
    match field.kind {
        FieldKind::FLOAT if size == 4 => Some(order(f32::NAN.to_le_bytes().to_vec())),
        FieldKind::FLOAT => Some(order(f64::NAN.to_le_bytes().to_vec())),
        _ if field.nullable == 0 => None,
        FieldKind::ASCII | FieldKind::ASCII_NUL => Some(vec![0; size]),
        _ => field.null.to_le_bytes().get(..size).map(|bytes| order(bytes.to_vec())),
    }
}

fn wire(field: &FieldInfo, value: &FieldValue, scale: u64) -> Option<Vec<u8>> {
    let size = field.size as usize;
    match field.kind {
        FieldKind::UNSIGNED | FieldKind::BITS => integer(field, value, scale, 0, !(u128::MAX << (8 * size.min(8)))),
        FieldKind::SIGNED => {
            let half = 1_u128 << (8 * size.clamp(1, 8) - 1);
            integer(field, value, scale, half, half - 1)
        }
        FieldKind::FLOAT => float(field, value),
        FieldKind::UTF8 => match value {
            FieldValue::Text(text) => Some(text.as_bytes().to_vec()),
            _ => None,
        },
        // Variable data is as long as its text.
        FieldKind::ASCII | FieldKind::ASCII_NUL if size == 0 => match value {
            FieldValue::Text(text) => latin1(text),
            _ => None,
        },
        FieldKind::CHAR | FieldKind::ASCII | FieldKind::ASCII_NUL => text(field, value),
        FieldKind::ASCII_DECIMAL => decimal_text(value, size),
        _ => match value {
            FieldValue::Text(hex) => from_hex(hex),
            _ => None,
        },
    }
}

/// A two's complement integer from `-below` to `above`.
fn integer(field: &FieldInfo, value: &FieldValue, scale: u64, below: u128, above: u128) -> Option<Vec<u8>> {
    let size = field.size as usize;
    let raw = number(field, value)?.mantissa_at(scale)?;
    let fits = if raw < 0 { raw.unsigned_abs() <= below } else { raw.unsigned_abs() <= above };
    if !fits || !(1..=8).contains(&size) {
        return None;
    }
    let mut bytes = raw.to_le_bytes()[..size].to_vec();
    if field.big_endian != 0 {
        bytes.reverse();
    }
    Some(bytes)
}

fn float(field: &FieldInfo, value: &FieldValue) -> Option<Vec<u8>> {
    let number = match value {
        FieldValue::Float(number) => *number,
        FieldValue::Integer(number) => *number as f64,
        FieldValue::Decimal(number) => number.to_string().parse().ok()?,
        FieldValue::Text(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    let mut bytes = match field.size {
        4 => (number as f32).to_le_bytes().to_vec(),
        8 => number.to_le_bytes().to_vec(),
        _ => return None,
    };
    if field.big_endian != 0 {
        bytes.reverse();
    }
    Some(bytes)
}

pub(crate) fn number(field: &FieldInfo, value: &FieldValue) -> Option<Decimal> {
    match value {
        FieldValue::Integer(value) => Some(Decimal { mantissa: *value, scale: 1 }),
        FieldValue::Decimal(value) => Some(*value),
        FieldValue::Float(value) => Decimal::parse(&value.to_string()),
        FieldValue::Text(text) => Decimal::parse(text.trim()).or_else(|| Decimal::parse(code_named(field, text)?)),
        FieldValue::Bytes(_) | FieldValue::Null | FieldValue::List(_) => None,
    }
}

/// The code that stands for `meaning`.
fn code_named(field: &FieldInfo, meaning: &str) -> Option<&'static str> {
    let codes = field.enumeration.values.as_slice();
    codes.iter().find(|each| each.name.as_str() == meaning).map(|each| each.code.as_str())
}

fn text(field: &FieldInfo, value: &FieldValue) -> Option<Vec<u8>> {
    let size = field.size as usize;
    let text = match value {
        FieldValue::Text(text) => text,
        FieldValue::Integer(value) => &value.to_string(),
        _ => return None,
    };
    let padded = |text: &str| {
        let mut bytes = latin1(text)?;
        (bytes.len() <= size).then(|| {
            bytes.resize(size, padding(field.kind));
            bytes
        })
    };
    // A text that fits is taken as it stands, so that a code wins over a meaning of the same letters.
    padded(text).or_else(|| padded(code_named(field, text)?))
}

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}

/// A number right-aligned in spaces, as the protocols that have such fields write it.
fn decimal_text(value: &FieldValue, size: usize) -> Option<Vec<u8>> {
    let text = match value {
        FieldValue::Integer(value) => value.to_string(),
        FieldValue::Decimal(value) => value.to_string(),
        FieldValue::Float(value) => value.to_string(),
        FieldValue::Text(text) => text.trim().to_owned(),
        FieldValue::Bytes(_) | FieldValue::Null | FieldValue::List(_) => return None,
    };
    latin1(&format!("{text:>size$}"))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|character| character.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

fn shown(value: &FieldValue) -> String {
    match value {
        FieldValue::Integer(value) => value.to_string(),
        FieldValue::Decimal(value) => value.to_string(),
        FieldValue::Float(value) => value.to_string(),
        FieldValue::Text(text) => format!("{text:?}"),
        FieldValue::Bytes(bytes) => format!("{} bytes", bytes.len()),
        FieldValue::Null => "no value".into(),
        FieldValue::List(values) => format!("{} values", values.len()),
    }
}

fn would_do(field: &FieldInfo) -> String {
    let size = field.size;
    let shape = match field.kind {
        FieldKind::UNSIGNED | FieldKind::SIGNED | FieldKind::BITS => {
            let sign = if field.kind == FieldKind::SIGNED { "a signed" } else { "an unsigned" };
            let steps = if field.scale > 1 { format!(" in steps of 1/{}", field.scale) } else { String::new() };
            format!("{sign} number of {size} bytes{steps}")
        }
        FieldKind::CHAR => "one Latin-1 character".to_owned(),
        FieldKind::ASCII | FieldKind::ASCII_NUL => format!("at most {size} Latin-1 characters"),
        FieldKind::ASCII_DECIMAL => format!("a number of at most {size} characters"),
        _ => format!("{} hexadecimal digits or {size} bytes", 2 * size),
    };
    let codes = field.enumeration.values.as_slice();
    if codes.is_empty() {
        return shape;
    }
    let listed: Vec<_> = codes.iter().map(|each| format!("{} ({})", each.code.as_str(), each.name.as_str())).collect();
    format!("{shape}, such as {}", listed.join(", "))
}

pub(crate) fn unknown_field(info: &'static MessageInfo, field: &str) -> EncodeError {
    let known: Vec<_> = info.fields.as_slice().iter().map(|field| field.name.as_str()).collect();
    EncodeError::UnknownField { message: info.name.as_str(), field: field.to_owned(), known: known.join(", ") }
}
