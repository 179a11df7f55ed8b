//! Messages of any shape and content that a description allows.

use wirebook_abi::{DataInfo, Description, GroupInfo, MessageInfo, Slot};

/// A message whose bytes, counts and lengths are those of `noise` where the description leaves them open.
pub fn message(description: &Description, info: &MessageInfo, version: u64, noise: &[u8]) -> Vec<u8> {
    Maker { description, noise: noise.iter().cycle(), output: Vec::new(), version }.message(info)
}

struct Maker<'a> {
    description: &'a Description,
    noise: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    output: Vec<u8>,
    version: u64,
}

impl Maker<'_> {
    fn noise(&mut self) -> u8 {
        self.noise.next().copied().unwrap_or(0)
    }

    fn fill(&mut self, count: usize) -> usize {
        let start = self.output.len();
        for _ in 0..count {
            let byte = self.noise();
            self.output.push(byte);
        }
        start
    }

    fn store(&mut self, slot: Slot, base: usize, value: u64) {
        let (start, size) = (base + usize::from(slot.offset), usize::from(slot.size));
        let target = &mut self.output[start..start + size];
        target.copy_from_slice(&value.to_le_bytes()[..size]);
        if self.description.header.big_endian != 0 {
            target.reverse();
        }
    }

    fn message(mut self, info: &MessageInfo) -> Vec<u8> {
        let header = self.description.header;
        self.fill(header.size as usize + info.block_length as usize);
        self.store(header.block_length, 0, u64::from(info.block_length));
        self.store(header.template_id, 0, u64::from(info.type_value));
        self.store(header.version, 0, self.version);
        if info.schema_id != MessageInfo::ANY_SCHEMA {
            self.store(header.schema_id, 0, u64::from(info.schema_id));
        }
        self.parts(info.groups.as_slice(), info.data.as_slice());
        self.output
    }

    fn parts(&mut self, groups: &[GroupInfo], data: &[DataInfo]) {
        let version = self.version;
        for group in groups.iter().filter(|group| u64::from(group.since) <= version) {
            let start = self.fill(group.dimension_size as usize);
            let count = self.noise() % 4;
            self.store(group.block_length, start, u64::from(group.entry_size));
            self.store(group.count, start, count.into());
            for _ in 0..count {
                self.fill(group.entry_size as usize);
                self.parts(group.groups.as_slice(), group.data.as_slice());
            }
        }
        for data in data.iter().filter(|data| u64::from(data.field.since) <= version) {
            let start = self.fill(data.head_size as usize);
            let length = self.noise() % 6;
            self.store(data.length, start, length.into());
            self.fill(length.into());
        }
    }
}
