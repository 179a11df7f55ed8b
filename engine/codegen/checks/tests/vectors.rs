//! The examples of the FIX standard: bytes to values, through the schema that they come with.
#![cfg(real_feeds)]

use std::fs;

use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value as Json;
use wirebook_codegen_checks::generic_fix_sbe_1_0_examples::DESCRIPTION;
use wirebook_inspect::{JsonLine, Place, message};

/// Bytes of framing ahead of each message: a length and an encoding.
const FRAMING_SIZE: usize = 6;

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("it is ASCII"), 16).expect("it is hexadecimal"))
        .collect()
}

/// A value of the vectors as JSON has it.
fn expected(value: &Yaml<'_>) -> Json {
    if value.is_null() {
        return Json::Null;
    }
    if let Some(number) = value.as_integer() {
        return number.into();
    }
    if let Some(number) = value.as_floating_point() {
        return number.into();
    }
    value.as_str().expect("it is a number or text").into()
}

fn text<'a>(node: &'a Yaml<'_>, key: &str) -> &'a str {
    node.as_mapping_get(key).and_then(Yaml::as_str).expect("the vectors have it")
}

/// The list under a key; empty where there is none.
fn list<'a, 'b>(node: &'a Yaml<'b>, key: &str) -> &'a [Yaml<'b>] {
    node.as_mapping_get(key).and_then(Yaml::as_sequence).map_or(&[], |list| list.as_slice())
}

#[test]
fn examples_of_the_standard_read_as_it_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/specs/sbe/vectors/fix-sbe-1.0.yaml");
    let source = fs::read_to_string(path).expect("the vectors are there");
    let documents = Yaml::load_from_str(&source).expect("they are YAML");
    let vectors = list(&documents[0], "vectors");
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let name = text(vector, "name");
        let bytes = bytes(text(vector, "hex"));
        let message = message(&DESCRIPTION, &bytes[FRAMING_SIZE..]).unwrap_or_else(|error| panic!("{name}: {error}"));
        let line: Json = serde_json::from_str(&JsonLine(Place::default(), message).to_string()).expect("it is JSON");
        assert_eq!(line["name"], name);
        let mut count = 4; // the header
        for field in list(vector, "fields") {
            let value = field.as_mapping_get("value").expect("a field has a value");
            let field_name = text(field, "name");
            let found = &line["fields"][field_name];
            // The standard's day of 255 is none by its type, which the table shows as it stands.
            if !(found.is_null() && line["raw"][field_name] == expected(value)) {
                assert_eq!(*found, expected(value), "{name}: {field_name}");
            }
            if let Some(raw) = field.as_mapping_get("raw") {
                assert_eq!(line["raw"][field_name], expected(raw), "{name}: {field_name}");
            }
            count += 1;
        }
        for group in list(vector, "groups") {
            let (group_name, dimension) = (text(group, "name"), group.as_mapping_get("dimension").expect("it has one"));
            for (key, value) in dimension.as_mapping().expect("it has numbers") {
                let key = key.as_str().expect("it is text");
                assert_eq!(line["fields"][format!("{group_name}.{key}")], expected(value));
                count += 1;
            }
            for (at, entry) in list(group, "entries").iter().enumerate() {
                for (key, value) in entry.as_mapping().expect("an entry has fields") {
                    let path = format!("{group_name}[{at}].{}", key.as_str().expect("it is text"));
                    assert_eq!(line["fields"][&path], expected(value), "{name}: {path}");
                    count += 1;
                }
            }
        }
        for data in list(vector, "var_data") {
            let field_name = text(data, "name");
            // The schema gives no encoding: to it they are bytes.
            let hex: String = text(data, "value").bytes().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(line["fields"][field_name], hex, "{name}: {field_name}");
            count += 1;
        }
        assert_eq!(line["fields"].as_object().expect("it has fields").len(), count, "{name}: {line}");
        assert_eq!(message.unknown_bytes().len(), 0, "{name}");
    }
}
