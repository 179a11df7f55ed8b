//! Messages field by field, by nothing but a protocol's [`Description`](wirebook_abi::Description).
//!
//! - [`message()`] finds a message's type and gives its fields with value, meaning and unit; it allocates nothing.
//! - [`JsonLine`] and [`HumanForm`] write one down, for programs and for people.
//! - [`encode()`] goes the other way: named values to the bytes of a message.
//!
//! What a description says is followed; the conventions on top of it are few: a field named `message_type` holds the
//! message's type (in its first byte where no field is named so), one named `message_length` its length.

mod decimal;
mod encode;
mod encode_blocks;
mod error;
mod human;
mod json;
mod message;
mod parts;
mod value;
mod walk;

pub use decimal::Decimal;
pub use encode::{FieldValue, encode};
pub use error::{EncodeError, InspectError};
pub use human::HumanForm;
pub use json::{ErrorLine, JsonLine, Place};
pub use message::{InspectedField, InspectedMessage, message};
pub use value::{Latin1, List, Value};
pub use walk::FieldPath;
