//! Why a message cannot be shown or made, in words for the person who must mend it.

use thiserror::Error;

/// Why bytes are no message of the protocol.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InspectError {
    /// No description's message has this type.
    #[error("offset {offset}: message type {type_text} is not one of {protocol}'s: {known}")]
    UnknownType {
        /// The type found, as a character where it can be printed.
        type_text: String,
        /// Where in the message it was found, bytes.
        offset: usize,
        /// Identity of the protocol.
        protocol: &'static str,
        /// The types that the protocol has.
        known: String,
    },
    /// The message ends before its type says.
    #[error(
        "{name} ({type_text}): ends at offset {found} inside field {field}, where {expected} bytes in all were expected"
    )]
    Short {
        /// The message's name.
        name: &'static str,
        /// The message's type.
        type_text: &'static str,
        /// First field that is not whole.
        field: &'static str,
        /// Bytes that are there.
        found: usize,
        /// Bytes that the type has.
        expected: usize,
    },
    /// There are no bytes, or too few to hold a type.
    #[error("offset {found}: the message ends before its type, which is at offset {offset}")]
    NoType {
        /// Where the type should be, bytes.
        offset: usize,
        /// Bytes that are there.
        found: usize,
    },
}

/// Why values do not make a message.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// No message has this type or name.
    #[error("{message}: no message of {protocol}; its types and names are {known}")]
    UnknownMessage {
        /// What was asked for.
        message: String,
        /// Identity of the protocol.
        protocol: &'static str,
        /// Types and names that it has.
        known: String,
    },
    /// The message has no such field.
    #[error("{message}.{field}: no such field; {message} has {known}")]
    UnknownField {
        /// The message's name.
        message: &'static str,
        /// The field that was asked for.
        field: String,
        /// Fields that it has.
        known: String,
    },
    /// The value does not fit the field.
    #[error("{message}.{field}: {value} does not fit; {would_do} would do")]
    BadValue {
        /// The message's name.
        message: &'static str,
        /// The field's name.
        field: &'static str,
        /// The value that was given.
        value: String,
        /// What fits.
        would_do: String,
    },
    /// The description puts a field outside its message.
    #[error(
        "{message}.{field}: the description puts it beyond the message's {length} bytes; the plugin must be mended"
    )]
    BadDescription {
        /// The message's name.
        message: &'static str,
        /// The field's name.
        field: &'static str,
        /// Bytes of the message.
        length: usize,
    },
}
