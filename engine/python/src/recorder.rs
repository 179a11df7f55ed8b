//! What a replay keeps of the events that it applies: frames, or a file.

use std::{collections::VecDeque, path::Path};

use wirebook_abi::{Event, EventCold};
use wirebook_export::{
    DbnConfig, DbnWriter, EventFrameBuilder, Events, ExportError, FrameInfo, FrameWriter, RecordBatch, Symbols, Units,
};
use wirebook_runtime::{Applied, Channel, ReplaySink};

/// Rows between two writes to a file of frames.
const FILE_ROWS: usize = 1 << 16;

/// Where kept events go.
enum Output {
    /// Nowhere: only books are wanted.
    Nothing,
    /// To whoever asks for the next batch.
    Batches { builder: EventFrameBuilder, ready: VecDeque<RecordBatch> },
    /// To a Parquet or Arrow file.
    Frames { builder: EventFrameBuilder, writer: Box<FrameWriter> },
    /// To a DBN file.
    Dbn(Box<DbnWriter>),
}

/// Keeps events of a replay. It takes them as they come and makes rows of them between steps, when the channels can be asked
/// what instruments are called.
pub struct Recorder {
    output: Output,
    taken: Vec<Taken>,
    /// Of `taken`, those in use since the last step; the others wait with their memory.
    used: usize,
    rows: u64,
}

/// Events of one channel.
#[derive(Default)]
struct Taken {
    channel: usize,
    events: Vec<Event>,
    cold: Vec<EventCold>,
    ts_recv_ns: Vec<i64>,
}

impl Recorder {
    /// Keeps nothing.
    pub fn nothing() -> Self {
        Self::new(Output::Nothing)
    }

    /// Gathers batches of about `rows` rows.
    pub fn batches(info: &FrameInfo, units: Units, rows: usize) -> Self {
        Self::new(Output::Batches { builder: EventFrameBuilder::new(info, units, rows), ready: VecDeque::new() })
    }

    /// Writes a file whose ending says its format.
    ///
    /// # Errors
    ///
    /// [`ExportError`] where the ending says none, or the folder takes no file.
    pub fn file(info: &FrameInfo, units: Units, path: &Path, dataset: &str) -> Result<Self, ExportError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".dbn") || name.ends_with(".dbn.zst") {
            let writer = DbnWriter::create(path, &DbnConfig::new(dataset), units)?;
            return Ok(Self::new(Output::Dbn(Box::new(writer))));
        }
        let builder = EventFrameBuilder::new(info, units, FILE_ROWS);
        let writer = Box::new(FrameWriter::create(path, &builder.schema())?);
        Ok(Self::new(Output::Frames { builder, writer }))
    }

    fn new(output: Output) -> Self {
        Self { output, taken: Vec::new(), used: 0, rows: 0 }
    }

    /// The next whole batch.
    pub fn next_batch(&mut self) -> Option<RecordBatch> {
        match &mut self.output {
            Output::Batches { ready, .. } => ready.pop_front(),
            _ => None,
        }
    }

    /// Events kept.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes rows of what was taken since the last call.
    ///
    /// # Errors
    ///
    /// [`ExportError`] for an event that has no row, and what the file system refused.
    pub fn settle(&mut self, channels: &[Channel]) -> Result<(), ExportError> {
        let used = std::mem::take(&mut self.used);
        for taken in &self.taken[..used] {
            let names = Names(&channels[taken.channel]);
            let events = Events::new(&taken.events, &taken.cold, &taken.ts_recv_ns);
            self.output.append(events, &names)?;
            self.rows += taken.events.len() as u64;
        }
        Ok(())
    }

    /// Ends the recording: what waits becomes a batch, a file gets its name.
    ///
    /// # Errors
    ///
    /// What the file system or the format refused.
    pub fn finish(&mut self) -> Result<(), ExportError> {
        match std::mem::replace(&mut self.output, Output::Nothing) {
            Output::Nothing => {}
            Output::Batches { mut builder, mut ready } => {
                if !builder.is_empty() {
                    ready.push_back(builder.finish()?);
                }
                self.output = Output::Batches { builder, ready };
            }
            Output::Frames { mut builder, mut writer } => {
                if !builder.is_empty() {
                    writer.write(&builder.finish()?)?;
                }
                writer.finish()?;
            }
            Output::Dbn(writer) => {
                writer.finish()?;
            }
        }
        Ok(())
    }
}

impl Output {
    fn append(&mut self, events: Events<'_>, names: &Names<'_>) -> Result<(), ExportError> {
        match self {
            Self::Nothing => {}
            Self::Batches { builder, ready } => {
                builder.append(events, names)?;
                if builder.is_full() {
                    ready.push_back(builder.finish()?);
                }
            }
            Self::Frames { builder, writer } => {
                builder.append(events, names)?;
                if builder.is_full() {
                    writer.write(&builder.finish()?)?;
                }
            }
            Self::Dbn(writer) => writer.write(events, names)?,
        }
        Ok(())
    }
}

impl ReplaySink for Recorder {
    const WANTS_RECEIVE_TIME: bool = true;

    fn take(&mut self, channel: usize, applied: Applied<'_>) {
        if matches!(self.output, Output::Nothing) {
            return;
        }
        if self.used == self.taken.len() {
            self.taken.push(Taken::default());
        }
        let taken = &mut self.taken[self.used];
        self.used += 1;
        taken.channel = channel;
        taken.events.clear();
        taken.cold.clear();
        taken.ts_recv_ns.clear();
        taken.events.extend_from_slice(applied.events);
        taken.cold.extend_from_slice(applied.cold);
        taken.ts_recv_ns.extend(applied.ts_recv_ns.iter().map(|time| i64::try_from(*time).unwrap_or(0)));
    }
}

/// What the venue of a channel calls its instruments.
struct Names<'a>(&'a Channel);

impl Symbols for Names<'_> {
    fn symbol(&self, instrument: u32) -> Option<&str> {
        self.0.pipeline().symbols().symbol(instrument)
    }
}
