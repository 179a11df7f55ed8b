//! Types of a schema to fields: primitives, arrays, enums, sets, composites, references.

use super::tree::Element;
use crate::{
    Error,
    sbe::model::{Enumeration, Field, Kind, Scaling, snake},
};

/// Name, kind, bytes, and what is null where the schema does not say.
const PRIMITIVES: &[(&str, Kind, usize, u64)] = &[
    ("char", Kind::Char, 1, 0),
    ("int8", Kind::Signed, 1, 1 << 7),
    ("int16", Kind::Signed, 2, 1 << 15),
    ("int32", Kind::Signed, 4, 1 << 31),
    ("int64", Kind::Signed, 8, 1 << 63),
    ("uint8", Kind::Unsigned, 1, u8::MAX as u64),
    ("uint16", Kind::Unsigned, 2, u16::MAX as u64),
    ("uint32", Kind::Unsigned, 4, u32::MAX as u64),
    ("uint64", Kind::Unsigned, 8, u64::MAX),
    ("float", Kind::Float, 4, 0x7FC0_0000),
    ("double", Kind::Float, 8, 0x7FF8_0000_0000_0000),
];

/// Composites within composites: more than this many is a circle.
const DEPTH: usize = 16;

/// The types of a schema, and the code lists that fields used so far.
pub struct Types {
    named: Vec<Element>,
    pub enums: Vec<Enumeration>,
}

/// What the element that uses a type says on top of it.
#[derive(Clone, Copy, Default)]
struct Use<'a> {
    presence: Option<&'a str>,
    null: Option<&'a str>,
    value_ref: Option<&'a str>,
    depth: usize,
}

/// Fields from the start of a type on, and its bytes.
type Layout = (Vec<Field>, usize);

impl Types {
    pub fn new(named: Vec<Element>) -> Self {
        Self { named, enums: Vec::new() }
    }

    pub fn find(&self, name: &str) -> Option<&Element> {
        // Of two types of one name the later one counts, as where a schema replaces a type that it includes.
        self.named.iter().rev().find(|element| element.get("name") == Some(name))
    }

    /// The fields that an element of a block stands for, from offset 0 on, and their bytes.
    pub fn fields(&mut self, element: &Element) -> Result<Layout, Error> {
        let name = snake(element.need("name")?);
        let given = Use {
            presence: element.get("presence"),
            null: element.get("nullValue"),
            value_ref: element.get("valueRef"),
            depth: 0,
        };
        let (mut fields, size) = self.of_name(element, element.need("type")?, given)?;
        for field in &mut fields {
            field.name = joined(&name, &field.name);
            if let Some((_, from)) = &mut field.scaling {
                *from = joined(&name, from);
            }
            field.id = element.number("id", 0)?;
            field.since = field.since.max(element.number("sinceVersion", 0)?);
        }
        if let ([field], Some(from)) = (fields.as_mut_slice(), element.get("exponent")) {
            field.scaling = Some((Scaling::Exponent, snake(from)));
        }
        if let Some(unit) = element.get("semanticType").and_then(|semantic| time_unit(semantic, &fields)) {
            fields.iter_mut().filter(|field| field.unit.is_empty()).for_each(|field| field.unit = unit.to_owned());
        }
        Ok((fields, size))
    }

    /// Layout of a member of a composite.
    pub fn member(&mut self, element: &Element) -> Result<Layout, Error> {
        self.of_element(element, Use::default(), element)
    }

    fn of_name(&mut self, user: &Element, name: &str, given: Use<'_>) -> Result<Layout, Error> {
        if given.depth > DEPTH {
            return Err(user.place.error(format!("type {name} contains itself"), "end the circle"));
        }
        if let Some(element) = self.find(name).cloned() {
            return self.of_element(&element, given, user);
        }
        if primitive(name).is_some() {
            return self.simple(user, name, 1, given, None, "");
        }
        Err(user.place.error(format!("type {name} is not defined"), "add it under types, or mend the name"))
    }

    /// Layout of a type element, of a name or inside a composite.
    fn of_element(&mut self, element: &Element, given: Use<'_>, user: &Element) -> Result<Layout, Error> {
        let layout = match element.name.as_str() {
            "type" => {
                let length = element.small("length")?.unwrap_or(1);
                if length == 0 {
                    let problem = format!("type {} has length 0", element.need("name")?);
                    return Err(element.place.error(problem, "only varData of a data composite has that"));
                }
                let own = Use {
                    presence: given.presence.or(element.get("presence")),
                    null: given.null.or(element.get("nullValue")),
                    value_ref: given.value_ref.or(element.get("valueRef")),
                    depth: given.depth,
                };
                let text = if element.get("presence") == Some("constant") { element.text.as_str() } else { "" };
                let is_text = element.get("length").is_some();
                self.simple(element, element.need("primitiveType")?, length, own, is_text.then_some(()), text)?
            }
            "enum" | "set" => self.coded(element, given, user)?,
            "composite" => self.composite(element, given)?,
            "ref" => self.of_name(element, element.need("type")?, Use { depth: given.depth + 1, ..given })?,
            other => {
                return Err(element
                    .place
                    .error(format!("<{other}> is no type"), "use type, enum, set, composite or ref"));
            }
        };
        let (mut fields, size) = layout;
        if let Some(unit) = element.get("semanticType").and_then(|semantic| time_unit(semantic, &fields)) {
            fields.iter_mut().filter(|field| field.unit.is_empty()).for_each(|field| field.unit = unit.to_owned());
        }
        Ok((fields, size))
    }

    /// A primitive, or several of them.
    fn simple(
        &mut self,
        element: &Element,
        name: &str,
        length: usize,
        given: Use<'_>,
        is_array: Option<()>,
        constant: &str,
    ) -> Result<Layout, Error> {
        let Some((kind, size, default_null)) = primitive(name) else {
            let known: Vec<_> = PRIMITIVES.iter().map(|(name, ..)| *name).collect();
            let problem = format!("primitiveType {name} is not known");
            return Err(element.place.error(problem, format!("use one of {}", known.join(", "))));
        };
        if given.presence == Some("constant") {
            let value = match given.value_ref {
                Some(reference) => self.referred(element, reference)?,
                None if constant.is_empty() => element.text.clone(),
                None => constant.to_owned(),
            };
            if value.is_empty() {
                return Err(element.place.error("a constant without a value", "write it as text, or give a valueRef"));
            }
            return Ok((vec![Field { constant: Some(value), ..field(Kind::Bytes, 0, 1) }], 0));
        }
        let is_text = kind == Kind::Char && is_array.is_some();
        let total = size * length;
        let mut own = match (is_text, length) {
            (true, 1) => field(Kind::Char, 1, 1),
            (true, _) => field(Kind::AsciiNul, total, 1),
            _ => field(kind, total, length),
        };
        if given.presence == Some("optional") || given.null.is_some() {
            let null = given.null.map(|text| null_value(element, text, own.kind, size)).transpose()?;
            // No text is empty text. Other arrays have no null value, and of floats it is always what is not a number.
            own.null = match own.kind {
                Kind::AsciiNul => Some(0),
                Kind::Float => None,
                _ if own.count > 1 => None,
                _ => Some(null.unwrap_or(default_null)),
            };
        }
        Ok((vec![own], total))
    }

    /// An enum or a set.
    fn coded(&mut self, element: &Element, given: Use<'_>, user: &Element) -> Result<Layout, Error> {
        let encoding = element.need("encodingType")?;
        if given.presence == Some("constant") {
            let Some(reference) = given.value_ref else {
                return Err(user.place.error("a constant code without a valueRef", "add valueRef=\"Enum.Value\""));
            };
            let at = self.list(element)?;
            let value = self.referred(user, reference)?;
            return Ok((vec![Field { constant: Some(value), enumeration: Some(at), ..field(Kind::Bytes, 0, 1) }], 0));
        }
        let own = Use { null: given.null.or(element.get("nullValue")), depth: given.depth + 1, ..given };
        let (mut fields, size) = self.of_name(element, encoding, own)?;
        let [field] = fields.as_mut_slice() else {
            return Err(element
                .place
                .error(format!("encodingType {encoding} is no single value"), "use char or an integer"));
        };
        if !field.is_integer() {
            return Err(element
                .place
                .error(format!("encodingType {encoding} is no integer"), "use char or an integer"));
        }
        if element.name == "set" {
            field.kind = Kind::Bits;
            // A set has no null value: each of its bits says something.
            field.null = None;
        }
        field.enumeration = Some(self.list(element)?);
        Ok((fields, size))
    }

    /// Index of an element's code list, read now where it was not used before.
    fn list(&mut self, element: &Element) -> Result<usize, Error> {
        let is_set = element.name == "set";
        let name = snake(element.need("name")?) + if is_set { "_bits" } else { "" };
        let mut values = Vec::new();
        for value in &element.children {
            let meaning = snake(value.need("name")?);
            let code = value.text.as_str();
            let code = match (is_set, code.parse::<u32>()) {
                (true, Ok(bit)) if bit < 64 => (1_u64 << bit).to_string(),
                (true, _) => {
                    return Err(value
                        .place
                        .error(format!("choice {code:?} is no bit"), "write the bit's number, from 0"));
                }
                // Without blanks around it a blank is nothing.
                (false, _) if code.is_empty() && value.is_blank => " ".to_owned(),
                (false, _) if code.is_empty() => {
                    return Err(value.place.error("a valid value without a code", "write it as text"));
                }
                _ => code.to_owned(),
            };
            values.push((code, meaning));
        }
        let list = Enumeration { name, values };
        if let Some(at) = self.enums.iter().position(|known| *known == list) {
            return Ok(at);
        }
        self.enums.push(list);
        Ok(self.enums.len() - 1)
    }

    /// The code that `Enum.Value` names.
    fn referred(&self, user: &Element, reference: &str) -> Result<String, Error> {
        let found = reference.split_once('.').and_then(|(name, value)| {
            let list = self.find(name).filter(|element| element.name == "enum")?;
            let value = list.children.iter().find(|each| each.get("name") == Some(value))?;
            Some(value.text.clone())
        });
        found.ok_or_else(|| {
            user.place.error(format!("valueRef {reference} names no value of an enum"), "write Enum.Value")
        })
    }

    /// Members one behind the other. One that is alone on the wire is the composite itself, its constants saying how it reads.
    fn composite(&mut self, element: &Element, given: Use<'_>) -> Result<Layout, Error> {
        let (mut fields, mut size) = (Vec::new(), 0);
        for member in &element.children {
            let name = snake(member.need("name")?);
            // Presence of the user goes to what is alone on the wire.
            let own = Use { depth: given.depth + 1, ..Use::default() };
            let (members, bytes) = self.of_element(member, own, member)?;
            let start = match member.small("offset")? {
                Some(offset) if offset < size => {
                    let problem = format!("starts at {offset} inside what stands before it, which ends at {size}");
                    return Err(member.place.error(problem, "mend the offset").in_field(name));
                }
                offset => offset.unwrap_or(size),
            };
            let since = member.number("sinceVersion", 0)?;
            fields.extend(members.into_iter().map(|field| Field {
                name: joined(&name, &field.name),
                offset: start + field.offset,
                since: field.since.max(since),
                scaling: field.scaling.as_ref().map(|(scaling, from)| (*scaling, joined(&name, from))),
                ..field
            }));
            size = start + bytes;
        }
        decimal(element, &mut fields)?;
        let on_wire = fields.iter().filter(|field| field.constant.is_none()).count();
        if on_wire == 1 && fields.len() > 1 {
            fields.retain(|field| field.constant.is_none());
            fields[0].name.clear();
            self.overridden(element, &mut fields[0], given)?;
        }
        Ok((fields, size))
    }

    /// What a field says of the one value of its composite.
    fn overridden(&self, element: &Element, field: &mut Field, given: Use<'_>) -> Result<(), Error> {
        if let Some(null) = given.null {
            field.null = Some(null_value(element, null, field.kind, field.size)?);
        } else if given.presence == Some("optional") && field.null.is_none() && field.count == 1 {
            let default = PRIMITIVES.iter().find(|(_, kind, size, _)| (*kind, *size) == (field.kind, field.size));
            field.null = default.map(|(.., null)| *null);
        }
        Ok(())
    }
}

/// Makes a mantissa's scale of a composite's exponent, and a time's unit of its unit.
fn decimal(element: &Element, fields: &mut [Field]) -> Result<(), Error> {
    let exponent = fields.iter().position(|field| field.name == "exponent");
    let mantissa = fields.iter().position(|field| field.constant.is_none() && field.name != "exponent");
    if let (Some(exponent), Some(mantissa)) = (exponent, mantissa) {
        match &fields[exponent].constant {
            Some(constant) => {
                let places: Option<u32> = constant.parse::<i32>().ok().and_then(|power| u32::try_from(-power).ok());
                let Some(scale) = places.and_then(|places| 10_u64.checked_pow(places)) else {
                    let problem = format!("the constant exponent {constant} is not from -19 to 0");
                    return Err(element.place.error(problem, "values that large have no scale here"));
                };
                fields[mantissa].scale = scale;
                "decimal".clone_into(&mut fields[mantissa].unit);
            }
            None => fields[mantissa].scaling = Some((Scaling::Exponent, "exponent".into())),
        }
    }
    let unit = fields.iter().find(|field| field.name == "unit").and_then(|field| field.constant.as_deref());
    let unit = match unit {
        Some("9") => "unix_nanoseconds",
        Some("6") => "unix_microseconds",
        Some("3") => "unix_milliseconds",
        Some("0") => "unix_seconds",
        _ => return Ok(()),
    };
    if let Some(time) = fields.iter_mut().find(|field| field.name == "time") {
        unit.clone_into(&mut time.unit);
    }
    Ok(())
}

fn primitive(name: &str) -> Option<(Kind, usize, u64)> {
    PRIMITIVES.iter().find(|(known, ..)| *known == name).map(|(_, kind, size, null)| (*kind, *size, *null))
}

/// A field without a name, at offset 0.
fn field(kind: Kind, size: usize, count: usize) -> Field {
    Field {
        name: String::new(),
        id: 0,
        offset: 0,
        size,
        count,
        kind,
        scale: 1,
        scaling: None,
        unit: String::new(),
        null: None,
        enumeration: None,
        constant: None,
        since: 0,
        note: String::new(),
    }
}

/// A null value of the schema, as the wire has it.
fn null_value(element: &Element, text: &str, kind: Kind, size: usize) -> Result<u64, Error> {
    let mask = u64::MAX >> (64 - 8 * size);
    if kind == Kind::Float && text.eq_ignore_ascii_case("nan") {
        return Ok(primitive(if size == 4 { "float" } else { "double" }).map_or(0, |(.., null)| null));
    }
    let number = text.parse::<i128>().ok().filter(|number| (-(1 << 63)..1 << 64).contains(number));
    let character =
        || text.as_bytes().first().filter(|_| kind == Kind::Char && text.len() == 1).map(|byte| i128::from(*byte));
    match number.or_else(character) {
        Some(number) => Ok(number as u64 & mask),
        None => Err(element.place.error(format!("nullValue {text:?} is no number"), "write digits")),
    }
}

/// The unit that a semantic type gives a field of one value.
fn time_unit(semantic: &str, fields: &[Field]) -> Option<&'static str> {
    let [field] = fields else { return None };
    match (semantic, field.kind, field.size) {
        ("UTCTimestamp" | "UTCTimestampNanos", Kind::Unsigned | Kind::Signed, 8) => Some("unix_nanoseconds"),
        ("LocalMktDate", Kind::Unsigned | Kind::Signed, 2) => Some("days_since_1970_01_01"),
        _ => None,
    }
}

fn joined(name: &str, member: &str) -> String {
    if member.is_empty() { name.to_owned() } else { format!("{name}.{member}") }
}
