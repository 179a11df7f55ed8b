//! Outcomes that cross the border, and what a packet's framing says.

/// Why a packet or message was not taken as it stands. One value a cause, each with a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Status(pub u16);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The status in words; `"unknown status"` for a value of none.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* _ => "unknown status" }
            }

            /// Every status, in the order of its value.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

statuses! {
    /// All of it was taken.
    OK = 0, "ok";
    /// The batch has no room for the next message: drain it and call again with a larger `skip`.
    BATCH_FULL = 1, "batch full";
    /// The packet ends before what it announces.
    TRUNCATED = 2, "truncated";
    /// A message is shorter than its type.
    SHORT_MESSAGE = 3, "short message";
    /// A message is longer than its type: the known part was taken.
    LONG_MESSAGE = 4, "long message";
    /// A message of a type that the description does not list: skipped by its length.
    UNKNOWN_TYPE = 5, "unknown message type";
    /// A field whose value decides what happens has one that the description does not list: the message was skipped.
    BAD_VALUE = 6, "value out of range";
    /// Bytes follow what the packet announces.
    TRAILING_BYTES = 7, "trailing bytes";
    /// The header is not one of this framing.
    BAD_HEADER = 8, "bad header";
    /// The decoder panicked: it takes no more packets.
    PANICKED = 9, "decoder panicked";
    /// The event group has no message in this protocol.
    NOT_ENCODABLE = 10, "no message for this event";
    /// The output buffer is too small.
    NO_ROOM = 11, "no room in the output";
    /// The decoder wrote more than the caller's arrays hold: it takes no more packets.
    OVERRUN = 12, "decoder overran its batch";
    /// The message names one instrument more than the description's `instrument_limit`: it was skipped.
    TOO_MANY_INSTRUMENTS = 13, "too many instruments";
    /// A price of an instrument whose scale no message has given: the message was skipped.
    UNSCALED_PRICE = 14, "price of unknown scale";
}

/// Result of a call that takes or refuses a packet as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Outcome {
    /// [`Status::OK`], or why not.
    pub status: Status,
    /// Zero.
    pub reserved: u16,
    /// Offset in the packet, bytes, that the status speaks of; on success the bytes written, where the call writes any.
    pub offset: u32,
}

impl Outcome {
    /// Taken; `offset` bytes were written.
    pub const fn ok(offset: u32) -> Self {
        Self { status: Status::OK, reserved: 0, offset }
    }

    /// Refused at `offset`.
    pub const fn refused(status: Status, offset: usize) -> Self {
        Self { status, reserved: 0, offset: offset as u32 }
    }
}

/// Result of decoding or splitting a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Decoded {
    /// Messages taken by this call, those with faults and empty ones included; skipped ones are not.
    pub messages: u32,
    /// [`Status::OK`] at the packet's end, [`Status::BATCH_FULL`], or what stopped it.
    pub status: Status,
    /// Zero.
    pub reserved: u16,
    /// Offset in the packet, bytes, at which it stopped.
    pub offset: u32,
}

/// What framing says of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Frame {
    /// Sequence of the first message, or of the packet where it counts those; of the next one to come where there is none.
    /// 0: not sequenced.
    pub first_sequence: u64,
    /// Messages in the packet.
    pub message_count: u32,
    /// Bytes of the input that this packet takes: all of a datagram, whole messages only of a stream.
    pub size_bytes: u32,
    /// Name of the session, ASCII, NUL padded; all NUL where the framing has none.
    pub session: [u8; 16],
    /// What the packet is.
    pub kind: FrameKind,
    /// What its sequence counts.
    pub numbering: Numbering,
    /// Zero.
    pub reserved: [u8; 6],
}

/// What the sequence of a packet counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Numbering(pub u8);

impl Numbering {
    /// Messages: each of the packet's has the next sequence.
    pub const MESSAGES: Self = Self(0);
    /// Packets: it takes one sequence, which is that of all its messages, and may have none.
    pub const PACKETS: Self = Self(1);
}

impl Frame {
    /// Sequences that the packet takes.
    #[inline]
    pub const fn sequence_count(&self) -> u32 {
        match (self.kind, self.numbering) {
            (FrameKind::DATA, Numbering::PACKETS) => 1,
            (FrameKind::DATA, _) => self.message_count,
            _ => 0,
        }
    }

    /// Sequence of the message at `index` of the packet.
    #[inline]
    pub const fn sequence_of(&self, index: u32) -> u64 {
        match self.numbering {
            Numbering::PACKETS => self.first_sequence,
            _ => self.first_sequence.wrapping_add(index as u64),
        }
    }
}

/// What a packet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct FrameKind(pub u8);

impl FrameKind {
    /// Messages.
    pub const DATA: Self = Self(0);
    /// No message; says which sequence comes next.
    pub const HEARTBEAT: Self = Self(1);
    /// No message follows in this session.
    pub const END_OF_SESSION: Self = Self(2);
    /// The packet belongs to the conversation (logins and the like) and has no market data.
    pub const CONTROL: Self = Self(3);
}

/// How packets number messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Framing(pub u32);

impl Framing {
    /// MoldUDP64 downstream datagrams.
    pub const MOLDUDP64: Self = Self(1);
    /// A stream of messages, each behind a big-endian `u16` length.
    pub const LENGTH16: Self = Self(2);
    /// SoupBinTCP, the server's side of a stream.
    pub const SOUPBINTCP: Self = Self(3);
    /// Cboe sequenced unit header datagrams.
    pub const SEQUENCED_UNIT: Self = Self(4);
    /// CME packet header (sequence, sending time) with message size framing.
    pub const CME_PACKET: Self = Self(5);
    /// CME conflated TCP: a stream of such packets behind a mark.
    pub const CME_TCP: Self = Self(6);
    /// B3 UMDF packet header (channel, sequence version and number, sending time), messages behind size and encoding type.
    pub const B3_PACKET: Self = Self(7);
    /// MEMX session datagrams.
    pub const MEMX_PACKET: Self = Self(8);
    /// Coinbase Derivatives packet header, messages padded to whole words.
    pub const COINBASE_PACKET: Self = Self(9);
    /// Deribit packet header; messages say their own length.
    pub const DERIBIT_PACKET: Self = Self(10);
    /// Euronext Optiq packet header (time, sequence, flags, channel) with message size framing.
    pub const OPTIQ_PACKET: Self = Self(11);
    /// MOEX SIMBA packet header; messages have no length but that of their parts.
    pub const SIMBA_PACKET: Self = Self(12);
    /// One message a packet, as binary WebSocket frames carry them; nothing is numbered.
    pub const MESSAGE: Self = Self(13);

    const NAMES: [(Self, &'static str); 13] = [
        (Self::MOLDUDP64, "moldudp64"),
        (Self::LENGTH16, "length16"),
        (Self::SOUPBINTCP, "soupbintcp"),
        (Self::SEQUENCED_UNIT, "sequenced_unit"),
        (Self::CME_PACKET, "cme_packet"),
        (Self::CME_TCP, "cme_tcp"),
        (Self::B3_PACKET, "b3_packet"),
        (Self::MEMX_PACKET, "memx_packet"),
        (Self::COINBASE_PACKET, "coinbase_packet"),
        (Self::DERIBIT_PACKET, "deribit_packet"),
        (Self::OPTIQ_PACKET, "optiq_packet"),
        (Self::SIMBA_PACKET, "simba_packet"),
        (Self::MESSAGE, "message"),
    ];

    /// Name in configuration and tables.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(framing, _)| *framing == self).map_or("unknown", |(_, name)| name)
    }

    /// The framing with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, each)| *each == name).map(|(framing, _)| *framing)
    }

    /// Whether the session names the channel: packets of several may come to one address, each numbered for itself.
    pub const fn session_is_channel(self) -> bool {
        matches!(self, Self::SEQUENCED_UNIT)
    }

    /// Whether each packet says of which of the channel's feeds it is: increments, snapshots, definitions. One decoder takes them
    /// all then, in any order, and its keys of instruments are those of all of them.
    pub const fn names_feeds(self) -> bool {
        matches!(self, Self::B3_PACKET | Self::COINBASE_PACKET | Self::DERIBIT_PACKET)
    }

    /// Whether definitions and snapshots of single instruments may come in loops beside the channel, numbered apart.
    pub const fn has_loops(self) -> bool {
        matches!(self, Self::CME_PACKET | Self::B3_PACKET | Self::COINBASE_PACKET | Self::DERIBIT_PACKET)
    }

    /// Whether the bytes are a stream that has no packet borders of its own.
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::LENGTH16 | Self::SOUPBINTCP | Self::CME_TCP)
    }
}

/// Where a message lies in its packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Span {
    /// Bytes before the message.
    pub offset: u32,
    /// Bytes of the message.
    pub size: u32,
}
