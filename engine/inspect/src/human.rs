//! A message as aligned lines for people.

use std::fmt;

use crate::{InspectedField, InspectedMessage};

/// A message to be written as a heading and a line a field: name, value, and in brackets meaning, unit and wire integer.
#[derive(Clone, Copy, Debug)]
pub struct HumanForm<'a> {
    /// The message.
    pub message: InspectedMessage<'a>,
    /// Whether its bytes follow, sixteen a line behind their offset.
    pub hex: bool,
}

impl fmt::Display for HumanForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.message.info;
        writeln!(f, "{} {}, {} bytes", info.type_text.as_str(), info.name.as_str(), self.message.bytes.len())?;
        let fields = self.message.fields();
        let rows: Vec<_> = fields
            .map(|field| (field.path.to_string(), printable(&field.value.to_string()), remarks(&field)))
            .collect();
        let names = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        let values = rows.iter().map(|(_, value, _)| value.chars().count()).max().unwrap_or(0);
        for (name, value, remarks) in &rows {
            let line = format!("  {name:names$}  {value:values$}  {remarks}");
            writeln!(f, "{}", line.trim_end())?;
        }
        if !self.message.unknown_bytes().is_empty() {
            writeln!(f, "  {} more bytes that the description does not know", self.message.unknown_bytes().len())?;
        }
        if self.hex { hex_dump(f, self.message.bytes) } else { Ok(()) }
    }
}

fn remarks(field: &InspectedField<'_>) -> String {
    let raw = field.value.raw().map(|raw| format!("wire {raw}"));
    let unit = Some(field.info.unit.as_str()).filter(|unit| !unit.is_empty());
    let remarks: Vec<_> = [field.meaning, unit, raw.as_deref()].into_iter().flatten().collect();
    if remarks.is_empty() { String::new() } else { format!("({})", remarks.join(", ")) }
}

/// Control characters would move the terminal's cursor, or worse.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '.' } else { c }).collect()
}

fn hex_dump(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for (row, chunk) in bytes.chunks(16).enumerate() {
        let hex: String = chunk.iter().map(|byte| format!("{byte:02x} ")).collect();
        let text: String =
            chunk.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }).collect();
        writeln!(f, "  {:04x}  {hex:48} {text}", row * 16)?;
    }
    Ok(())
}
