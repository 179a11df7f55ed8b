//! Files that appear under their name only when they are complete.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Seek, Write},
    path::{Path, PathBuf},
};

use crate::{ExportError, Result};

const BUFFER_BYTES: usize = 1 << 20;

/// A file that is written as `NAME.partial` and gets its name at the end; dropped before, it is removed.
#[derive(Debug)]
pub(crate) struct PartialFile {
    // `None` only while `commit` or `into_reader` takes the file apart.
    writer: Option<BufWriter<Target>>,
    partial: PathBuf,
    path: PathBuf,
    keep: bool,
}

impl PartialFile {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let opened = File::options().read(true).write(true).create(true).truncate(true).open(&partial);
        let file = opened.map_err(|source| ExportError::File { action: "create", path: partial.clone(), source })?;
        let target = Target { file, path: path.to_owned(), written: 0 };
        let writer = Some(BufWriter::with_capacity(BUFFER_BYTES, target));
        Ok(Self { writer, partial, path: path.to_owned(), keep: false })
    }

    /// Gives the file its name, once every byte is on the disk.
    pub(crate) fn commit(mut self) -> Result<()> {
        let file = self.flushed()?;
        file.sync_all().map_err(|source| self.failed("complete", source))?;
        fs::rename(&self.partial, &self.path).map_err(|source| self.failed("rename its partial file to", source))?;
        self.keep = true;
        Ok(())
    }

    /// What was written, from its start; the file goes when the guard does.
    pub(crate) fn into_reader(mut self) -> Result<(File, impl Drop)> {
        let mut file = self.flushed()?;
        file.rewind().map_err(|source| self.failed("read back", source))?;
        Ok((file, self))
    }

    fn flushed(&mut self) -> Result<File> {
        let writer = self.writer.take().expect("the file is taken apart once, by a method that consumes it");
        let target = writer.into_inner().map_err(|error| self.failed("write", error.into_error()))?;
        Ok(target.file)
    }

    fn failed(&self, action: &'static str, source: io::Error) -> ExportError {
        ExportError::File { action, path: self.path.clone(), source }
    }
}

impl Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.writer {
            Some(writer) => writer.write(bytes),
            None => Err(io::Error::other("the file is closed")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.keep {
            // What the buffer still holds belongs to a file that nobody will see.
            if let Some(writer) = self.writer.take() {
                let _ = writer.into_parts();
            }
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// The file behind the buffer: its errors say which file, how far, and what to do.
#[derive(Debug)]
struct Target {
    file: File,
    path: PathBuf,
    written: u64,
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write(bytes) {
            Ok(count) => {
                self.written += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.explained(&error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Target {
    fn explained(&self, error: &io::Error) -> io::Error {
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free space or choose another folder",
            io::ErrorKind::FileTooLarge => "; the file system or a limit of the process allows no larger file",
            _ => "",
        };
        let path = self.path.display();
        let text = format!("{path}: {error}, after {} bytes{remedy}; no file was left behind", self.written);
        io::Error::new(error.kind(), text)
    }
}
