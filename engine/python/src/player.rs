//! A replay with what it records, and its books.

use wirebook_export::{ExportError, FrameInfo, RecordBatch, Units};
use wirebook_runtime::{BookImage, ImageDetail, NoSink, Replay, ReplayError, Step, Summary};

use crate::{recorder::Recorder, tape::Tape};

/// Bytes of packets between two looks at what the caller wants: some milliseconds.
const BUDGET: u64 = 1 << 20;

/// Looks that a tape takes at a book over a whole file: more than a picture has pixels.
const LOOKS: u64 = 8192;

/// Why a replay cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The capture is broken; everything before was played and recorded.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// Events cannot be recorded.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// What is kept of the events.
pub enum Output {
    /// Nothing: only books are wanted.
    Nothing,
    /// Rows.
    Recorder(Box<Recorder>),
    /// One instrument's prices.
    Tape(Tape),
}

/// A capture being played.
pub struct Player {
    replay: Replay,
    output: Output,
    ended: bool,
    /// What broke the replay, until the batches before it are taken.
    broken: Option<PlayError>,
    /// How prices and times read.
    pub units: Units,
    /// Units of a price to one.
    pub price_scale: u64,
    /// What frames say of themselves.
    pub info: FrameInfo,
}

impl Player {
    /// Plays `replay` and keeps what `output` says.
    pub fn new(replay: Replay, output: Output, units: Units, info: FrameInfo) -> Self {
        let price_scale = replay.table().description().price_scale;
        Self { replay, output, ended: false, broken: None, units, price_scale, info }
    }

    /// Plays on by some milliseconds; false at the end.
    ///
    /// # Errors
    ///
    /// [`PlayError`], once; what came before it was played and recorded.
    pub fn step(&mut self) -> Result<bool, PlayError> {
        if self.ended {
            return Ok(false);
        }
        let budget = self.budget();
        let stepped = match &mut self.output {
            Output::Nothing => self.replay.step(budget, &mut NoSink),
            Output::Recorder(recorder) => self.replay.step(budget, &mut **recorder),
            Output::Tape(tape) => self.replay.step(budget, tape),
        };
        self.ended = !matches!(stepped, Ok(Step::Working));
        match &mut self.output {
            Output::Nothing => {}
            Output::Recorder(recorder) => {
                let recorded = recorder.settle(self.replay.channels());
                self.ended |= recorded.is_err();
                recorded?;
                if self.ended {
                    recorder.finish()?;
                }
            }
            Output::Tape(tape) => tape.look(&self.replay),
        }
        stepped?;
        Ok(!self.ended)
    }

    /// The next batch of events, after as much play as it takes; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`PlayError`], once, when every batch before it was taken.
    pub fn play_to_batch(&mut self) -> Result<Option<RecordBatch>, PlayError> {
        loop {
            if let Some(batch) = self.next_batch() {
                return Ok(Some(batch));
            }
            if let Some(error) = self.broken.take() {
                return Err(error);
            }
            if self.ended {
                return Ok(None);
            }
            self.step_to_batch();
        }
    }

    /// One step, whose error waits for its batches.
    pub fn step_to_batch(&mut self) {
        self.broken = self.step().err();
    }

    /// What broke the replay, when every batch before it was taken.
    pub fn take_broken(&mut self) -> Option<PlayError> {
        self.broken.take()
    }

    fn budget(&self) -> u64 {
        match (&self.output, self.progress().1) {
            (Output::Tape(_), Some(total)) => (total / LOOKS).clamp(1, BUDGET),
            _ => BUDGET,
        }
    }

    /// What is kept of the events.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// The next whole batch of events.
    pub fn next_batch(&mut self) -> Option<RecordBatch> {
        match &mut self.output {
            Output::Recorder(recorder) => recorder.next_batch(),
            _ => None,
        }
    }

    /// Whether all was played.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Bytes read and bytes there are.
    pub fn progress(&self) -> (u64, Option<u64>) {
        let progress = self.replay.progress().unwrap_or_default();
        (progress.bytes_done, progress.bytes_total)
    }

    /// Messages decoded so far.
    pub fn messages(&self) -> u64 {
        self.replay.channels().iter().map(|channel| channel.pipeline().messages()).sum()
    }

    /// What happened so far, and events recorded.
    pub fn summary(&self) -> (Summary, u64) {
        let rows = match &self.output {
            Output::Recorder(recorder) => recorder.rows(),
            _ => 0,
        };
        (self.replay.summary(), rows)
    }

    /// Symbols that a channel has named and a message was of.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.replay.channels().iter().flat_map(|channel| {
            let pipeline = channel.pipeline();
            pipeline.books().instruments().iter().filter_map(|key| pipeline.symbols().symbol(*key))
        })
    }

    /// The books as they stand, or stood before the venue cleared them at the end of its day.
    pub fn books(&self, detail: ImageDetail) -> impl Iterator<Item = BookImage> {
        self.replay.channels().iter().flat_map(move |channel| channel.final_books(detail).books)
    }

    /// The book of a symbol, of the first channel that names it.
    pub fn book(&self, symbol: &str) -> Option<BookImage> {
        let (channel, key) = self.replay.find(symbol)?;
        self.replay.channels()[channel].final_book(key, ImageDetail::Orders)
    }

    /// Whether an instrument is called so.
    pub fn has(&self, symbol: &str) -> bool {
        self.replay.find(symbol).is_some()
    }
}
