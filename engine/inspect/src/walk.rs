//! Walks a message with a header: root block, groups and their entries, variable data, each by the lengths on the wire.

use std::fmt;

use wirebook_abi::{DataInfo, Description, FieldInfo, GroupInfo, HeaderInfo, MessageInfo, Slot};

use crate::value::unsigned;

/// Groups within groups that are followed; a description with more is not read further than this.
pub(crate) const DEPTH: usize = 6;

/// A field's name with the groups and entries that it is in: `no_legs[1].leg_price`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldPath {
    /// Group and entry; no entry for a field of the group's dimension.
    steps: [(&'static str, Option<u32>); DEPTH],
    depth: usize,
    name: &'static str,
}

impl FieldPath {
    pub(crate) fn plain(name: &'static str) -> Self {
        Self { steps: [("", None); DEPTH], depth: 0, name }
    }

    pub(crate) fn in_group(group: &'static str, entry: Option<u32>, name: &'static str) -> Self {
        let mut path = Self::plain(name);
        path.steps[0] = (group, entry);
        path.depth = 1;
        path
    }

    /// The field's own name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Groups around the field, outermost first, each with the entry's index; no index for a field of the dimension.
    pub fn groups(&self) -> &[(&'static str, Option<u32>)] {
        self.steps.get(..self.depth).unwrap_or(&[])
    }

    /// Whether `text` is this path.
    pub fn is(&self, text: &str) -> bool {
        if self.depth == 0 { self.name == text } else { self.to_string() == text }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (group, entry) in self.groups() {
            match entry {
                Some(entry) => write!(f, "{group}[{entry}].")?,
                None => write!(f, "{group}.")?,
            }
        }
        f.write_str(self.name)
    }
}

/// A field that the message has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub path: FieldPath,
    pub info: &'static FieldInfo,
    pub bytes: &'a [u8],
    /// First bytes of the blocks around the field, outermost first: where fields that scale it are looked for.
    pub around: Around<'a>,
}

/// The blocks around a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    blocks: [Option<(&'static [FieldInfo], &'a [u8])>; DEPTH + 1],
    pub version: u64,
}

impl<'a> Around<'a> {
    pub(crate) fn none() -> Self {
        Self { blocks: [None; DEPTH + 1], version: 0 }
    }

    /// Layout and bytes of the field `name`, of the innermost block that has it.
    pub fn field(&self, name: &str) -> Option<(&'static FieldInfo, &'a [u8])> {
        self.blocks.iter().rev().flatten().find_map(|(fields, block)| {
            let info = fields.iter().find(|field| field.name.as_str() == name)?;
            Some((info, present(info, block, self.version)?))
        })
    }
}

/// Where a walk found the message to end too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Field, group or data that is not whole.
    pub name: &'static str,
    /// Bytes that the message should have at least.
    pub expected: usize,
}

/// The bytes of a field that is on the wire in this version of the block.
fn present<'a>(info: &FieldInfo, block: &'a [u8], version: u64) -> Option<&'a [u8]> {
    let is_there = u64::from(info.since) <= version && info.constant.as_str().is_empty();
    let start = info.offset as usize;
    block.get(start..start.checked_add(info.size as usize)?).filter(|_| is_there)
}

/// The number in a slot, from `base` on; `None` where there is no slot or the bytes end before.
pub(crate) fn number(slot: Slot, bytes: &[u8], base: usize, big_endian: bool) -> Option<u64> {
    let start = base + usize::from(slot.offset);
    let bytes = bytes.get(start..start + usize::from(slot.size)).filter(|bytes| (1..=8).contains(&bytes.len()))?;
    Some(unsigned(bytes, big_endian))
}

/// A block whose parts are being walked.
#[derive(Clone, Copy)]
struct Level {
    group: Option<&'static GroupInfo>,
    fields: &'static [FieldInfo],
    groups: &'static [GroupInfo],
    data: &'static [DataInfo],
    /// The block on the wire.
    start: usize,
    end: usize,
    next_field: usize,
    next_group: usize,
    next_data: usize,
    entry: u32,
    count: u32,
}

/// A group's dimension whose fields are being given.
#[derive(Clone, Copy)]
struct Dimension {
    group: &'static GroupInfo,
    start: usize,
    next_field: usize,
    /// Depth of the block that the group is in.
    depth: usize,
}

/// Gives the fields of a message one by one; an error where the message is cut, then no more.
pub(crate) struct Walk<'a> {
    header: HeaderInfo,
    bytes: &'a [u8],
    version: u64,
    levels: [Option<Level>; DEPTH + 1],
    depth: usize,
    at: usize,
    /// Fields of a group's dimension that come next.
    dimension: Option<Dimension>,
    cut: Option<Cut>,
}

impl<'a> Walk<'a> {
    pub fn new(description: &Description, info: &'static MessageInfo, bytes: &'a [u8]) -> Self {
        let header = description.header;
        let big_endian = header.big_endian != 0;
        let size = header.size as usize;
        let version = number(header.version, bytes, 0, big_endian).unwrap_or(u64::MAX);
        let length = number(header.block_length, bytes, 0, big_endian)
            .map_or(info.block_length as usize, |length| length as usize);
        let root = Level {
            group: None,
            fields: info.fields.as_slice(),
            groups: info.groups.as_slice(),
            data: info.data.as_slice(),
            start: 0,
            end: size.saturating_add(length),
            next_field: 0,
            next_group: 0,
            next_data: 0,
            entry: 0,
            count: 1,
        };
        let mut levels = [None; DEPTH + 1];
        levels[0] = Some(root);
        let cut = (root.end > bytes.len()).then_some(Cut { name: "root block", expected: root.end });
        Self { header, bytes, version, levels, depth: 0, at: root.end, dimension: None, cut }
    }

    /// First byte behind what was walked so far.
    pub fn position(&self) -> usize {
        self.at.min(self.bytes.len())
    }

    fn number(&self, slot: Slot, base: usize) -> Option<u64> {
        number(slot, self.bytes, base, self.header.big_endian != 0)
    }

    fn cut(&mut self, name: &'static str, expected: usize) {
        self.cut = Some(Cut { name, expected });
    }

    fn block(&self, level: &Level) -> &'a [u8] {
        self.bytes.get(level.start..level.end).unwrap_or(&[])
    }

    fn found(&self, depth: usize, name: &'static str, info: &'static FieldInfo, bytes: &'a [u8]) -> Found<'a> {
        let mut path = FieldPath::plain(name);
        let mut around = Around { version: self.version, ..Around::none() };
        for (at, level) in self.levels.iter().take(depth + 1).enumerate() {
            let Some(level) = level else { break };
            around.blocks[at] = Some((level.fields, self.block(level)));
            if let Some(group) = level.group {
                path.steps[path.depth] = (group.name.as_str(), Some(level.entry));
                path.depth += 1;
            }
        }
        Found { path, info, bytes, around }
    }

    /// The next field of a dimension that was opened.
    fn next_of_dimension(&mut self) -> Option<Found<'a>> {
        let mut dimension = self.dimension?;
        let Some(info) = dimension.group.dimension.as_slice().get(dimension.next_field) else {
            self.dimension = None;
            return None;
        };
        dimension.next_field += 1;
        self.dimension = Some(dimension);
        let from = dimension.start + info.offset as usize;
        let bytes = self.bytes.get(from..from + info.size as usize)?;
        let mut found = self.found(dimension.depth, info.name.as_str(), info, bytes);
        if let Some(step) = found.path.steps.get_mut(found.path.depth) {
            *step = (dimension.group.name.as_str(), None);
            found.path.depth += 1;
        }
        Some(found)
    }

    /// Reads a group's dimension, and goes into its first entry.
    fn open(&mut self, group: &'static GroupInfo) {
        if u64::from(group.since) > self.version {
            return;
        }
        let (start, head) = (self.at, group.dimension_size as usize);
        let length = self.number(group.block_length, start);
        let count = self.number(group.count, start);
        let (Some(length), Some(count)) = (length, count) else {
            return self.cut(group.name.as_str(), start + head);
        };
        if self.bytes.len() < start + head {
            return self.cut(group.name.as_str(), start + head);
        }
        self.at = start + head;
        let entries = (length as usize).saturating_mul(count as usize);
        // Entries without bytes could be billions in a few: no message has more entries than bytes.
        let end = self.at.saturating_add(entries).max(usize::try_from(count).unwrap_or(usize::MAX));
        if end > self.bytes.len() {
            return self.cut(group.name.as_str(), end);
        }
        self.dimension = Some(Dimension { group, start, next_field: 0, depth: self.depth });
        if count == 0 || self.depth == DEPTH || self.is_empty(group, length) {
            return;
        }
        let end = self.at + length as usize;
        self.depth += 1;
        self.levels[self.depth] = Some(Level {
            group: Some(group),
            fields: group.fields.as_slice(),
            groups: group.groups.as_slice(),
            data: group.data.as_slice(),
            start: self.at,
            end,
            next_field: 0,
            next_group: 0,
            next_data: 0,
            entry: 0,
            count: u32::try_from(count).unwrap_or(u32::MAX),
        });
        self.at = end;
    }

    /// Whether entries of this length hold nothing: there may be millions of them in a few bytes.
    fn is_empty(&self, group: &GroupInfo, length: u64) -> bool {
        length == 0 && group.groups.as_slice().is_empty() && group.data.as_slice().is_empty()
    }

    fn next_data(&mut self, data: &'static DataInfo) -> Option<Found<'a>> {
        if u64::from(data.field.since) > self.version {
            return None;
        }
        let start = self.at + data.head_size as usize;
        let Some(length) = self.number(data.length, self.at) else {
            self.cut(data.field.name.as_str(), start);
            return None;
        };
        let end = start.saturating_add(length as usize);
        let Some(bytes) = self.bytes.get(start..end) else {
            self.cut(data.field.name.as_str(), end);
            return None;
        };
        self.at = end;
        Some(self.found(self.depth, data.field.name.as_str(), &data.field, bytes))
    }

    /// Goes to the next entry of the group, or out of it.
    fn close(&mut self, level: Level) -> bool {
        let next = level.entry + 1;
        let length = level.end - level.start;
        if level.group.is_some() && next < level.count {
            let end = self.at.saturating_add(length);
            if end > self.bytes.len() {
                self.cut(level.group.map_or("", |group| group.name.as_str()), end);
                return false;
            }
            self.levels[self.depth] =
                Some(Level { start: self.at, end, next_field: 0, next_group: 0, next_data: 0, entry: next, ..level });
            self.at = end;
            return true;
        }
        if self.depth == 0 {
            return false;
        }
        self.levels[self.depth] = None;
        self.depth -= 1;
        true
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Found<'a>, Cut>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(cut) = self.cut.take() {
                self.levels[0] = None;
                self.depth = 0;
                return Some(Err(cut));
            }
            if let Some(found) = self.next_of_dimension() {
                return Some(Ok(found));
            }
            let mut level = self.levels[self.depth]?;
            if let Some(info) = level.fields.get(level.next_field) {
                level.next_field += 1;
                self.levels[self.depth] = Some(level);
                if let Some(bytes) = present(info, self.block(&level), self.version) {
                    return Some(Ok(self.found(self.depth, info.name.as_str(), info, bytes)));
                }
            } else if let Some(group) = level.groups.get(level.next_group) {
                level.next_group += 1;
                self.levels[self.depth] = Some(level);
                self.open(group);
            } else if let Some(data) = level.data.get(level.next_data) {
                level.next_data += 1;
                self.levels[self.depth] = Some(level);
                if let Some(found) = self.next_data(data) {
                    return Some(Ok(found));
                }
            } else if !self.close(level) && self.cut.is_none() {
                return None;
            }
        }
    }
}
