//! A message as one line of JSON.

use std::fmt::{self, Write};

use crate::{FieldPath, InspectError, InspectedMessage, Latin1};

/// Where a message was found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// 0-based number of the packet in its capture.
    pub packet: u64,
    /// Sequence of the message in its channel.
    pub sequence: u64,
    /// Session of the channel, padded or not.
    pub session: &'a [u8],
}

/// A message to be written as one JSON object, without a line end.
///
/// Keys: `packet`, `session`, `sequence`, `type`, `name`, `bytes`, `fields` (values, scaled), `raw` (wire integers where they differ)
/// and `meanings` (what codes stand for). Decimals are exact.
#[derive(Clone, Copy, Debug)]
pub struct JsonLine<'a>(pub Place<'a>, pub InspectedMessage<'a>);

impl fmt::Display for JsonLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(place, message) = self;
        write_head(f, place, message.info.type_text.as_str(), Some(message.info.name.as_str()), message.bytes.len())?;
        f.write_str(",\"fields\":{")?;
        let mut members = Members::default();
        for field in message.fields() {
            members.key(f, field.path)?;
            field.value.write_json(f)?;
        }
        f.write_str("},\"raw\":{")?;
        let mut members = Members::default();
        for (name, raw) in message.fields().filter_map(|field| Some((field.path, field.value.raw()?))) {
            members.key(f, name)?;
            write!(f, "{raw}")?;
        }
        f.write_str("},\"meanings\":{")?;
        let mut members = Members::default();
        for (name, meaning) in message.fields().filter_map(|field| Some((field.path, field.meaning?))) {
            members.key(f, name)?;
            write_text(f, meaning.chars())?;
        }
        f.write_str("}}")
    }
}

/// Bytes that are no message, to be written as one JSON object with the same keys, `null` for the name, and `error`.
#[derive(Clone, Copy, Debug)]
pub struct ErrorLine<'a>(pub Place<'a>, pub &'a [u8], pub &'a InspectError);

impl fmt::Display for ErrorLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(place, bytes, error) = self;
        let (type_text, name) = match error {
            InspectError::UnknownType { type_text, .. } => (type_text.as_str(), None),
            InspectError::Short { type_text, name, .. } => (*type_text, Some(*name)),
            InspectError::NoType { .. } => ("", None),
        };
        write_head(f, place, type_text, name, bytes.len())?;
        f.write_str(",\"fields\":{},\"raw\":{},\"meanings\":{},\"error\":")?;
        write_text(f, error.to_string().chars())?;
        f.write_char('}')
    }
}

fn write_head(
    f: &mut fmt::Formatter<'_>,
    place: &Place<'_>,
    type_text: &str,
    name: Option<&str>,
    bytes: usize,
) -> fmt::Result {
    write!(f, "{{\"packet\":{},\"session\":", place.packet)?;
    let session = place.session.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
    write_text(f, Latin1(&place.session[..session]).chars())?;
    write!(f, ",\"sequence\":{},\"type\":", place.sequence)?;
    write_text(f, type_text.chars())?;
    f.write_str(",\"name\":")?;
    match name {
        Some(name) => write_text(f, name.chars())?,
        None => f.write_str("null")?,
    }
    write!(f, ",\"bytes\":{bytes}")
}

/// Puts commas between the members of an object.
#[derive(Default)]
struct Members {
    has_one: bool,
}

impl Members {
    fn key(&mut self, out: &mut impl Write, name: FieldPath) -> fmt::Result {
        if self.has_one {
            out.write_char(',')?;
        }
        self.has_one = true;
        match name.groups() {
            [] => write_text(out, name.name().chars())?,
            _ => write_text(out, name.to_string().chars())?,
        }
        out.write_char(':')
    }
}

/// Writes a JSON string in ASCII alone, so that no terminal or decoder on the way can garble it.
pub(crate) fn write_text(out: &mut impl Write, characters: impl Iterator<Item = char>) -> fmt::Result {
    out.write_char('"')?;
    for character in characters {
        match character {
            '"' | '\\' => write!(out, "\\{character}")?,
            ' '..='~' => out.write_char(character)?,
            _ => {
                let mut units = [0; 2];
                character.encode_utf16(&mut units).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
            }
        }
    }
    out.write_char('"')
}
