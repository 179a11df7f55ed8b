//! Messages of a day by what they are.

/// What a message is, by the events that it stands for. The letters are ITCH's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MessageKind {
    /// Market-wide status (`S`).
    System,
    /// Definition of an instrument (`R`).
    Definition,
    /// Trading state of an instrument (`H`).
    Status,
    /// Add (`A`).
    Add,
    /// Add that names a participant (`F`).
    AddAttributed,
    /// Execution at the order's price (`E`).
    Execute,
    /// Execution at another price (`C`).
    ExecutePriced,
    /// Part of an order cancelled (`X`).
    Reduce,
    /// Order deleted (`D`).
    Delete,
    /// Delete and add in one (`U`).
    Replace,
    /// Trade with a hidden order (`P`).
    Trade,
    /// Result of a cross (`Q`).
    Cross,
    /// Trade made void (`B`).
    TradeBreak,
    /// Auction imbalance (`I`).
    Imbalance,
}

impl MessageKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::System,
        Self::Definition,
        Self::Status,
        Self::Add,
        Self::AddAttributed,
        Self::Execute,
        Self::ExecutePriced,
        Self::Reduce,
        Self::Delete,
        Self::Replace,
        Self::Trade,
        Self::Cross,
        Self::TradeBreak,
        Self::Imbalance,
    ];

    /// ITCH's letter for it.
    pub const fn itch(self) -> char {
        match self {
            Self::System => 'S',
            Self::Definition => 'R',
            Self::Status => 'H',
            Self::Add => 'A',
            Self::AddAttributed => 'F',
            Self::Execute => 'E',
            Self::ExecutePriced => 'C',
            Self::Reduce => 'X',
            Self::Delete => 'D',
            Self::Replace => 'U',
            Self::Trade => 'P',
            Self::Cross => 'Q',
            Self::TradeBreak => 'B',
            Self::Imbalance => 'I',
        }
    }
}

/// How many messages of each kind a day had so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts([u64; MessageKind::ALL.len()]);

impl MessageCounts {
    pub(crate) fn note(&mut self, kind: MessageKind) {
        self.0[kind as usize] += 1;
    }

    /// Messages of one kind.
    pub fn of(&self, kind: MessageKind) -> u64 {
        self.0[kind as usize]
    }

    /// All messages.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each kind with its count.
    pub fn iter(&self) -> impl Iterator<Item = (MessageKind, u64)> + '_ {
        MessageKind::ALL.into_iter().zip(self.0)
    }
}
