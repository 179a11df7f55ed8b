//! What is wrong with a description, in words for the person who must mend it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Something wrong with a description: where, what, and what to do.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Parts>);

#[derive(Clone, PartialEq, Eq)]
struct Parts {
    file: PathBuf,
    position: Option<(usize, usize)>,
    message: Option<String>,
    field: Option<String>,
    problem: String,
    remedy: String,
}

impl Error {
    pub(crate) fn new(file: &Path, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            file: file.to_owned(),
            position: None,
            message: None,
            field: None,
            problem: problem.into(),
            remedy: remedy.into(),
        }))
    }

    pub(crate) fn at(mut self, line: usize, column: usize) -> Self {
        self.0.position = Some((line, column));
        self
    }

    /// Names the message, unless one is named already.
    pub(crate) fn in_message(mut self, message: impl Into<String>) -> Self {
        self.0.message.get_or_insert(message.into());
        self
    }

    /// Names the field, unless one is named already.
    pub(crate) fn in_field(mut self, field: impl Into<String>) -> Self {
        self.0.field.get_or_insert(field.into());
        self
    }

    /// The description that is wrong.
    pub fn file(&self) -> &Path {
        &self.0.file
    }

    /// Line and column, from 1, where the file could be read as YAML.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.0.position
    }

    /// The message, by type and name, where it is one's.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The field, where it is one's.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.file.display())?;
        if let Some((line, column)) = self.0.position {
            write!(formatter, ":{line}:{column}")?;
        }
        formatter.write_str(": ")?;
        if let Some(message) = &self.0.message {
            write!(formatter, "message {message}: ")?;
        }
        if let Some(field) = &self.0.field {
            write!(formatter, "field {field}: ")?;
        }
        write!(formatter, "{}; {}", self.0.problem, self.0.remedy)
    }
}

impl fmt::Debug for Error {
    /// As `Display`: it is what cargo shows when a build script's `main` gives an error back.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for Error {}
