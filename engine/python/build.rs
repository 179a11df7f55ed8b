//! Lays out the SDK: the sources of the crates that a plugin builds against, which the wheel carries as `wirebook/_sdk`.
//!
//! They stand in a workspace of their own, so that their manifests are taken as they are.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Crates that a plugin from outside names.
const CRATES: [&str; 3] = ["abi", "framing", "codegen"];

fn main() -> io::Result<()> {
    let engine = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let sdk = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("_sdk");
    if sdk.exists() {
        // A file that is gone from a crate must not stay here.
        fs::remove_dir_all(&sdk)?;
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", engine.join("Cargo.toml").display());
    fs::create_dir_all(&sdk)?;
    fs::write(sdk.join("Cargo.toml"), workspace(&fs::read_to_string(engine.join("Cargo.toml"))?))?;
    for name in CRATES {
        for part in ["Cargo.toml", "src"] {
            let from = engine.join(name).join(part);
            println!("cargo:rerun-if-changed={}", from.display());
            copy(&from, &sdk.join(name).join(part))?;
        }
    }
    Ok(())
}

/// The engine's workspace with the crates of the SDK alone.
fn workspace(manifest: &str) -> String {
    let kept = |line: &&str| {
        let name = line.strip_prefix("wirebook-").and_then(|rest| rest.split_once(" = ")).map(|(name, _)| name);
        name.is_none_or(|name| CRATES.contains(&name))
    };
    let lines = manifest.lines().filter(kept).map(|line| match line.starts_with("members = ") {
        true => format!("members = {CRATES:?}\n"),
        false => format!("{line}\n"),
    });
    lines.collect()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::create_dir_all(to.parent().expect("it is below the SDK"))?;
    fs::copy(from, to).map(drop)
}
