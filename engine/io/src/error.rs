//! What can go wrong with a source, in words for the person who must mend it.

use std::{io, path::PathBuf};

/// Why a source cannot go on. Offsets count bytes of the input after decompression, unless they say otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file could not be opened or mapped.
    #[error("{}: {error}; check that the file exists and may be read", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The bytes are of no format that can be told from them alone.
    #[error("the format is not clear from the first {size} bytes; name it: {}", crate::capture::Format::NAMES.join(", "))]
    UnknownFormat {
        /// Bytes looked at.
        size: usize,
    },
    /// The input is empty.
    #[error("the file is empty; record or copy it again")]
    Empty,
    /// The input ends inside of something.
    #[error(
        "byte {offset}: {expected} needs {needed} bytes and the file ends after {left}; everything before was delivered, \
         copy the file again or stop the recorder before copying"
    )]
    Truncated {
        /// Where the thing starts that is not whole.
        offset: u64,
        /// What it is.
        expected: &'static str,
        /// Bytes that it needs, as far as can be told.
        needed: u64,
        /// Bytes that are there.
        left: u64,
    },
    /// The bytes cannot be what the format says.
    #[error("byte {offset}: expected {expected}, found {found}; everything before was delivered, {remedy}")]
    Corrupt {
        /// Where.
        offset: u64,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The capture was made on a kind of interface that this reader does not know.
    #[error(
        "byte {offset}: link type {link_type} is not supported (Ethernet, raw IP, Linux cooked and loopback are); convert the \
         capture, for example with editcap -T ether"
    )]
    LinkType {
        /// Where the link type stands.
        offset: u64,
        /// Its number in the registry of link types.
        link_type: u32,
    },
    /// Decompression stopped.
    #[error(
        "compressed byte {compressed_offset} or shortly before, byte {offset} of what it holds: {error}; everything before was \
         delivered, copy the file again or test it with gzip -t or zstd -t"
    )]
    Decompress {
        /// Where in the compressed file reading had arrived.
        compressed_offset: u64,
        /// Where in the decompressed bytes.
        offset: u64,
        /// What the decompressor said.
        error: io::Error,
    },
    /// Reading from a pipe or device failed.
    #[error("byte {offset}: {error}; everything before was delivered")]
    Read {
        /// Where.
        offset: u64,
        /// What the system said.
        error: io::Error,
    },
    /// A live source is configured in a way that cannot be.
    #[error("{field}: {found}; {remedy}")]
    Config {
        /// Which part of the configuration.
        field: String,
        /// What it says, and why that cannot be.
        found: String,
        /// What would do.
        remedy: String,
    },
    /// A live source could not be started, or failed while it ran.
    #[error("{what}: {error}; {remedy}")]
    Live {
        /// What was tried, on what.
        what: String,
        /// What the system said.
        error: io::Error,
        /// What to do.
        remedy: String,
    },
    /// A packet source is not there on this machine.
    #[error("{what}: {reason}; {remedy}")]
    Unavailable {
        /// Which source.
        what: String,
        /// What is missing.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// More flows than a source keeps.
    #[error("byte {offset}: more than {limit} flows; filter the capture for the feed's addresses and ports")]
    TooManyFlows {
        /// Frame that would have been of a new flow.
        offset: u64,
        /// The most that are kept.
        limit: usize,
    },
}

impl SourceError {
    /// A [`SourceError::Corrupt`] that calls for another copy of the file.
    pub(crate) fn corrupt(offset: u64, expected: &'static str, found: impl Into<String>) -> Self {
        Self::Corrupt { offset, expected, found: found.into(), remedy: "copy or record the file again" }
    }
}
