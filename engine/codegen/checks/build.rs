//! Compiles the descriptions of `protocols/`, and the schemas and sheets of `../shared/specs/sbe` where that folder is.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Sheets whose layouts are compiled as they are: those of samples, and one of each kind of header, dimension and byte order.
const SHEETS: [&str; 10] = [
    "b3-umdf-1.6",
    "b3-umdf-1.8",
    "b3-umdf-2.2",
    "binance-spot-stream-1.0",
    "cme-mdp-tcp-session-v0",
    "cme-mdp3-v12",
    "cme-mdp3-v9",
    "coinbase-derivatives-md-1.2",
    "deribit-md-1.0",
    "memx-memoir-depth-1.3",
];

/// Descriptions of the SBE plugin, and the venue's schemas of the same messages, oldest first.
const FEEDS: [(&str, &[&str]); 9] = [
    ("b3-umdf-1.8", &["b3-umdf-1.8"]),
    ("b3-umdf-2.2", &["b3-umdf-2.2"]),
    ("binance-spot-stream-1.0", &["binance-spot-stream-1.0"]),
    ("cme-mdp3", &["cme-mdp-tcp-session-v0", "cme-mdp3-v9", "cme-mdp3-v13"]),
    ("coinbase-derivatives-md-1.2", &["coinbase-derivatives-md-1.2"]),
    ("coinbase-derivatives-md-1.7", &["coinbase-derivatives-md-1.7"]),
    ("deribit-md-1.0", &["deribit-md-1.0"]),
    ("euronext-optiq-mdg-6.67", &["euronext-optiq-mdg-6.67"]),
    ("memx-memoir-depth-1.3", &["memx-memoir-depth-1.3"]),
];

/// Included by another schema, and none of its own.
const PARTS: [&str; 1] = ["common-types"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rustc-check-cfg=cfg(real_feeds, described_feeds)");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let folder = PathBuf::from(env::var("OUT_DIR")?).join("descriptions");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for path in files(&root.join("protocols"))? {
        if let Some(name) = path.file_name() {
            fs::copy(&path, folder.join(name))?;
        }
    }
    let shared = root.join("../../../../shared/specs/sbe");
    // A path that is not there would count as changed each time.
    println!("cargo:rerun-if-changed={}", root.join("../../../plugins").display());
    if shared.exists() {
        println!("cargo:rerun-if-changed={}", shared.display());
        println!("cargo:rustc-cfg=real_feeds");
        for name in SHEETS {
            let sheet = fs::read_to_string(shared.join(format!("{name}.yaml")))?;
            fs::write(folder.join(format!("{name}.yaml")), sheet + "clock: unix\nframings: [message]\n")?;
        }
        for path in files(&shared.join("schemas/generic"))? {
            schema(&folder, &path)?;
        }
        let described = root.join("../../../plugins/sbe/protocols");
        if described.exists() {
            println!("cargo:rustc-cfg=described_feeds");
            for (name, schemas) in FEEDS {
                let path = described.join(format!("{name}.yaml"));
                println!("cargo:rerun-if-changed={}", path.display());
                twins(&folder, &fs::read_to_string(path)?, name, &shared.join("schemas"), schemas)?;
            }
        }
    }
    Ok(wirebook_codegen::compile(&folder)?)
}

/// The files of a folder, which are watched.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        println!("cargo:rerun-if-changed={}", path.display());
        files.push(path);
    }
    Ok(files)
}

/// Describes a schema that has a layout and no meaning.
fn schema(folder: &Path, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    if PARTS.contains(&name) {
        return Ok(());
    }
    let id = format!("generic-{}", name.replace('_', "-"));
    let text = format!(
        "id: {id}\nfamily: sbe\nvenue: generic\nversion: \"1\"\nclock: unix\nframings: [message]\nschema: {}\n",
        fs::canonicalize(path)?.display()
    );
    Ok(fs::write(folder.join(format!("{id}.yaml")), text)?)
}

/// Writes a feed's description twice: as it stands, and with the layout that the venue's schemas give.
fn twins(
    folder: &Path,
    text: &str,
    name: &str,
    schemas: &Path,
    files: &[&str],
) -> Result<(), Box<dyn std::error::Error>> {
    // Which keys of the description a line belongs to.
    let mut section = String::new();
    let (mut yaml, mut xml, mut layout) = (String::new(), String::new(), String::new());
    for line in text.lines() {
        if let Some((key, _)) =
            line.split_once(':').filter(|_| line.starts_with(|first: char| first.is_ascii_lowercase()))
        {
            key.clone_into(&mut section);
        }
        match section.as_str() {
            "id" => {
                yaml += &format!("id: yaml-{name}\n");
                xml += &format!("id: xml-{name}\n");
                section.clear();
            }
            "framings" => {
                yaml += "framings: [message]\n";
                xml += "framings: [message]\n";
                section.clear();
            }
            "byte_order" | "dimensions" | "messages" => {
                yaml += &format!("{line}\n");
                layout += &format!("{line}\n");
            }
            _ => {
                yaml += &format!("{line}\n");
                xml += &format!("{line}\n");
            }
        }
    }
    let mut paths = Vec::new();
    for file in files {
        paths.push(fs::canonicalize(schemas.join(format!("{file}.xml")))?.display().to_string());
    }
    xml += &format!("schema: [{}]\nfields: {{{}}}\n", paths.join(", "), additions(&layout, name).join(", "));
    fs::write(folder.join(format!("yaml-{name}.yaml")), yaml)?;
    Ok(fs::write(folder.join(format!("xml-{name}.yaml")), xml)?)
}

/// What the schema says only in words: units of times, and scales where it has no exponents.
fn additions(layout: &str, name: &str) -> Vec<String> {
    let value = |line: &str, key: &str| {
        let (_, rest) = line.split_once(&format!("{key}: "))?;
        Some(rest.split([',', '}']).next().unwrap_or(rest).to_owned())
    };
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in layout.lines().filter(|line| line.trim_start().starts_with("- {name: ") && line.contains("offset: ")) {
        let Some(field) = value(line, "name") else { continue };
        let unit = value(line, "unit").filter(|unit| unit.starts_with("unix_")).map(|unit| format!("unit: {unit}"));
        let scale =
            value(line, "scale").filter(|_| name.starts_with("coinbase")).map(|scale| format!("scale: {scale}"));
        let facts: Vec<String> = [unit, scale].into_iter().flatten().collect();
        match found.iter_mut().find(|(known, _)| *known == field) {
            // A name with two meanings cannot be added to.
            Some((_, known)) if *known != facts => known.clear(),
            Some(_) => {}
            None => found.push((field, facts)),
        }
    }
    found.retain(|(_, facts)| !facts.is_empty());
    found.into_iter().map(|(field, facts)| format!("{field}: {{{}}}", facts.join(", "))).collect()
}
