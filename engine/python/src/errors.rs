//! Exceptions that Python sees. `wirebook.errors` re-exports them with the framework's own.

use pyo3::{create_exception, exceptions::PyException};

create_exception!(wirebook.errors, WirebookError, PyException, "What went wrong, on what, and what to do.");
create_exception!(wirebook.errors, PluginRefused, WirebookError, "A plugin's decoder cannot run in this engine.");
create_exception!(wirebook.errors, CaptureError, WirebookError, "A capture cannot be read on from some byte.");
create_exception!(wirebook.errors, ProtocolUnclear, WirebookError, "The bytes do not say which protocol they are.");
