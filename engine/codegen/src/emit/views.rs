//! A view and a plain-data struct for each message.

use std::fmt::Write as _;

use super::literal;
use crate::model::{Field, Kind, Message, Protocol, integer_bits};

pub fn emit(out: &mut String, protocol: &Protocol, message: &Message) {
    view(out, protocol, message);
    fields(out, protocol, message);
}

fn sentence(message: &Message) -> String {
    if message.about.is_empty() { "see the venue's specification".into() } else { message.about.clone() }
}

fn view(out: &mut String, protocol: &Protocol, message: &Message) {
    let (name, length) = (message.type_name(), message.length);
    let _ = write!(
        out,
        "/// {title} (`{type_text}`): {about}.\n\
         #[derive(Clone, Copy, Debug)]\npub struct {name}<'a>(&'a [u8; {length}]);\n\n\
         impl<'a> {name}<'a> {{\n\
         /// Bytes of the message.\npub const SIZE: usize = {length};\n\n\
         /// Views the front of `message`, whatever its type.\n///\n/// # Errors\n///\n\
         /// [`DecodeError::Truncated`] where it has fewer than {length} bytes.\n\
         #[inline(always)]\npub fn new(message: &'a [u8]) -> Result<Self, DecodeError> {{\n\
         message.first_chunk().map(Self).ok_or(DecodeError::Truncated)\n}}\n",
        title = message.title,
        type_text = message.type_text,
        about = sentence(message),
    );
    for field in &message.fields {
        let _ = write!(
            out,
            "\n{doc}#[inline(always)]\npub fn {name}(self) -> {kind} {{\n{load}\n}}\n",
            doc = doc(protocol, field),
            name = field.name,
            kind = field.rust_type(),
            load = load(protocol, message, field)
        );
    }
    let _ = write!(
        out,
        "\n/// All fields but the constant ones.\npub fn to_fields(self) -> {name}Fields {{\n{name}Fields {{\n"
    );
    for field in plain(message) {
        let _ = writeln!(out, "{0}: self.{0}(),", field.name);
    }
    out.push_str("}\n}\n}\n\n");
}

fn fields(out: &mut String, protocol: &Protocol, message: &Message) {
    let (name, length) = (message.type_name(), message.length);
    // The standard library has no default of arrays that are longer.
    let is_long = plain(message).any(|field| !field.is_integer() && field.size > 32);
    let _ = write!(
        out,
        "/// The fields of {title} (`{type_text}`) as raw wire values, to be written.\n\
         #[derive(Clone, Copy, Debug, {default}PartialEq, Eq)]\npub struct {name}Fields {{\n",
        title = message.title,
        type_text = message.type_text,
        default = if is_long { "" } else { "Default, " },
    );
    for field in plain(message) {
        let _ = writeln!(out, "{}pub {}: {},", doc(protocol, field), field.name, field.rust_type());
    }
    if is_long {
        let _ = write!(out, "}}\n\nimpl Default for {name}Fields {{\nfn default() -> Self {{\nSelf {{\n");
        for field in plain(message) {
            let value = if field.is_integer() { "0".into() } else { format!("[0; {}]", field.size) };
            let _ = writeln!(out, "{}: {value},", field.name);
        }
        out.push_str("}\n}\n");
    }
    let _ = write!(
        out,
        "}}\n\nimpl {name}Fields {{\n/// The message; of an integer wider than its field the high bytes are cut.\n\
         pub fn encode(&self) -> [u8; {length}] {{\nlet mut message = [0; {length}];\n"
    );
    for field in &message.fields {
        out.push_str(&store(protocol, field));
    }
    out.push_str("message\n}\n}\n\n");
}

/// Fields that are not constant.
fn plain(message: &Message) -> impl Iterator<Item = &Field> {
    message.fields.iter().filter(|field| field.constant.is_none())
}

/// Doc comment of a field: its note, unit, scale and code list.
fn doc(protocol: &Protocol, field: &Field) -> String {
    let mut text = if field.note.is_empty() {
        let spaced = field.name.replace('_', " ");
        spaced[..1].to_uppercase() + &spaced[1..]
    } else {
        field.note.clone()
    };
    if !field.unit.is_empty() {
        let _ = write!(text, "; {}", field.unit);
    }
    if field.scale != 1 {
        let _ = write!(text, " times {}", field.scale);
    }
    if field.scaled_by_instrument {
        text.push_str(" in the instrument's scale");
    }
    if let Some(null) = field.null_text() {
        let _ = write!(text, "; {null} where there is none");
    }
    if let Some(list) = field.enumeration.map(|at| &protocol.enums[at]) {
        let _ = write!(text, "; a code of `{}`", list.name);
    }
    format!("/// {text}.\n")
}

/// The expression that loads a field of a view.
fn load(protocol: &Protocol, message: &Message, field: &Field) -> String {
    let (at, size) = (field.offset, field.size);
    if !field.is_integer() {
        return format!("support::field::<{at}, {size}, {}>(self.0)", message.length);
    }
    if size == 1 {
        return if field.kind == Kind::Signed { format!("self.0[{at}] as i8") } else { format!("self.0[{at}]") };
    }
    let bits = integer_bits(size);
    let order = if protocol.big_endian { "be" } else { "le" };
    let wide = bits / 8;
    if wide == size {
        let kind = if field.kind == Kind::Signed { "i" } else { "u" };
        return format!("{kind}{bits}::from_{order}_bytes(support::field::<{at}, {size}, {}>(self.0))", message.length);
    }
    // One load of a wider integer that lies within the message, cut to size.
    let mask = format!("0x{:x}", u64::MAX >> (64 - 8 * size));
    let extra = wide - size;
    let start = if protocol.big_endian { at.checked_sub(extra) } else { (at + wide <= message.length).then_some(at) };
    match start {
        Some(start) => {
            format!(
                "u{bits}::from_{order}_bytes(support::field::<{start}, {wide}, {}>(self.0)) & {mask}",
                message.length
            )
        }
        None => {
            let range = if protocol.big_endian { format!("{extra}..") } else { format!("..{size}") };
            format!(
                "let mut bytes = [0; {wide}];\nbytes[{range}].copy_from_slice(&self.0[{at}..{}]);\nu{bits}::from_{order}_bytes(bytes)",
                at + size
            )
        }
    }
}

/// The statement that writes a field into `message`.
fn store(protocol: &Protocol, field: &Field) -> String {
    let (at, end) = (field.offset, field.offset + field.size);
    let value = match field.constant {
        Some(constant) if field.size == 1 => literal(field, constant),
        Some(constant) => format!("{constant}_{}", field.rust_type()),
        None => format!("self.{}", field.name),
    };
    if !field.is_integer() {
        return format!("message[{at}..{end}].copy_from_slice(&{value});\n");
    }
    if field.size == 1 {
        return format!("message[{at}] = {value}{};\n", if field.kind == Kind::Signed { " as u8" } else { "" });
    }
    let wide = integer_bits(field.size) / 8;
    let (order, range) = if protocol.big_endian {
        ("be", format!("{}..", wide - field.size))
    } else {
        ("le", format!("..{}", field.size))
    };
    format!("message[{at}..{end}].copy_from_slice(&{value}.to_{order}_bytes()[{range}]);\n")
}
