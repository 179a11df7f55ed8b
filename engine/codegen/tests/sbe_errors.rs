//! Everything that can be wrong in an SBE description or schema is told with file, line, message, field and remedy.

use std::fs;

use wirebook_codegen::{Error, generate};

const SOUND: &str = r#"
id: demo-1.0
family: sbe
venue: Demo
version: "1.0"
byte_order: little
clock: unix
framings: [message]
message_header:
  - {name: block_length, offset: 0, size: 2, type: u16}
  - {name: template_id, offset: 2, size: 2, type: u16}
dimensions:
  small: {size: 3, block_length: {offset: 0, type: u16}, num_in_group: {offset: 2, type: u8}}
roles: {instrument: security, time: at}
messages:
  - template_id: 1
    name: book
    block_length: 13
    fields:
      - {name: at, offset: 0, size: 8, type: u64, unit: unix_nanoseconds}
      - {name: security, offset: 8, size: 4, type: i32}
      - {name: flags, offset: 12, size: 1, type: bits8}
    groups:
      - name: entries
        dimension: small
        block_length: 14
        fields:
          - {name: price, offset: 0, size: 8, type: i64, scale: 100, null_value: -1}
          - {name: quantity, offset: 8, size: 4, type: i32}
          - {name: action, offset: 12, size: 1, type: u8, enum: action}
          - {name: side, offset: 13, size: 1, type: char}
enums:
  action: {0: new, 1: delete}
meaning:
  - of: 1
    last: {field: flags, bits: 0x80}
    events:
      - each: entries
        kind: {field: action, map: {new: level_set, 1: level_delete}}
        side: {field: side, map: {B: bid, S: ask}}
        price: price
        quantity: quantity
"#;

const SCHEMA: &str = r#"<?xml version="1.0"?>
<sbe:messageSchema xmlns:sbe="http://fixprotocol.io/2016/sbe" xmlns:xi="http://www.w3.org/2001/XInclude" id="1" version="0">
  <types>
    <composite name="messageHeader">
      <type name="blockLength" primitiveType="uint16"/>
      <type name="templateId" primitiveType="uint16"/>
    </composite>
    <composite name="groupSizeEncoding">
      <type name="blockLength" primitiveType="uint16"/>
      <type name="numInGroup" primitiveType="uint8"/>
    </composite>
    <composite name="text">
      <type name="length" primitiveType="uint8"/>
      <type name="varData" primitiveType="char" length="0"/>
    </composite>
    <composite name="decimal">
      <type name="mantissa" primitiveType="int64"/>
      <type name="exponent" primitiveType="int8" presence="constant">-2</type>
    </composite>
    <set name="bits" encodingType="uint8"><choice name="end">7</choice></set>
    <enum name="side" encodingType="char"><validValue name="Buy">B</validValue></enum>
  </types>
  <sbe:message name="Book" id="1" blockLength="12">
    <field name="price" id="1" type="decimal"/>
    <field name="side" id="2" type="side" offset="8"/>
    <field name="flags" id="3" type="bits"/>
    <field name="always" id="4" type="side" presence="constant" valueRef="side.Buy"/>
    <group name="entries" id="5"><field name="id" id="6" type="uint32"/></group>
    <data name="note" id="7" type="text"/>
  </sbe:message>
</sbe:messageSchema>
"#;

const OF_SCHEMA: &str =
    "id: demo-1.0\nfamily: sbe\nvenue: Demo\nversion: \"1\"\nclock: unix\nframings: [message]\nschema: demo.xml\n";

fn generated(files: &[(&str, &str)]) -> Result<String, Error> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("it is writable");
    }
    generate(folder.path()).map(|generated| generated.rust)
}

#[track_caller]
fn tells(error: &Error, file: &str, words: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.file().file_name(), Some(file.as_ref()), "{text}");
    let (line, column) = error.position().expect("it stands somewhere");
    assert!(line > 0 && column > 0 && text.contains(&format!("{file}:{line}:{column}: ")), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

/// Checks the error of the sound description with `old` replaced by `new`.
#[track_caller]
fn refuses(old: &str, new: &str, words: &[&str]) {
    assert_eq!(SOUND.matches(old).count(), 1, "{old:?} must stand once in the sound description");
    let error = generated(&[("demo.yaml", &SOUND.replace(old, new))]).expect_err("the description is wrong");
    tells(&error, "demo.yaml", words);
}

/// Checks the error of the sound schema with `old` replaced by `new`, and its line.
#[track_caller]
fn schema_refuses(old: &str, new: &str, words: &[&str]) {
    assert_eq!(SCHEMA.matches(old).count(), 1, "{old:?} must stand once in the sound schema");
    let schema = SCHEMA.replace(old, new);
    let error = generated(&[("demo.yaml", OF_SCHEMA), ("demo.xml", &schema)]).expect_err("the schema is wrong");
    tells(&error, "demo.xml", words);
}

#[test]
fn sound_ones_compile() {
    let yaml = generated(&[("demo.yaml", SOUND)]).expect("it is sound");
    assert!(yaml.contains("pub mod demo_1_0") && yaml.contains("pub struct BookEntriesEntry"));
    let xml = generated(&[("demo.yaml", OF_SCHEMA), ("demo.xml", SCHEMA)]).expect("it is sound");
    assert!(xml.contains("pub fn always").eq(&false) && xml.contains("pub fn price(&self) -> i64"));
}

#[test]
fn layouts_that_cannot_be() {
    refuses("size: 8, type: i64", "size: 4, type: i64", &["message 1 (book)", "field price", "set size: 8"]);
    refuses("offset: 13, size: 1, type: char", "offset: 12, size: 1, type: char", &["field side", "starts at 12"]);
    refuses(
        "offset: 13, size: 1, type: char",
        "offset: 14, size: 1, type: char",
        &["field side", "past the block's 14"],
    );
    refuses("dimension: small", "dimension: large", &["dimension large is not listed", "small"]);
    refuses("enum: action}", "enum: actions}", &["enum actions is not listed"]);
    refuses("{name: quantity,", "{name: price,", &["field price", "stands twice"]);
    refuses("null_value: -1", "null_value: -9223372036854775809", &["field price", "does not fit the field"]);
    refuses("- {name: template_id,", "- {name: message_id,", &["no template_id"]);
    refuses("size: 2, type: u16}\ndimensions", "size: 2, type: u16}\ndimensionen", &["dimensionen means nothing"]);
}

#[test]
fn meanings_that_cannot_be() {
    refuses("- of: 1", "- of: 2", &["there is no message 2"]);
    refuses("each: entries", "each: levels", &["message 1 (book)", "there is no group levels", "entries"]);
    refuses("        price: price", "        price: prize", &["prize is no field", "quantity"]);
    refuses("{new: level_set,", "{newer: level_set,", &["\"newer\" is no code", "0 (new)"]);
    refuses("{new: level_set,", "{0: level_set, new: level_delete,", &["code new stands twice"]);
    refuses("{new: level_set,", "{new: level_put,", &["event kind \"level_put\" is not known"]);
    refuses("{B: bid, S: ask}", "{Buy: bid, S: ask}", &["\"Buy\" is no code of this field"]);
    refuses("        price: price\n", "", &["names no level"]);
    refuses("        side: {field: side, map: {B: bid, S: ask}}\n", "", &["has no side"]);
    refuses("        quantity: quantity\n", "        quantities: quantity\n", &["quantities means nothing"]);
    refuses("bits: 0x80", "bit: 0x80", &["bit means nothing here"]);
    refuses("scale: 100, null", "scale: 3000, null", &["field price", "does not divide the protocol's price_scale"]);
    refuses("unit: unix_nanoseconds}", "unit: fortnights}", &["field at", "cannot be the time"]);
}

#[test]
fn schemas_that_cannot_be() {
    schema_refuses(
        "type=\"decimal\"",
        "type=\"decimals\"",
        &["message 1 (book)", "field price", "type decimals is not defined"],
    );
    schema_refuses("offset=\"8\"", "offset=\"7\"", &["field side", "starts at 7"]);
    schema_refuses("blockLength=\"12\"", "blockLength=\"9\"", &["blockLength is 9 but the fields end at 10"]);
    schema_refuses("side.Buy", "side.Sell", &["valueRef side.Sell names no value"]);
    schema_refuses(">-2<", ">3<", &["constant exponent 3"]);
    schema_refuses("name=\"numInGroup\"", "name=\"count\"", &["has no blockLength and numInGroup"]);
    schema_refuses("<choice name=\"end\">7<", "<choice name=\"end\">70<", &["choice \"70\" is no bit"]);
    schema_refuses("primitiveType=\"int64\"", "primitiveType=\"int46\"", &["primitiveType int46 is not known"]);
    schema_refuses(
        "<data name=\"note\" id=\"7\" type=\"text\"/>",
        "<data name=\"note\" id=\"7\" type=\"side\"/>",
        &["type side is no composite"],
    );
    schema_refuses(
        "<composite name=\"text\">",
        "<xi:include href=\"more.xml\"/><composite name=\"text\">",
        &["includes more.xml, which is not there"],
    );
    schema_refuses("</types>", "</type>", &["is not XML"]);
    schema_refuses("name=\"Book\" id=\"1\"", "name=\"Book\"", &["<message> has no id"]);
    let circle = SCHEMA.replace("<types>", "<types><xi:include href=\"demo.xml\"/>");
    let error = generated(&[("demo.yaml", OF_SCHEMA), ("demo.xml", &circle)]).expect_err("it includes itself");
    tells(&error, "demo.xml", &["end the circle"]);
    let late = SCHEMA
        .replace("<data name=\"note\" id=\"7\" type=\"text\"/>", "<field name=\"late\" id=\"8\" type=\"uint8\"/>");
    let error = generated(&[("demo.yaml", OF_SCHEMA), ("demo.xml", &late)]).expect_err("a field is late");
    tells(&error, "demo.xml", &["field late", "put fields first"]);
}

#[test]
fn descriptions_beside_a_schema() {
    let refused =
        |description: &str| generated(&[("demo.yaml", description), ("demo.xml", SCHEMA)]).expect_err("it is wrong");
    tells(&refused(&OF_SCHEMA.replace("demo.xml", "other.xml")), "demo.yaml", &["other.xml is not there"]);
    tells(&refused(&(OF_SCHEMA.to_owned() + "byte_order: big\n")), "demo.yaml", &["stands beside schema:"]);
    tells(
        &refused(&(OF_SCHEMA.to_owned() + "fields: {prize: {scale: 10}}\n")),
        "demo.yaml",
        &["there is no field prize"],
    );
    let scaled = OF_SCHEMA.to_owned() + "fields: {id: {scale: 10}}\n";
    let rust = generated(&[("demo.yaml", &scaled), ("demo.xml", SCHEMA)]).expect("it is sound");
    assert!(rust.contains("scale: 10,"));
}

#[test]
fn a_newer_schema_replaces_messages_of_an_older_one() {
    let newer = SCHEMA.replace("</sbe:messageSchema>", "<sbe:message name=\"More\" id=\"2\"/></sbe:messageSchema>");
    let newer = newer.replace(
        "<field name=\"flags\" id=\"3\" type=\"bits\"/>",
        "<field name=\"marks\" id=\"3\" type=\"bits\" sinceVersion=\"1\"/>",
    );
    let older = SCHEMA.replace("</sbe:messageSchema>", "<sbe:message name=\"Gone\" id=\"3\"/></sbe:messageSchema>");
    let description = OF_SCHEMA.replace("demo.xml", "[older.xml, newer.xml]");
    let rust = generated(&[("demo.yaml", &description), ("older.xml", &older), ("newer.xml", &newer)])
        .expect("they are sound");
    for word in ["pub struct More", "pub struct Gone", "pub fn marks(&self) -> Option<u8>"] {
        assert!(rust.contains(word), "{word}");
    }
    assert!(!rust.contains("pub fn flags(&self)"));
}
