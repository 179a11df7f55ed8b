//! Named values to a message with a header: root block, groups, data.

use wirebook_abi::{DataInfo, Description, FieldInfo, GroupInfo, MessageInfo, Scaling, Slot};

use crate::{
    Decimal, EncodeError, FieldValue,
    encode::{bad_value, bytes_of, number, unknown_field},
};

/// Bytes of a group beyond which its count is taken for a mistake.
const MESSAGE_LIMIT: u64 = 1 << 24;

/// Writes the message; see [`encode()`](crate::encode()).
pub(crate) fn encode<'v>(
    description: &Description,
    info: &'static MessageInfo,
    values: impl IntoIterator<Item = (&'v str, FieldValue)>,
) -> Result<Vec<u8>, EncodeError> {
    let values = values.into_iter().map(|(name, value)| Named { name, value, is_used: false }).collect();
    let mut writer =
        Writer { info, values, big_endian: description.header.big_endian != 0, version: 0, output: Vec::new() };
    let header = description.header;
    let header_size = header.size as usize;
    let header_fields = || info.fields.as_slice().iter().filter(|field| (field.offset as usize) < header_size);
    let field_at = |slot: Slot| header_fields().find(|field| slot.size != 0 && field.offset == u32::from(slot.offset));
    writer.version = match field_at(header.version) {
        None => u64::MAX,
        Some(field) => writer.count("", field)?.unwrap_or_else(|| newest(info)),
    };
    let length = match field_at(header.block_length) {
        None => info.block_length as usize,
        Some(field) => writer.count("", field)?.map_or(info.block_length as usize, |length| length as usize),
    };
    writer.output.resize(header_size + length, 0);
    // A message of any schema has what is given for it.
    let schema = if info.schema_id == MessageInfo::ANY_SCHEMA { Slot::default() } else { header.schema_id };
    for (slot, value) in [
        (header.block_length, length as u64),
        (header.template_id, u64::from(info.type_value)),
        (header.version, writer.version),
        (schema, u64::from(info.schema_id)),
    ] {
        writer.store(slot, 0, value);
    }
    let is_set = |field: &FieldInfo| {
        let slots = [header.block_length, header.template_id, header.version, schema];
        (field.offset as usize) < header_size
            && slots.iter().any(|slot| slot.size != 0 && u32::from(slot.offset) == field.offset)
    };
    for field in info.fields.as_slice() {
        // What the message itself decides is not written twice, but a value given for it must be that.
        if is_set(field) {
            writer.agree(field)?;
        } else {
            writer.field("", field, 0, header_size + length)?;
        }
    }
    writer.parts("", info.groups.as_slice(), info.data.as_slice())?;
    writer.finish(header)
}

/// First version that has all of the message.
fn newest(info: &MessageInfo) -> u64 {
    fn of_groups(groups: &[GroupInfo]) -> u32 {
        let each = |group: &GroupInfo| {
            group
                .since
                .max(of_fields(group.fields.as_slice()))
                .max(of_groups(group.groups.as_slice()))
                .max(of_data(group.data.as_slice()))
        };
        groups.iter().map(each).max().unwrap_or(0)
    }
    fn of_fields(fields: &[FieldInfo]) -> u32 {
        fields.iter().map(|field| field.since).max().unwrap_or(0)
    }
    fn of_data(data: &[DataInfo]) -> u32 {
        data.iter().map(|data| data.field.since).max().unwrap_or(0)
    }
    let root = of_fields(info.fields.as_slice()).max(of_data(info.data.as_slice()));
    u64::from(info.since.max(root).max(of_groups(info.groups.as_slice())))
}

struct Named<'v> {
    name: &'v str,
    value: FieldValue,
    is_used: bool,
}

struct Writer<'v> {
    info: &'static MessageInfo,
    values: Vec<Named<'v>>,
    big_endian: bool,
    version: u64,
    output: Vec<u8>,
}

impl Writer<'_> {
    /// The value given for a name, the last one where there are several.
    fn take(&mut self, prefix: &str, name: &str) -> Option<FieldValue> {
        let mut found = None;
        for each in &mut self.values {
            if each.name.strip_prefix(prefix) == Some(name) {
                each.is_used = true;
                found = Some(each.value.clone());
            }
        }
        found
    }

    /// A value that must be a whole number.
    fn count(&mut self, prefix: &str, field: &'static FieldInfo) -> Result<Option<u64>, EncodeError> {
        let Some(value) = self.take(prefix, field.name.as_str()) else { return Ok(None) };
        let limit = 1_i128 << (8 * field.size.min(8));
        let whole =
            number(field, &value).and_then(|number| number.mantissa_at(1)).filter(|number| (0..limit).contains(number));
        whole.map(|number| Some(number as u64)).ok_or_else(|| bad_value(self.info, field, &value))
    }

    /// Checks a value that was given for a field that the message decides.
    fn agree(&mut self, field: &'static FieldInfo) -> Result<(), EncodeError> {
        let Some(value) = self.take("", field.name.as_str()) else { return Ok(()) };
        let (start, size) = (field.offset as usize, field.size as usize);
        let written = self.output.get(start..start + size);
        if written.is_some() && bytes_of(field, &value, 1) == written.map(<[u8]>::to_vec) {
            return Ok(());
        }
        Err(bad_value(self.info, field, &value))
    }

    /// Writes a field of the block that starts at `base` and ends at `end`.
    fn field(&mut self, prefix: &str, field: &'static FieldInfo, base: usize, end: usize) -> Result<(), EncodeError> {
        let start = base + field.offset as usize;
        let is_there = u64::from(field.since) <= self.version
            && field.constant.as_str().is_empty()
            && start + field.size as usize <= end;
        if !is_there {
            return Ok(());
        }
        let value = self.take(prefix, field.name.as_str()).unwrap_or_else(|| default(field));
        let scale = self.scale(prefix, field);
        let bytes = scaled(value.clone(), scale.0)
            .and_then(|value| bytes_of(field, &value, scale.1))
            .filter(|bytes| bytes.len() == field.size as usize)
            .ok_or_else(|| bad_value(self.info, field, &value))?;
        self.output[start..start + bytes.len()].copy_from_slice(&bytes);
        Ok(())
    }

    /// What another field makes of this one: divisor of the value, and scale of the integer.
    fn scale(&mut self, prefix: &str, field: &FieldInfo) -> (u64, u64) {
        if field.scaling == Scaling::FIXED {
            return (1, field.scale.max(1));
        }
        let mut around = prefix;
        let value = loop {
            if let Some(value) = self.take(around, field.scale_from.as_str()) {
                break value;
            }
            if around.is_empty() {
                return (1, 1);
            }
            around = around[..around.len() - 1].rfind('.').map_or("", |at| &around[..=at]);
        };
        let FieldValue::Integer(number) = value else { return (1, 1) };
        let power = |places: i128| 10_u64.checked_pow(u32::try_from(places).ok()?);
        let scale = match field.scaling {
            Scaling::EXPONENT if number >= 0 => power(number).map(|factor| (factor, 1)),
            Scaling::EXPONENT => power(-number).map(|scale| (1, scale)),
            Scaling::DECIMALS => power(number).map(|scale| (1, scale)),
            _ => u64::try_from(number).ok().filter(|number| *number > 0).map(|scale| (1, scale)),
        };
        // A scale that cannot be is none, as when it is read.
        scale.unwrap_or((1, 1))
    }

    fn parts(
        &mut self,
        prefix: &str,
        groups: &'static [GroupInfo],
        data: &'static [DataInfo],
    ) -> Result<(), EncodeError> {
        let version = self.version;
        for group in groups.iter().filter(|group| u64::from(group.since) <= version) {
            self.group(prefix, group)?;
        }
        for data in data.iter().filter(|data| u64::from(data.field.since) <= version) {
            self.data(prefix, data)?;
        }
        Ok(())
    }

    fn group(&mut self, prefix: &str, group: &'static GroupInfo) -> Result<(), EncodeError> {
        let name = group.name.as_str();
        let [length_field, count_field, ..] = group.dimension.as_slice() else { return Ok(()) };
        let dimension = format!("{prefix}{name}.");
        let length = self.count(&dimension, length_field)?.map_or(group.entry_size as usize, |length| length as usize);
        let entries = format!("{prefix}{name}[");
        let named = self.values.iter().filter_map(|each| {
            let (index, _) = each.name.strip_prefix(entries.as_str())?.split_once(']')?;
            index.parse::<u64>().ok().map(|index| index + 1)
        });
        let named = named.max().unwrap_or(0);
        let count = self.count(&dimension, count_field)?.unwrap_or(named);
        let limit = u64::MAX >> (64 - 8 * u32::from(group.count.size.clamp(1, 8)));
        // A count of its own, without entries that are named, may be anything.
        let size = count.saturating_mul(length.max(1) as u64);
        if count > limit || named > count || size > MESSAGE_LIMIT {
            return Err(bad_value(self.info, count_field, &FieldValue::Integer(count.max(named).into())));
        }
        let start = self.output.len();
        self.output.resize(start + group.dimension_size as usize, 0);
        self.store(group.block_length, start, length as u64);
        self.store(group.count, start, count);
        for entry in 0..count {
            let prefix = format!("{prefix}{name}[{entry}].");
            let start = self.output.len();
            self.output.resize(start + length, 0);
            for field in group.fields.as_slice() {
                self.field(&prefix, field, start, start + length)?;
            }
            self.parts(&prefix, group.groups.as_slice(), group.data.as_slice())?;
        }
        Ok(())
    }

    fn data(&mut self, prefix: &str, data: &'static DataInfo) -> Result<(), EncodeError> {
        let value = self.take(prefix, data.field.name.as_str());
        let bytes = match &value {
            None => Vec::new(),
            Some(value) => bytes_of(&data.field, value, 1).ok_or_else(|| bad_value(self.info, &data.field, value))?,
        };
        let limit = u64::MAX >> (64 - 8 * u32::from(data.length.size.clamp(1, 8)));
        if bytes.len() as u64 > limit {
            return Err(bad_value(self.info, &data.field, &value.unwrap_or(FieldValue::Bytes(bytes))));
        }
        let start = self.output.len();
        self.output.resize(start + data.head_size as usize, 0);
        self.store(data.length, start, bytes.len() as u64);
        self.output.extend(bytes);
        Ok(())
    }

    /// Writes an unsigned integer at its place behind `base`; what has no place is left out.
    fn store(&mut self, slot: Slot, base: usize, value: u64) {
        let (start, size) = (base + usize::from(slot.offset), usize::from(slot.size.min(8)));
        let Some(target) = self.output.get_mut(start..start + size) else { return };
        target.copy_from_slice(&value.to_le_bytes()[..size]);
        if self.big_endian {
            target.reverse();
        }
    }

    /// The message, once every name was one of its fields; a field called `message_length` holds its size.
    fn finish(mut self, header: wirebook_abi::HeaderInfo) -> Result<Vec<u8>, EncodeError> {
        if let Some(unknown) = self.values.iter().find(|each| !each.is_used) {
            return Err(unknown_field(self.info, unknown.name));
        }
        let length = self.info.fields.as_slice().iter().find(|field| field.name.as_str() == "message_length");
        if let Some(field) = length.filter(|field| field.offset < header.size) {
            let slot = Slot { offset: field.offset as u16, size: field.size as u16 };
            self.store(slot, 0, self.output.len() as u64);
        }
        Ok(self.output)
    }
}

/// The value times `1 / factor`.
fn scaled(value: FieldValue, factor: u64) -> Option<FieldValue> {
    match value {
        _ if factor == 1 => Some(value),
        FieldValue::Integer(number) => Some(FieldValue::Decimal(Decimal { mantissa: number, scale: factor })),
        FieldValue::Decimal(Decimal { mantissa, scale }) => {
            Some(FieldValue::Decimal(Decimal { mantissa, scale: scale.checked_mul(factor)? }))
        }
        FieldValue::Null => Some(FieldValue::Null),
        _ => None,
    }
}

/// What a field that is not named holds: no value where it can, else zeros or padding.
fn default(field: &FieldInfo) -> FieldValue {
    if field.nullable != 0 && field.count == 1 {
        return FieldValue::Null;
    }
    FieldValue::Bytes(vec![crate::encode::padding(field.kind); field.size as usize])
}
