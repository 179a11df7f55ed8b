//! A message as other versions of its protocol would send it.
//!
//! Versions only ever add at the end: of a flat message, or of a block whose length stands in the message's header. So a
//! newer message is this one with more bytes there, and an older one has less.

use wirebook_abi::{Description, FieldInfo, HeaderInfo, MessageInfo, describe::Slot};

/// What a newer version adds.
const ADDED: [u8; 4] = [0xa5; 4];

/// The message with bytes at the end of its block, or of itself where it is flat, that this version does not know; `None`
/// where the message's lengths cannot say so, or its type is not described.
///
/// The version stays, since a higher one may promise groups that the message does not have; it is the length that counts.
pub fn newer_version(description: &Description, message: &[u8]) -> Option<Vec<u8>> {
    let header = &description.header;
    let mut newer = message.to_vec();
    if header.size == 0 {
        newer.extend_from_slice(&ADDED);
        // Some flat messages say their own length.
        if let Some(field) = length_field(description, message) {
            let slot = Slot { offset: field.offset as u16, size: field.size as u16 };
            let length = read(message, slot, field.big_endian != 0)?;
            write(&mut newer, slot, field.big_endian != 0, length + ADDED.len() as u64)?;
        }
        return Some(newer);
    }
    let is_big = header.big_endian != 0;
    let block = read(message, header.block_length, is_big)?;
    let at = usize::try_from(u64::from(header.size) + block).ok().filter(|at| *at <= message.len())?;
    newer.splice(at..at, ADDED);
    write(&mut newer, header.block_length, is_big, block + ADDED.len() as u64)?;
    Some(newer)
}

/// The message without the fields that came later, for each version in which its block was shorter. Messages with groups or
/// data that came later are left alone: their bytes would move.
pub fn older_versions(description: &Description, message: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let header = &description.header;
    let Some(info) = find(description, message).filter(|_| header.size != 0) else { return Vec::new() };
    let mut versions: Vec<u32> = info.fields.as_slice().iter().map(|field| field.since).collect();
    versions.sort_unstable();
    versions.dedup();
    let older = versions.into_iter().filter(|since| *since > info.since).map(|since| since - 1);
    older.filter_map(|version| Some((version, older_version(header, info, message, version)?))).collect()
}

fn older_version(header: &HeaderInfo, info: &MessageInfo, message: &[u8], version: u32) -> Option<Vec<u8>> {
    let has_all = info.groups.as_slice().iter().all(|group| group.since <= version)
        && info.data.as_slice().iter().all(|data| data.field.since <= version);
    let is_big = header.big_endian != 0;
    let block = read(message, header.block_length, is_big)?;
    if !has_all || read(message, header.version, is_big)? <= u64::from(version) {
        return None;
    }
    let later = info.fields.as_slice().iter().filter(|field| field.since > version && field.size != 0);
    let end = later.map(|field| field.offset).min()?;
    let kept = end.checked_sub(header.size).map(u64::from).filter(|kept| *kept < block)?;
    let mut older = message.to_vec();
    let block_end = usize::try_from(u64::from(header.size) + block).ok().filter(|at| *at <= message.len())?;
    older.drain(end as usize..block_end);
    write(&mut older, header.block_length, is_big, kept)?;
    write(&mut older, header.version, is_big, u64::from(version))?;
    Some(older)
}

fn find(description: &Description, message: &[u8]) -> Option<&'static MessageInfo> {
    let header = &description.header;
    let template = read(message, header.template_id, header.big_endian != 0)?;
    let schema = read(message, header.schema_id, header.big_endian != 0);
    description.messages.as_slice().iter().find(|info| {
        u64::from(info.type_value) == template
            && (info.schema_id == MessageInfo::ANY_SCHEMA || schema.is_none_or(|id| id == u64::from(info.schema_id)))
    })
}

/// The field in which a flat message has its own length. It stands at one place in all of them.
fn length_field(description: &Description, message: &[u8]) -> Option<&'static FieldInfo> {
    let fields = description.messages.as_slice().iter().flat_map(|info| info.fields.as_slice());
    fields
        .filter(|field| (field.offset + field.size) as usize <= message.len())
        .find(|field| field.name.as_str() == "message_length" && field.size <= 8)
}

fn read(message: &[u8], slot: Slot, is_big: bool) -> Option<u64> {
    let bytes = message.get(usize::from(slot.offset)..)?.get(..usize::from(slot.size)).filter(|it| !it.is_empty())?;
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    Some(if is_big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
}

/// Writes a number; `None` where it does not fit.
fn write(message: &mut [u8], slot: Slot, is_big: bool, value: u64) -> Option<()> {
    let bytes = message.get_mut(usize::from(slot.offset)..)?.get_mut(..usize::from(slot.size))?;
    if slot.size < 8 && value >> (8 * slot.size) != 0 {
        return None;
    }
    let mut rest = value;
    let mut put = |byte: &mut u8| {
        *byte = rest as u8;
        rest >>= 8;
    };
    if is_big {
        bytes.iter_mut().rev().for_each(&mut put)
    } else {
        bytes.iter_mut().for_each(&mut put)
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use wirebook_abi::{Text, describe::List};

    use super::*;

    const fn field(name: &'static str, offset: u32, size: u32, since: u32) -> FieldInfo {
        FieldInfo { name: Text::new(name), offset, size, since, ..FieldInfo::PLAIN }
    }

    static FLAT: [MessageInfo; 1] =
        [MessageInfo { fields: List::new(&[field("message_length", 0, 1, 0)]), ..MessageInfo::PLAIN }];
    static BLOCK: [MessageInfo; 1] = [MessageInfo {
        type_value: 9,
        fields: List::new(&[field("a", 8, 2, 0), field("b", 10, 2, 3), field("c", 12, 1, 5)]),
        ..MessageInfo::PLAIN
    }];
    const HEADER: HeaderInfo = HeaderInfo {
        size: 8,
        block_length: Slot { offset: 0, size: 2 },
        template_id: Slot { offset: 2, size: 2 },
        schema_id: Slot { offset: 4, size: 2 },
        version: Slot { offset: 6, size: 2 },
        ..HeaderInfo::NONE
    };

    #[test]
    fn flat_messages_grow_and_say_so() {
        let description = Description { messages: List::new(&FLAT), ..Description::PLAIN };
        assert_eq!(newer_version(&description, &[2, b'D']), Some(vec![6, b'D', 0xa5, 0xa5, 0xa5, 0xa5]));
        assert_eq!(newer_version(&description, &[254; 254]), None);
        assert_eq!(older_versions(&description, &[2, b'D']), []);
    }

    #[test]
    fn blocks_grow_and_shrink_ahead_of_what_follows_them() {
        let description = Description { messages: List::new(&BLOCK), header: HEADER, ..Description::PLAIN };
        let message = [5, 0, 9, 0, 1, 0, 5, 0, 1, 2, 3, 4, 5, 0x77];
        let newer = newer_version(&description, &message);
        assert_eq!(newer, Some(vec![9, 0, 9, 0, 1, 0, 5, 0, 1, 2, 3, 4, 5, 0xa5, 0xa5, 0xa5, 0xa5, 0x77]));
        let older = older_versions(&description, &message);
        assert_eq!(
            older,
            [(2, vec![2, 0, 9, 0, 1, 0, 2, 0, 1, 2, 0x77]), (4, vec![4, 0, 9, 0, 1, 0, 4, 0, 1, 2, 3, 4, 0x77])]
        );
    }
}
