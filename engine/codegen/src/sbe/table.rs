//! A layout as the description that inspectors read, without compiling anything.

use wirebook_abi::{
    Description, EnumInfo, EnumValue, FieldInfo, FieldKind, MessageInfo, Text,
    describe::{DataInfo, GroupInfo, HeaderInfo, List, Scaling as Scales, Slot},
};

use super::model::{Block, Data, Field, Group, Kind, Message, Number, Scaling, Schema};

/// Header and messages of a schema. Descriptions borrow for ever, so that what this makes stays until the process ends.
pub fn description(id: &str, schema: &Schema) -> Description {
    let table = Table { schema, enums: schema.enums.iter().map(enumeration).collect() };
    Description {
        protocol: text(id),
        family: text("sbe"),
        messages: kept(schema.messages.iter().map(|message| table.message(message)).collect()),
        header: HeaderInfo {
            size: schema.header_size() as u32,
            block_length: slot(schema.block_length()),
            template_id: slot(schema.template_id()),
            schema_id: slot(schema.schema_number()),
            version: slot(schema.version_number()),
            big_endian: u8::from(schema.big_endian),
            reserved: [0; 3],
        },
        ..Description::PLAIN
    }
}

fn kept<T>(items: Vec<T>) -> List<T> {
    List::new(Vec::leak(items))
}

fn text(text: &str) -> Text {
    Text::new(String::leak(text.to_owned()))
}

fn slot(number: Option<Number>) -> Slot {
    let Number { offset, size } = number.unwrap_or_default();
    Slot { offset: offset as u16, size: size as u16 }
}

fn enumeration(list: &super::model::Enumeration) -> EnumInfo {
    let values = list.values.iter().map(|(code, name)| EnumValue { code: text(code), name: text(name) });
    EnumInfo { name: text(&list.name), values: kept(values.collect()) }
}

struct Table<'a> {
    schema: &'a Schema,
    enums: Vec<EnumInfo>,
}

impl Table<'_> {
    fn message(&self, message: &Message) -> MessageInfo {
        let size = self.schema.header_size();
        let mut fields = self.fields(&self.schema.header, 0);
        fields.extend(self.fields(&message.block.fields, size));
        let id = message.schema_id.or(self.schema.schema_id.filter(|_| self.schema.schema_number().is_some()));
        let (groups, data) = self.parts(&message.block);
        MessageInfo {
            type_text: text(&message.template_id.to_string()),
            name: text(&message.name),
            about: text(message.described()),
            type_value: message.template_id as u32,
            length: (size + message.block.length) as u32,
            fields: kept(fields),
            schema_id: id.map_or(MessageInfo::ANY_SCHEMA, |id| id as u32),
            since: message.since as u32,
            block_length: message.block.length as u32,
            groups,
            data,
            ..MessageInfo::PLAIN
        }
    }

    fn fields(&self, fields: &[Field], base: usize) -> Vec<FieldInfo> {
        fields.iter().map(|field| self.field(field, base)).collect()
    }

    fn parts(&self, block: &Block) -> (List<GroupInfo>, List<DataInfo>) {
        (
            kept(block.groups.iter().map(|group| self.group(group)).collect()),
            kept(block.data.iter().map(data).collect()),
        )
    }

    fn group(&self, group: &Group) -> GroupInfo {
        let dimension = &group.dimension;
        let number = |name: &str, number: Number| FieldInfo {
            name: text(name),
            offset: number.offset as u32,
            size: number.size as u32,
            big_endian: u8::from(self.schema.big_endian),
            ..FieldInfo::PLAIN
        };
        let (groups, data) = self.parts(&group.block);
        GroupInfo {
            name: text(&group.name),
            since: group.since as u32,
            dimension_size: dimension.size as u32,
            dimension: kept(vec![
                number("block_length", dimension.block_length),
                number("num_in_group", dimension.count),
            ]),
            block_length: slot(Some(dimension.block_length)),
            count: slot(Some(dimension.count)),
            entry_size: group.block.length as u32,
            reserved: 0,
            fields: kept(self.fields(&group.block.fields, 0)),
            groups,
            data,
        }
    }

    fn field(&self, field: &Field, base: usize) -> FieldInfo {
        let (scaling, from) = match &field.scaling {
            None => (Scales::FIXED, ""),
            Some((Scaling::Exponent, from)) => (Scales::EXPONENT, from.as_str()),
            Some((Scaling::Decimals, from)) => (Scales::DECIMALS, from.as_str()),
            Some((Scaling::Denominator, from)) => (Scales::DENOMINATOR, from.as_str()),
        };
        let info = FieldInfo {
            name: text(&field.name),
            unit: text(&field.unit),
            scale: field.scale,
            count: field.count as u16,
            null: field.null.unwrap_or(0),
            nullable: u8::from(field.null.is_some()),
            since: field.since as u32,
            scaling,
            scale_from: text(from),
            enumeration: field.enumeration.map_or(EnumInfo::NONE, |at| self.enums[at]),
            ..FieldInfo::PLAIN
        };
        match &field.constant {
            Some(constant) => FieldInfo { constant: text(constant), ..info },
            None => FieldInfo {
                offset: (base + field.offset) as u32,
                size: field.size as u32,
                kind: kind(field.kind),
                big_endian: u8::from(self.schema.big_endian),
                ..info
            },
        }
    }
}

fn data(data: &Data) -> DataInfo {
    let kind = match data.encoding.to_ascii_lowercase().as_str() {
        "" => FieldKind::BYTES,
        "utf-8" | "utf8" => FieldKind::UTF8,
        _ => FieldKind::ASCII_NUL,
    };
    let field = FieldInfo { name: text(&data.name), kind, since: data.since as u32, ..FieldInfo::PLAIN };
    DataInfo { field, length: slot(Some(data.length)), head_size: data.head_size as u32 }
}

fn kind(kind: Kind) -> FieldKind {
    match kind {
        Kind::Unsigned => FieldKind::UNSIGNED,
        Kind::Signed => FieldKind::SIGNED,
        Kind::Char => FieldKind::CHAR,
        Kind::Ascii => FieldKind::ASCII,
        Kind::AsciiNul => FieldKind::ASCII_NUL,
        Kind::Bytes => FieldKind::BYTES,
        Kind::Bits => FieldKind::BITS,
        Kind::Float => FieldKind::FLOAT,
    }
}
