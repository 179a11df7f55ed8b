//! Which sources this machine has.

use super::{dpdk, uring, xdp};
use crate::SourceError;

/// Whether a source is there.
#[derive(Debug)]
pub struct Support {
    /// The source, as configurations call it.
    pub source: &'static str,
    /// What is there, in words; or [`SourceError::Unavailable`], which says what is missing and what to do.
    pub state: Result<String, SourceError>,
}

/// Looks at every source, without opening any: nothing is joined, attached or started.
pub fn support() -> [Support; 4] {
    let state = |source, state| Support { source, state };
    [
        state("socket", Ok("recvmmsg, stamped by the kernel".into())),
        state("io_uring", uring::supported().map(|()| "multishot recvmsg, stamped by the kernel".into())),
        state("af_xdp", xdp::supported().map(|()| "sockets and programs; the driver decides about zero copy".into())),
        state("dpdk", dpdk::release()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_says_what_to_do() {
        for Support { source, state } in support() {
            match state {
                Ok(words) => assert!(!words.is_empty(), "{source}"),
                Err(SourceError::Unavailable { what, remedy, .. }) => {
                    assert_eq!(what, source);
                    assert!(!remedy.is_empty());
                }
                Err(error) => panic!("{source}: {error}"),
            }
        }
    }
}
