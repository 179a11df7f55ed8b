//! Record batches to Parquet and Arrow files.

use std::{path::Path, sync::Arc};

use arrow_array::{ArrayRef, RecordBatch, StringArray, cast::AsArray, types::UInt32Type};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder},
    schema::types::ColumnPath,
};

use crate::{ExportError, Result, partial_file::PartialFile};

/// Rows of a Parquet row group: enough to compress well, few enough to read one without the rest.
const ROW_GROUP_ROWS: usize = 1 << 20;
const ZSTD_LEVEL: i32 = 3;

/// Format of a file of frames.
///
/// Arrow files hold symbols as plain text: a dictionary that grows from batch to batch is what few readers take (polars none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFormat {
    /// Parquet, zstd, with statistics (`.parquet`).
    Parquet,
    /// Arrow IPC file, which can be mapped and read at any batch (`.arrow`, `.feather`, `.ipc`).
    ArrowFile,
    /// Arrow IPC stream, which can be read while it is written (`.arrows`).
    ArrowStream,
}

impl FrameFormat {
    /// The format that a file's name says.
    ///
    /// # Errors
    ///
    /// [`ExportError::UnknownFormat`] with the endings that would do.
    pub fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("parquet") => Ok(Self::Parquet),
            Some("arrow" | "feather" | "ipc") => Ok(Self::ArrowFile),
            Some("arrows") => Ok(Self::ArrowStream),
            _ => Err(ExportError::UnknownFormat {
                path: path.to_owned(),
                known: ".parquet, .arrow, .feather, .ipc, .arrows",
            }),
        }
    }
}

/// Writes record batches of one schema to a file that appears when [`finish`](Self::finish) succeeds.
#[derive(Debug)]
pub struct FrameWriter {
    sink: Sink,
    rows: u64,
}

enum Sink {
    Parquet(ArrowWriter<PartialFile>),
    File(FileWriter<PartialFile>),
    Stream(StreamWriter<PartialFile>),
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Parquet(_) => "Parquet",
            Self::File(_) => "File",
            Self::Stream(_) => "Stream",
        })
    }
}

impl FrameWriter {
    /// Begins a file of the format that its name says.
    ///
    /// # Errors
    ///
    /// [`ExportError::UnknownFormat`], or [`ExportError::File`] where the folder takes no file.
    pub fn create(path: &Path, schema: &SchemaRef) -> Result<Self> {
        Self::with_format(path, FrameFormat::of(path)?, schema)
    }

    /// Begins a file of this format, whatever its name.
    ///
    /// # Errors
    ///
    /// [`ExportError::File`] where the folder takes no file.
    pub fn with_format(path: &Path, format: FrameFormat, schema: &SchemaRef) -> Result<Self> {
        let file = PartialFile::create(path)?;
        let sink = match format {
            FrameFormat::Parquet => Sink::Parquet(ArrowWriter::try_new(file, schema.clone(), Some(properties()?))?),
            FrameFormat::ArrowFile => Sink::File(FileWriter::try_new(file, &plain_schema(schema))?),
            FrameFormat::ArrowStream => Sink::Stream(StreamWriter::try_new(file, &plain_schema(schema))?),
        };
        Ok(Self { sink, rows: 0 })
    }

    /// Writes a batch.
    ///
    /// # Errors
    ///
    /// What the file system or the format refused; drop the writer, and nothing is left of the file.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.sink {
            Sink::Parquet(writer) => writer.write(batch)?,
            Sink::File(writer) => writer.write(&plain(batch)?)?,
            Sink::Stream(writer) => writer.write(&plain(batch)?)?,
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Completes the file, gives it its name and tells its rows.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn finish(self) -> Result<u64> {
        let file = match self.sink {
            Sink::Parquet(writer) => writer.into_inner()?,
            Sink::File(writer) => writer.into_inner()?,
            Sink::Stream(writer) => writer.into_inner()?,
        };
        file.commit()?;
        Ok(self.rows)
    }
}

/// Dictionaries that grow are keyed by `u32`; those of kinds and sides never change and stay as they are.
fn grows(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(key, _) if **key == DataType::UInt32)
}

fn plain_schema(schema: &SchemaRef) -> SchemaRef {
    let plain = |field: &Arc<Field>| match grows(field.data_type()) {
        true => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        false => field.clone(),
    };
    let fields: Vec<_> = schema.fields().iter().map(plain).collect();
    Arc::new(Schema::new(fields).with_metadata(schema.metadata().clone()))
}

fn plain(batch: &RecordBatch) -> Result<RecordBatch> {
    let plain = |column: &ArrayRef| -> ArrayRef {
        let dictionary =
            column.as_dictionary_opt::<UInt32Type>().and_then(|keyed| keyed.downcast_dict::<StringArray>());
        dictionary.map_or_else(|| column.clone(), |texts| Arc::new(texts.into_iter().collect::<StringArray>()))
    };
    let columns = batch.columns().iter().map(plain).collect();
    Ok(RecordBatch::try_new(plain_schema(&batch.schema()), columns)?)
}

fn properties() -> Result<WriterProperties> {
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page);
    Ok(["ts_event", "ts_recv", "sequence", "order_id", "match_id"].into_iter().fold(builder, rising).build())
}

/// Numbers that mostly rise: differences are small, a dictionary of them is not.
fn rising(builder: WriterPropertiesBuilder, column: &str) -> WriterPropertiesBuilder {
    let column = ColumnPath::from(column);
    builder
        .set_column_dictionary_enabled(column.clone(), false)
        .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
}
