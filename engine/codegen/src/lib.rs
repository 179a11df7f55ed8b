//! Compiles protocol descriptions to Rust.
//!
//! A description is one YAML file a protocol version: layout (which bytes are which field) and meaning (which message is
//! which event, and which field is its order id, side, price, quantity). A plugin's `build.rs` compiles all of a folder:
//!
//! ```no_run
//! fn main() -> Result<(), wirebook_codegen::Error> {
//!     wirebook_codegen::compile("protocols")
//! }
//! ```
//!
//! and its crate takes the result in with `include!(concat!(env!("OUT_DIR"), "/protocols.rs"))`: one module a protocol with
//!
//! - a view and a plain-data struct for each message, each the other's inverse;
//! - `DESCRIPTION`, the table that inspectors read;
//! - a type that implements `support::Protocol`: events of a message, and the message for a group of events;
//! - a reference page, as the module's documentation and as `<id>.md` in `OUT_DIR`.
//!
//! What a description may say is in [`format`](mod@format). Everything wrong in one is an [`Error`] at build time that names file, message,
//! field and remedy. How packets frame messages is the plugin's own: the result knows nothing of it.

mod emit;
mod error;
pub mod format;
#[allow(dead_code, reason = "compiled here so that it is checked; plugins get its text")]
#[doc(hidden)]
pub mod framed;
mod model;
mod parse;
mod sbe;
#[allow(dead_code, reason = "compiled here so that it is checked and tested; plugins get its text")]
#[doc(hidden)]
pub mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

pub use error::Error;
use wirebook_abi::Description;

/// What [`generate`] makes of the descriptions of a folder.
#[derive(Debug)]
pub struct Generated {
    /// Rust source: `support`, and one module a protocol.
    pub rust: String,
    /// Reference pages: file name and Markdown, one a protocol.
    pub pages: Vec<(String, String)>,
    /// Files read.
    pub inputs: Vec<PathBuf>,
}

/// Compiles every `.yaml` of `folder` into `protocols.rs` and reference pages in `OUT_DIR`, and tells cargo when to do so
/// again. To be called from a build script.
///
/// # Errors
///
/// The first thing that is wrong in a description, or a file that cannot be read or written.
pub fn compile(folder: impl AsRef<Path>) -> Result<(), Error> {
    let folder = folder.as_ref();
    println!("cargo:rerun-if-changed={}", folder.display());
    let generated = generate(folder)?;
    for input in &generated.inputs {
        println!("cargo:rerun-if-changed={}", input.display());
    }
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| {
        Error::new(folder, "OUT_DIR is not set", "call this from a build script, where cargo sets it")
    })?;
    write(&out.join("protocols.rs"), &generated.rust)?;
    for (name, page) in &generated.pages {
        write(&out.join(name), page)?;
    }
    Ok(())
}

/// Compiles every `.yaml` of `folder`, in the order of their names, and writes nothing.
///
/// # Errors
///
/// As [`compile`].
pub fn generate(folder: &Path) -> Result<Generated, Error> {
    let mut inputs = descriptions(folder)?;
    let (mut flat, mut framed, mut modules) = (Vec::new(), Vec::new(), Vec::new());
    for path in inputs.clone() {
        let root = parse::load(&path)?;
        let (id, module) = if root.get("family").is_some_and(|family| family.text() == Ok("sbe")) {
            let protocol = sbe::protocol(&root)?;
            inputs.extend(protocol.inputs.iter().cloned());
            framed.push(protocol);
            framed.last().map(|protocol| (protocol.id.clone(), protocol.module()))
        } else {
            flat.push(parse::protocol(&root)?);
            flat.last().map(|protocol| (protocol.id.clone(), protocol.module()))
        }
        .unwrap_or_default();
        if modules.contains(&module) {
            return Err(Error::new(
                &path,
                format!("id: {id:?} is taken by another description of this folder"),
                "give each protocol version an id of its own",
            ));
        }
        modules.push(module);
    }
    let mut rust = emit::rust(&flat);
    if !framed.is_empty() {
        sbe::shared(&mut rust);
    }
    for protocol in &framed {
        sbe::rust(&mut rust, protocol);
    }
    let pages = flat.iter().map(|protocol| (format!("{}.md", protocol.id), emit::page(protocol)));
    let framed_pages = framed.iter().map(|protocol| (format!("{}.md", protocol.id), sbe::page(protocol)));
    Ok(Generated { rust, pages: pages.chain(framed_pages).collect(), inputs })
}

/// Reads the layout of a description of family `sbe`, or of a venue's XML schema, as the table that inspectors read; messages
/// and header only, and no meaning. It is never given back: a command looks at some and ends.
///
/// # Errors
///
/// The first thing that is wrong with it, or a file that cannot be read.
pub fn sbe_description(path: &Path) -> Result<Description, Error> {
    sbe::description(path)
}

fn descriptions(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |cause| Error::new(folder, format!("cannot be read: {cause}"), "name a folder with descriptions");
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(Error::new(folder, "has no .yaml file", "put one description a protocol version there"));
    }
    paths.sort();
    Ok(paths)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text)
        .map_err(|cause| Error::new(path, format!("cannot be written: {cause}"), "free space or mend permissions"))
}
