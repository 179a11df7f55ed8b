//! Names of sessions that are made of numbers: what packets say of their channel, with dots between.

use core::fmt::{self, Write};

use crate::session::session_name;

/// A session's name being written; what does not fit is left out.
#[derive(Clone, Copy, Debug, Default)]
struct Name {
    text: [u8; 16],
    size: usize,
}

impl Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let slot = self.text.get_mut(self.size..self.size + text.len()).ok_or(fmt::Error)?;
        slot.copy_from_slice(text.as_bytes());
        self.size += text.len();
        Ok(())
    }
}

/// A session's name from what formats to it.
#[cold]
pub fn name(arguments: fmt::Arguments<'_>) -> [u8; 16] {
    let mut name = Name::default();
    // The names in use fit by construction; a longer one would be cut.
    let _ = name.write_fmt(arguments);
    name.text
}

/// The numbers that a session's name is made of, as [`name`] wrote them with dots between; those that are left out are 0.
/// `None` where one is no number.
pub fn numbers<const COUNT: usize>(session: &[u8; 16]) -> Option<[i64; COUNT]> {
    let mut parts = text(session)?.split('.');
    let mut numbers = [0; COUNT];
    for number in &mut numbers {
        match parts.next() {
            None | Some("") => {}
            Some(part) => *number = part.parse().ok()?,
        }
    }
    Some(numbers)
}

/// A session whose name is a hexadecimal number; 0 where it has none.
pub fn hexadecimal(session: &[u8; 16]) -> Option<u64> {
    match text(session)? {
        "" => Some(0),
        digits => u64::from_str_radix(digits, 16).ok(),
    }
}

fn text(session: &[u8; 16]) -> Option<&str> {
    core::str::from_utf8(session_name(session)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let session = name(format_args!("{}.{}", 68, 273));
        assert_eq!(&session[..7], b"68.273\0");
        assert_eq!(numbers(&session), Some([68, 273]));
        assert_eq!(numbers(&session), Some([68, 273, 0]));
        assert_eq!(numbers(&[0; 16]), Some([0]));
        assert_eq!(numbers::<1>(b"x\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), None);
        assert_eq!(hexadecimal(&name(format_args!("{:016x}", u64::MAX))), Some(u64::MAX));
    }
}
