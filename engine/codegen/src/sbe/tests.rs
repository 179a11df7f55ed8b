//! The facts and schemas of real feeds, where they are at hand: `../shared` beside the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    model::{Block, Field, Schema},
    xml, yaml,
};
use crate::parse;

/// Files of `../shared/specs/sbe` with this extension; none, and a loud word, where the folder is not there.
fn shared(folder: &str, extension: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/sbe").join(folder);
    let Ok(entries) = fs::read_dir(&root) else {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", root.display());
        println!("SKIPPED: {} is missing", root.display());
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the folder is readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths
}

fn sheet(path: &Path) -> Schema {
    let root = parse::load(path).unwrap_or_else(|error| panic!("{error}"));
    yaml::schema(&root).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn layouts_of_real_feeds_are_read() {
    for path in shared("", "yaml") {
        let schema = sheet(&path);
        assert!(!schema.messages.is_empty() && schema.header_size() > 0, "{}", path.display());
    }
}

#[test]
fn schemas_of_real_feeds_are_read() {
    for path in shared("schemas", "xml") {
        let schema = xml::schema(&path, &mut Vec::new()).unwrap_or_else(|error| panic!("{error}"));
        assert!(!schema.messages.is_empty() && schema.header_size() > 0, "{}", path.display());
    }
}

/// What differs between two readings of a block, one line each.
fn differences(place: &str, xml: (&Schema, &Block), yaml: (&Schema, &Block), found: &mut Vec<String>) {
    let (x, y) = (xml.1, yaml.1);
    let mut differ = |what: &str, of_xml: String, of_yaml: String| {
        if of_xml != of_yaml {
            found.push(format!("{place}: {what}: {of_xml} in XML, {of_yaml} in YAML"));
        }
    };
    differ("block length", x.length.to_string(), y.length.to_string());
    let names = |block: &Block| block.fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>().join(" ");
    differ("fields", names(x), names(y));
    for (of_xml, of_yaml) in x.fields.iter().zip(&y.fields) {
        let what = |what: &str| format!("{} {what}", of_xml.name);
        differ(&what("place"), format!("{:?}", place_of(of_xml)), format!("{:?}", place_of(of_yaml)));
        differ(&what("id"), of_xml.id.to_string(), of_yaml.id.to_string());
        differ(&what("kind"), format!("{:?}", of_xml.kind), format!("{:?}", of_yaml.kind));
        differ(
            &what("scale"),
            format!("{:?}", (of_xml.scale, &of_xml.scaling)),
            format!("{:?}", (of_yaml.scale, &of_yaml.scaling)),
        );
        differ(&what("null"), format!("{:?}", of_xml.null), format!("{:?}", of_yaml.null));
        differ(&what("constant"), format!("{:?}", of_xml.constant), format!("{:?}", of_yaml.constant));
        differ(&what("since"), of_xml.since.to_string(), of_yaml.since.to_string());
        let codes = |schema: &Schema, field: &Field| {
            let list = field.enumeration.filter(|_| field.constant.is_none()).map(|at| schema.enums[at].values.clone());
            format!("{list:?}")
        };
        differ(&what("codes"), codes(xml.0, of_xml), codes(yaml.0, of_yaml));
    }
    let parts = |block: &Block| {
        let groups = block.groups.iter().map(|group| {
            let (d, name) = (&group.dimension, &group.name);
            format!("{name} {} {} {:?} {:?}", group.since, d.size, d.block_length, d.count)
        });
        let data = block.data.iter().map(|data| format!("{} {:?} {}", data.name, data.length, data.since));
        groups.chain(data).collect::<Vec<_>>().join(", ")
    };
    differ("groups and data", parts(x), parts(y));
    for (of_xml, of_yaml) in x.groups.iter().zip(&y.groups) {
        differences(&format!("{place}.{}", of_xml.name), (xml.0, &of_xml.block), (yaml.0, &of_yaml.block), found);
    }
}

fn place_of(field: &Field) -> (usize, usize, usize) {
    (field.offset, field.size, field.count)
}

#[test]
fn a_venues_xml_and_our_yaml_are_the_same_layout() {
    let mut read = 0;
    for path in shared("", "yaml") {
        let name = path.file_name().expect("it has a name");
        let schema = path.with_file_name("schemas").join(name).with_extension("xml");
        if !schema.exists() {
            continue;
        }
        read += 1;
        let yaml = sheet(&path);
        let xml = xml::schema(&schema, &mut Vec::new()).unwrap_or_else(|error| panic!("{error}"));
        let mut found = Vec::new();
        let told = |schema: &Schema| {
            schema
                .messages
                .iter()
                .map(|message| format!("{} {} {}", message.label(), message.official, message.since))
                .collect::<Vec<_>>()
        };
        if told(&xml) != told(&yaml) || xml.big_endian != yaml.big_endian {
            found.push(format!("messages {:?} in XML, {:?} in YAML", told(&xml), told(&yaml)));
        }
        for (of_xml, of_yaml) in xml.messages.iter().zip(&yaml.messages) {
            differences(&of_xml.label(), (&xml, &of_xml.block), (&yaml, &of_yaml.block), &mut found);
        }
        // What a venue's XML says only in words, or not at all, and the sheet of facts from its documents.
        found
            .retain(|each| !KNOWN.iter().any(|(file, word)| Path::new(file) == Path::new(name) && each.contains(word)));
        assert!(found.is_empty(), "{}:\n{}", path.display(), found.join("\n"));
    }
    assert!(read == 0 || read >= 13, "{read} sheets have a schema beside them");
}

/// Differences that are known: sheet, and what names them.
const KNOWN: &[(&str, &str)] = &[
    // The schema has no exponents: prices have nine decimals, contract sizes eight, by description.
    ("coinbase-derivatives-md-1.2.yaml", "scale: (1, None) in XML, (1000000000, None) in YAML"),
    ("coinbase-derivatives-md-1.7.yaml", "contract_size scale: (1, None) in XML, (100000000, None) in YAML"),
    // `mMProtections` is `mm_protections` here as `mDEntryPx` is `md_entry_px`; the sheet has `m_m_protections`.
    ("euronext-optiq-mdg-6.67.yaml", "1013 (contract_standing_data): fields:"),
];

#[test]
fn schemas_for_readers_are_read_or_refused_with_file_line_and_reason() {
    // No schema of its own: the example schema includes it.
    let no_schema = ["common-types.xml"];
    for path in shared("schemas/generic", "xml") {
        let name = path.file_name().and_then(|name| name.to_str()).expect("it has a name");
        match xml::schema(&path, &mut Vec::new()) {
            Ok(schema) => assert!(!schema.messages.is_empty() && !no_schema.contains(&name), "{name}"),
            Err(error) => {
                println!("{error}");
                assert!(no_schema.contains(&name), "{error}");
                assert!(error.position().is_some_and(|(line, _)| line > 0), "{error}");
            }
        }
    }
}

/// A generic schema; `None`, said loudly, where the folder is not there.
fn generic(name: &str) -> Option<Schema> {
    let path = shared("schemas/generic", "xml").into_iter().find(|path| path.file_stem() == Some(name.as_ref()))?;
    Some(xml::schema(&path, &mut Vec::new()).unwrap_or_else(|error| panic!("{error}")))
}

fn places(block: &Block) -> Vec<(&str, usize, usize)> {
    block.fields.iter().map(|field| (field.name.as_str(), field.offset, field.size)).collect()
}

#[test]
fn offsets_in_composites_count_from_their_start() {
    let Some(schema) = generic("composite-offsets-schema") else { return };
    assert_eq!(schema.header_size(), 12);
    let dimension = &schema.messages[0].block.groups[0].dimension;
    assert_eq!((dimension.size, dimension.block_length.offset, dimension.count.offset), (8, 0, 7));
    let block = &schema.messages[1].block;
    let two = ["field_two.composite_field_one", "field_two.composite_field_two"];
    assert_eq!(places(block), [("field_one", 0, 4), (two[0], 8, 1), (two[1], 16, 8), ("field_three", 24, 8)]);
    assert_eq!(block.length, 32);
}

#[test]
fn composites_hold_enums_sets_and_composites() {
    let Some(schema) = generic("composite-elements-schema") else { return };
    let block = &schema.messages[0].block;
    let names =
        ["enum_one", "zeroth", "set_one", "inner.first", "inner.second"].map(|name| format!("structure.{name}"));
    let sizes = [(0, 1), (1, 1), (2, 4), (6, 8), (14, 8)];
    let expected: Vec<_> =
        names.iter().zip(sizes).map(|(name, (offset, size))| (name.as_str(), offset, size)).collect();
    assert_eq!(places(block), expected);
    let masks = block.fields[2].enumeration.map(|at| schema.enums[at].values.clone());
    assert_eq!(
        masks.expect("it is a set").iter().map(|(mask, _)| mask.as_str()).collect::<Vec<_>>(),
        ["1", "65536", "67108864"]
    );
}

#[test]
fn constants_come_from_text_and_by_reference() {
    let Some(schema) = generic("value-ref-schema") else { return };
    let first = |message: usize| &schema.messages[message].block.fields[0];
    assert_eq!((first(0).unit.as_str(), first(0).size), ("unix_nanoseconds", 8));
    let constants: Vec<_> = (1..5).map(|message| first(message).constant.as_deref()).collect();
    assert_eq!(constants, [Some("3"), Some("3"), Some("7"), Some("9")]);
    assert!(schema.messages[1..].iter().all(|message| message.block.length == 0));
}

#[test]
fn optional_values_have_a_null_of_their_own_or_their_types() {
    let Some(schema) = generic("optional_enum_nullify") else { return };
    let nulls: Vec<_> = schema.messages[0].block.fields.iter().map(|field| field.null).collect();
    assert_eq!(nulls, [Some(255), Some(255), Some(0)]);
}

#[test]
fn an_included_file_gives_the_types_and_an_input_to_watch() {
    let Some(path) =
        shared("schemas/generic", "xml").into_iter().find(|path| path.ends_with("example-include-schema.xml"))
    else {
        return;
    };
    let mut inputs = Vec::new();
    let schema = xml::schema(&path, &mut inputs).unwrap_or_else(|error| panic!("{error}"));
    assert!(inputs.iter().any(|input| input.ends_with("common-types.xml")), "{inputs:?}");
    assert!(!schema.messages[0].block.groups.is_empty() && schema.header_size() == 8);
}
