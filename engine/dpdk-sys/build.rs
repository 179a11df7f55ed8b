//! Builds the shim where libdpdk's headers are, and says so to the crate, which carries it along.

use std::{
    env, fs,
    io::{self, ErrorKind},
    path::PathBuf,
    process::{Command, Output},
};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src/shim.c");
    println!("cargo:rerun-if-changed=build.rs");
    for name in ["CC", "PKG_CONFIG_PATH", "WIREBOOK_DPDK"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    // Built anew when libdpdk comes or goes.
    for folder in ["/usr/lib/x86_64-linux-gnu/pkgconfig", "/usr/lib/pkgconfig", "/usr/local/lib/pkgconfig"] {
        println!("cargo:rerun-if-changed={folder}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let (shim, reason) = match build(&out) {
        Ok(path) => (format!("Ok(include_bytes!({path:?}))"), None),
        Err(reason) => (format!("Err({reason:?})"), Some(reason)),
    };
    let types = "/// The shim, or why there is none.\npub(crate) static SHIM: Result<&[u8], &str> = ";
    fs::write(out.join("shim.rs"), format!("{types}{shim};\n"))?;
    // A build that must have it says so, instead of leaving it out.
    match (env::var("WIREBOOK_DPDK").as_deref(), reason) {
        (Ok("required"), Some(reason)) => Err(io::Error::new(ErrorKind::NotFound, format!("no DPDK shim: {reason}"))),
        _ => Ok(()),
    }
}

/// Compiles the shim into a shared library.
fn build(out: &std::path::Path) -> Result<PathBuf, String> {
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") || env::var("HOST") != env::var("TARGET") {
        return Err("it was built for another system than this one".into());
    }
    if env::var("WIREBOOK_DPDK").as_deref() == Ok("off") {
        return Err("it was left out (WIREBOOK_DPDK=off)".into());
    }
    let flags = run(Command::new("pkg-config").args(["--cflags", "--libs", "libdpdk"]))
        .map_err(|_| "libdpdk's headers were not there when wirebook was built".to_owned())?;
    let flags = String::from_utf8_lossy(&flags.stdout).into_owned();
    let library = out.join("libwirebook_dpdk.so");
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    run(Command::new(compiler)
        .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", "-s"])
        .args(["-Wl,--as-needed", "-o"])
        .arg(&library)
        .arg("src/shim.c")
        .args(flags.split_whitespace()))
    .map_err(|error| format!("it did not build: {error}"))?;
    Ok(library)
}

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(String::from_utf8_lossy(&output.stderr).lines().take(8).collect::<Vec<_>>().join("; ")),
    }
}
