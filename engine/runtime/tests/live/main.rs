//! Live channels: through chaos into books that are the truth, or say that they are not.

mod channel;
mod chaos;
mod driver;
mod sockets;
mod truth;
mod venue;
