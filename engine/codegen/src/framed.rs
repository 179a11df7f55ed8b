//! A compiled protocol with what lasts from message to message, as `wirebook_framing::Framed` takes it.

use ::core::marker::PhantomData;

use ::wirebook_abi::{BatchWriter, Description, Group, Outcome, Status};

use super::support::{Memory, Protocol, Symbols};

/// The messages of `P` on one channel.
#[derive(Debug)]
pub struct Compiled<P> {
    memory: Memory,
    symbols: Symbols,
    protocol: PhantomData<P>,
}

impl<P: Protocol> ::wirebook_framing::Messages for Compiled<P> {
    const DESCRIPTION: Description = P::DESCRIPTION;
    const MAX_EVENTS: usize = P::MAX_EVENTS;

    fn new() -> Self {
        Self { memory: Memory::new::<P>(), symbols: Symbols::new::<P>(), protocol: PhantomData }
    }

    fn begin_session(&mut self) {
        self.memory.clear();
    }

    fn miss(&mut self) {
        self.memory.miss();
    }

    #[inline(always)]
    fn size(message: &[u8]) -> Option<usize> {
        P::size(message)
    }

    #[inline(always)]
    fn pass(&mut self, message: &[u8]) {
        P::pass(message, &mut self.memory);
    }

    #[inline(always)]
    fn decode(&mut self, message: &[u8], sequence: u64, batch: &mut BatchWriter<'_>) -> Status {
        P::decode(message, sequence, &mut self.memory, batch)
    }

    fn encode(&mut self, group: Group<'_>, output: &mut [u8]) -> Outcome {
        P::encode(group, &mut self.symbols, output)
    }
}

/// The decoder of `P` for one channel, in any framing that its description lists.
pub type Decoder<P> = ::wirebook_framing::Framed<Compiled<P>>;
