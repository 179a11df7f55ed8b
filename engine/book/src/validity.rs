//! Whether a book may be believed, why not, and since when.

/// State of a book, as every snapshot, row and metric carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// What the book is.
    pub state: BookState,
    /// Why.
    pub reason: Reason,
    /// Sequence of the message that made it so.
    pub since_sequence: u64,
}

/// What a book is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum BookState {
    /// Every message since the start of the session was applied.
    #[default]
    Valid = 0,
    /// Joined after the session's start: orders from before are missing.
    Building = 1,
    /// Messages were missed and are being fetched.
    Recovering = 2,
    /// Messages were missed or contradict the book and nothing mends it, or nothing comes any more.
    Stale = 3,
    /// The venue's own messages leave the best bid at or above the best ask.
    CrossedAtSource = 4,
    /// The book is right, and the venue does not trade the instrument now.
    Halted = 5,
}

/// Why a book is in its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// Nothing is wrong.
    #[default]
    None = 0,
    /// The first packet was not the session's first.
    JoinedLate = 1,
    /// A sequence gap was not filled.
    Gap = 2,
    /// A message named an order that was never added.
    UnknownOrder = 3,
    /// A message contradicts the order or level it names: more executed than is left, an id added twice, levels out of order.
    Contradiction = 4,
    /// A quantity does not fit a book's order.
    Oversized = 5,
    /// Best bid at or above best ask.
    Crossed = 6,
    /// Trading is halted or paused.
    TradingHalt = 7,
    /// The decoder failed.
    DecoderFailed = 8,
    /// A message named a price level that is not there.
    UnknownLevel = 9,
    /// Messages are missing and are being fetched.
    Recovering = 10,
    /// Nothing has come for longer than the venue ever pauses.
    Silent = 11,
}

impl BookState {
    /// How many states there are.
    pub const COUNT: usize = 6;

    /// Every state, in the order of its value.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Valid, Self::Building, Self::Recovering, Self::Stale, Self::CrossedAtSource, Self::Halted];

    /// The state in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Building => "building",
            Self::Recovering => "recovering",
            Self::Stale => "stale",
            Self::CrossedAtSource => "crossed_at_source",
            Self::Halted => "halted",
        }
    }

    pub(crate) fn from_u8(value: u8) -> Self {
        Self::ALL.get(usize::from(value)).copied().unwrap_or(Self::Stale)
    }
}

impl Reason {
    const ALL: [Self; 12] = [
        Self::None,
        Self::JoinedLate,
        Self::Gap,
        Self::UnknownOrder,
        Self::Contradiction,
        Self::Oversized,
        Self::Crossed,
        Self::TradingHalt,
        Self::DecoderFailed,
        Self::UnknownLevel,
        Self::Recovering,
        Self::Silent,
    ];

    /// The reason in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::JoinedLate => "joined_late",
            Self::Gap => "gap",
            Self::UnknownOrder => "unknown_order",
            Self::Contradiction => "contradiction",
            Self::Oversized => "oversized_quantity",
            Self::Crossed => "crossed",
            Self::TradingHalt => "trading_halt",
            Self::DecoderFailed => "decoder_failed",
            Self::UnknownLevel => "unknown_level",
            Self::Recovering => "recovering",
            Self::Silent => "silent",
        }
    }

    pub(crate) fn from_u8(value: u8) -> Self {
        Self::ALL.get(usize::from(value)).copied().unwrap_or(Self::None)
    }
}

/// Everything that is wrong with a book at once, one bit a reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Conditions(u16);

impl Conditions {
    pub fn has(self, reason: Reason) -> bool {
        self.0 & (1 << reason as u16) != 0
    }

    pub fn set(&mut self, reason: Reason, on: bool) {
        let bit = 1 << reason as u16;
        if on {
            self.0 |= bit;
        } else {
            self.0 &= !bit;
        }
    }

    /// Every condition that is set.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |reason| self.has(*reason))
    }

    /// Whether the book may differ from the venue's.
    pub fn is_doubtful(self) -> bool {
        const DOUBTFUL: u16 = 1 << Reason::JoinedLate as u16
            | 1 << Reason::Gap as u16
            | 1 << Reason::UnknownOrder as u16
            | 1 << Reason::UnknownLevel as u16
            | 1 << Reason::Contradiction as u16
            | 1 << Reason::Oversized as u16
            | 1 << Reason::DecoderFailed as u16
            | 1 << Reason::Recovering as u16
            | 1 << Reason::Silent as u16;
        self.0 & DOUBTFUL != 0
    }

    /// The gravest of them, and the state it makes.
    #[inline]
    pub fn state(self) -> (BookState, Reason) {
        if self.0 == 0 { (BookState::Valid, Reason::None) } else { self.gravest() }
    }

    #[cold]
    fn gravest(self) -> (BookState, Reason) {
        const BY_GRAVITY: [(Reason, BookState); 11] = [
            (Reason::DecoderFailed, BookState::Stale),
            // While it lasts, what is fetched may mend all that stands below.
            (Reason::Recovering, BookState::Recovering),
            (Reason::Gap, BookState::Stale),
            (Reason::Contradiction, BookState::Stale),
            (Reason::Oversized, BookState::Stale),
            (Reason::UnknownOrder, BookState::Stale),
            (Reason::UnknownLevel, BookState::Stale),
            (Reason::Silent, BookState::Stale),
            (Reason::JoinedLate, BookState::Building),
            (Reason::Crossed, BookState::CrossedAtSource),
            (Reason::TradingHalt, BookState::Halted),
        ];
        BY_GRAVITY
            .into_iter()
            .find(|(reason, _)| self.has(*reason))
            .map_or((BookState::Valid, Reason::None), |(reason, state)| (state, reason))
    }
}
