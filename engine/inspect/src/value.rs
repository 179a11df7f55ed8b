//! What the bytes of one field say.

use std::fmt;

use wirebook_abi::{FieldInfo, FieldKind};

use crate::Decimal;

/// Value of a field, borrowed from the message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Unsigned integer.
    Unsigned(u64),
    /// Signed integer.
    Signed(i64),
    /// Integer with a scale.
    Decimal(Decimal),
    /// Text without its padding, one byte a character.
    Text(Latin1<'a>),
    /// Bytes with no further meaning.
    Bytes(&'a [u8]),
    /// Flag set.
    Bits(u64),
    /// No value: the wire integer that says so.
    Null(i128),
    /// Binary floating point; no value where it is not a number.
    Float(f64),
    /// Text in UTF-8.
    Utf8(&'a str),
    /// Several values of one field, one behind the other.
    List(List<'a>),
}

/// Values of a field that has several.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    field: &'static FieldInfo,
    bytes: &'a [u8],
}

impl PartialEq for List<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.values().eq(other.values())
    }
}

impl<'a> List<'a> {
    /// The values in order.
    pub fn values(self) -> impl Iterator<Item = Value<'a>> {
        let size = (self.bytes.len() / usize::from(self.field.count.max(1))).max(1);
        self.bytes.chunks_exact(size).map(move |bytes| Value::read_one(self.field, bytes, self.field.scale))
    }
}

impl<'a> Value<'a> {
    /// Reads a field's own bytes as its description says.
    ///
    /// An integer of a size that no description gives (none, or over eight bytes) reads as bytes, not as a wrong number.
    pub fn read(field: &'static FieldInfo, bytes: &'a [u8]) -> Self {
        Self::read_scaled(field, bytes, field.scale)
    }

    /// As [`read`](Self::read), with a scale that another field gave.
    pub(crate) fn read_scaled(field: &'static FieldInfo, bytes: &'a [u8], scale: u64) -> Self {
        if field.count > 1 { Self::List(List { field, bytes }) } else { Self::read_one(field, bytes, scale) }
    }

    fn read_one(field: &FieldInfo, bytes: &'a [u8], scale: u64) -> Self {
        if let Some(null) = null(field, bytes) {
            return Self::Null(null);
        }
        match field.kind {
            FieldKind::UNSIGNED | FieldKind::SIGNED | FieldKind::BITS if !(1..=8).contains(&bytes.len()) => {
                Self::Bytes(bytes)
            }
            FieldKind::UNSIGNED => match unsigned(bytes, field.big_endian != 0) {
                raw if scale > 1 => Self::Decimal(Decimal { mantissa: raw.into(), scale }),
                raw => Self::Unsigned(raw),
            },
            FieldKind::SIGNED => match signed(bytes, field.big_endian != 0) {
                raw if scale > 1 => Self::Decimal(Decimal { mantissa: raw.into(), scale }),
                raw => Self::Signed(raw),
            },
            FieldKind::BITS => Self::Bits(unsigned(bytes, field.big_endian != 0)),
            FieldKind::CHAR => Self::Text(Latin1(bytes)),
            // Data of variable length has no padding.
            FieldKind::ASCII | FieldKind::ASCII_NUL if field.size == 0 => Self::Text(Latin1(bytes)),
            FieldKind::ASCII => Self::Text(Latin1(trimmed(bytes, b' '))),
            FieldKind::ASCII_NUL => Self::Text(Latin1(trimmed(bytes, 0))),
            FieldKind::ASCII_DECIMAL => number(bytes),
            FieldKind::FLOAT => float(bytes, field.big_endian != 0),
            FieldKind::UTF8 => std::str::from_utf8(bytes).map_or(Self::Bytes(bytes), Self::Utf8),
            _ => Self::Bytes(bytes),
        }
    }

    /// An integer times `factor` over `scale`.
    pub(crate) fn scaled(self, factor: u64, scale: u64) -> Self {
        let mantissa = match self {
            Self::Unsigned(raw) => i128::from(raw),
            Self::Signed(raw) => i128::from(raw),
            other => return other,
        };
        match mantissa.checked_mul(i128::from(factor)) {
            Some(mantissa) => Self::Decimal(Decimal { mantissa, scale }),
            None => self,
        }
    }

    /// The wire integer, where the field is scaled and it differs from the value.
    pub fn raw(&self) -> Option<i128> {
        match self {
            Self::Decimal(Decimal { mantissa, scale }) if *mantissa != 0 && *scale > 1 => Some(*mantissa),
            Self::Null(raw) => Some(*raw),
            _ => None,
        }
    }

    /// Writes the value as JSON: numbers as numbers, exact; text as text; bytes as hexadecimal text.
    pub(crate) fn write_json(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Text(text) => crate::json::write_text(out, text.chars()),
            Self::Utf8(text) => crate::json::write_text(out, text.chars()),
            Self::Bytes(_) => write!(out, "\"{self}\""),
            Self::Null(_) => out.write_str("null"),
            Self::Float(value) if !value.is_finite() => out.write_str("null"),
            Self::List(list) => {
                out.write_char('[')?;
                for (at, value) in list.values().enumerate() {
                    out.write_str(if at == 0 { "" } else { "," })?;
                    value.write_json(out)?;
                }
                out.write_char(']')
            }
            _ => write!(out, "{self}"),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(value) | Self::Bits(value) => write!(f, "{value}"),
            Self::Signed(value) => write!(f, "{value}"),
            Self::Decimal(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "{text}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Null(_) => f.write_str("none"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Utf8(text) => f.write_str(text),
            Self::List(list) => list.values().enumerate().try_for_each(|(at, value)| {
                f.write_str(if at == 0 { "" } else { ", " })?;
                write!(f, "{value}")
            }),
        }
    }
}

/// Text of one byte a character, where bytes above 127 stand for the characters of the same number.
///
/// Protocols say ASCII; what a feed sends in spite of that must still be shown and come back the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latin1<'a>(pub &'a [u8]);

impl<'a> Latin1<'a> {
    /// The characters.
    pub fn chars(self) -> impl Iterator<Item = char> + 'a {
        self.0.iter().map(|byte| char::from(*byte))
    }

    /// Whether the text is `other`.
    pub fn is(self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

impl fmt::Display for Latin1<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|character| write!(f, "{character}"))
    }
}

/// The integer of at most eight bytes.
pub(crate) fn unsigned(bytes: &[u8], big_endian: bool) -> u64 {
    let shifted = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    if big_endian { bytes.iter().fold(0, shifted) } else { bytes.iter().rev().fold(0, shifted) }
}

fn signed(bytes: &[u8], big_endian: bool) -> i64 {
    let unused = 64 - 8 * bytes.len() as u32;
    (unsigned(bytes, big_endian) << unused).cast_signed() >> unused
}

/// The null value, where the bytes hold it.
fn null(field: &FieldInfo, bytes: &[u8]) -> Option<i128> {
    let is_integer = matches!(field.kind, FieldKind::UNSIGNED | FieldKind::SIGNED | FieldKind::CHAR | FieldKind::BITS);
    if field.nullable == 0 || !is_integer || !(1..=8).contains(&bytes.len()) {
        return None;
    }
    let big_endian = field.big_endian != 0;
    let is_null = unsigned(bytes, big_endian) == field.null & u64::MAX >> (64 - 8 * bytes.len());
    let raw = if field.kind == FieldKind::SIGNED {
        signed(bytes, big_endian).into()
    } else {
        unsigned(bytes, big_endian).into()
    };
    is_null.then_some(raw)
}

fn float(bytes: &[u8], big_endian: bool) -> Value<'_> {
    match bytes.len() {
        4 => Value::Float(f32::from_bits(unsigned(bytes, big_endian) as u32).into()),
        8 => Value::Float(f64::from_bits(unsigned(bytes, big_endian))),
        _ => Value::Bytes(bytes),
    }
}

fn trimmed(bytes: &[u8], padding: u8) -> &[u8] {
    let kept = bytes.iter().rposition(|byte| *byte != padding).map_or(0, |last| last + 1);
    &bytes[..kept]
}

/// A number in text; text that is none stays text.
fn number(bytes: &[u8]) -> Value<'_> {
    let text = Latin1(bytes.trim_ascii());
    let parsed = std::str::from_utf8(text.0).ok().and_then(Decimal::parse);
    match parsed {
        Some(Decimal { mantissa, scale: 1 }) => match (u64::try_from(mantissa), i64::try_from(mantissa)) {
            (Ok(value), _) => Value::Unsigned(value),
            (_, Ok(value)) => Value::Signed(value),
            _ => Value::Text(text),
        },
        Some(decimal) => Value::Decimal(decimal),
        None => Value::Text(text),
    }
}
