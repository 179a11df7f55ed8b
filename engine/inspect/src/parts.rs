//! Parts of a flat message behind its fixed fields: runs that are there several times, and blocks that are not always there.

use wirebook_abi::{FieldInfo, MessageInfo, PartInfo};

use crate::{
    FieldPath,
    message::field_bytes,
    value::unsigned,
    walk::{Around, Found},
};

/// Where the entries of a part lie in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub start: usize,
    pub count: usize,
    stride: usize,
}

impl Extent {
    /// First byte behind the part; 0 where it is not there.
    pub fn end(self) -> usize {
        if self.count == 0 { 0 } else { self.start.saturating_add(self.count.saturating_mul(self.stride)) }
    }
}

/// Where `part` lies in a message whose fixed fields are all there.
pub(crate) fn extent(info: &MessageInfo, part: &PartInfo, bytes: &[u8]) -> Extent {
    let number = |field: u16| number(info, field, bytes);
    let is_there = part.present_field == 0 || number(part.present_field).unwrap_or(0) & part.present_mask != 0;
    let count = number(part.count_field).unwrap_or(u64::from(part.count)) as usize;
    let start = number(part.offset_field).map_or(part.offset as usize, |offset| offset as usize);
    Extent { start, count: if is_there { count } else { 0 }, stride: part.stride as usize }
}

/// The integer in the message's field of this number, which counts from 1; `None` for 0.
fn number(info: &MessageInfo, field: u16, bytes: &[u8]) -> Option<u64> {
    let field = info.fields.as_slice().get(usize::from(field).checked_sub(1)?)?;
    field_bytes(field, bytes).map(|bytes| unsigned(bytes, field.big_endian != 0))
}

/// The fields of all parts of a message, in the order of the description.
pub(crate) fn fields<'a>(info: &'static MessageInfo, bytes: &'a [u8]) -> impl Iterator<Item = Found<'a>> {
    info.parts.as_slice().iter().flat_map(move |part| {
        let extent = extent(info, part, bytes);
        (0..extent.count).flat_map(move |entry| {
            let block = bytes.get(extent.start + entry * extent.stride..).unwrap_or(&[]);
            part.fields.as_slice().iter().filter_map(move |field| found(part, entry, field, block))
        })
    })
}

fn found<'a>(part: &PartInfo, entry: usize, info: &'static FieldInfo, block: &'a [u8]) -> Option<Found<'a>> {
    let bytes = field_bytes(info, block)?;
    let entry = (part.repeats != 0).then_some(entry as u32);
    let path = FieldPath::in_group(part.name.as_str(), entry, info.name.as_str());
    Some(Found { path, info, bytes, around: Around::none() })
}

/// The first part that the message is too short for, or that lies over its fixed fields, and the bytes that it wants.
pub(crate) fn missing(info: &MessageInfo, bytes: &[u8]) -> Option<(&'static str, usize)> {
    info.parts.as_slice().iter().find_map(|part| {
        let extent = extent(info, part, bytes);
        let is_sound = extent.end() <= bytes.len() && (extent.count == 0 || extent.start >= info.length as usize);
        (!is_sound).then(|| (part.name.as_str(), extent.end().max(info.length as usize)))
    })
}
