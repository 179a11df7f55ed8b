//! Everything that can be wrong in a description is told with file, message, field and remedy.

use std::{fs, path::Path};

use wirebook_codegen::{Error, generate};

const SOUND: &str = r#"
id: demo-1.0
family: itch
venue: Demo
version: "1.0"
byte_order: big
framings: [moldudp64]
clock: local_midnight
timezone: Europe/Berlin
price_scale: 100
instrument_limit: 1000
type_field: kind
roles: {instrument: book, time: at, symbol: stock}
header:
  - {name: kind, offset: 0, size: 1, type: char}
  - {name: book, offset: 1, size: 2, type: u16}
  - {name: at, offset: 3, size: 6, type: u48, unit: ns_since_midnight_local}
messages:
  - type: A
    name: add_order
    length: 30
    fields:
      - {name: order, offset: 9, size: 8, type: u64}
      - {name: side, offset: 17, size: 1, type: char, enum: side}
      - {name: stock, offset: 18, size: 4, type: ascii}
      - {name: shares, offset: 22, size: 4, type: u32, unit: qty}
      - {name: price, offset: 26, size: 4, type: u32, scale: 100, unit: price}
    events:
      - {kind: add, order: order, side: {field: side, map: {B: bid, S: ask}}, quantity: shares, price: price}
  - type: D
    name: delete_order
    length: 17
    fields:
      - {name: order, offset: 9, size: 8, type: u64}
    events:
      - {kind: delete, order: order}
  - type: X
    name: limits
    length: 17
    fields:
      - {name: upper, offset: 9, size: 4, type: u32, scale: 100, unit: price}
      - {name: lower, offset: 13, size: 4, type: u32, scale: 100, unit: price}
    events:
      - {kind: statistic, record: {values: {upper_price: upper, lower_price: lower}}}
enums:
  side: {B: buy, S: sell}
"#;

fn generated(files: &[(&str, &str)]) -> Result<String, Error> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("it is writable");
    }
    generate(folder.path()).map(|generated| generated.rust)
}

/// The error that the sound description gives once `old` is replaced by `new`.
#[track_caller]
fn error(old: &str, new: &str) -> Error {
    assert_eq!(SOUND.matches(old).count(), 1, "{old:?} must stand once in the sound description");
    generated(&[("demo.yaml", &SOUND.replace(old, new))]).expect_err("the description is wrong")
}

/// Checks message, field and the words of problem and remedy.
#[track_caller]
fn tells(error: &Error, message: Option<&str>, field: Option<&str>, words: &[&str]) {
    let text = error.to_string();
    assert_eq!((error.message(), error.field()), (message, field), "{text}");
    assert_eq!(error.file().file_name(), Some("demo.yaml".as_ref()), "{text}");
    let (line, column) = error.position().expect("it stands somewhere");
    assert!(line > 0 && column > 0 && text.contains(&format!("demo.yaml:{line}:{column}: ")), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

const ADD: Option<&str> = Some("A (add_order)");
const DELETE: Option<&str> = Some("D (delete_order)");
const LIMITS: Option<&str> = Some("X (limits)");

#[test]
fn a_sound_description_compiles() {
    let rust = generated(&[("demo.yaml", SOUND)]).unwrap();
    for expected in
        ["pub mod demo_1_0 {", "pub struct AddOrder<'a>(&'a [u8; 30]);", "impl support::Protocol for Demo10"]
    {
        assert!(rust.contains(expected), "{expected}");
    }
}

#[test]
fn overlapping_fields() {
    let error = error("{name: shares, offset: 22,", "{name: shares, offset: 21,");
    tells(&error, ADD, Some("shares"), &["inside stock, which ends at 22", "set offset: 22"]);
}

#[test]
fn a_gap() {
    let error = error("{name: shares, offset: 22,", "{name: shares, offset: 23,");
    tells(&error, ADD, Some("shares"), &["a gap after stock, which ends at 22", "type bytes"]);
}

#[test]
fn a_length_that_does_not_add_up() {
    let error = error("length: 30", "length: 31");
    tells(&error, ADD, None, &["length is 31 but the fields add up to 30", "set length: 30"]);
    assert_eq!(error.position(), Some((19, 5)));
}

#[test]
fn a_size_that_does_not_fit_its_type() {
    let side = error("{name: side, offset: 17, size: 1,", "{name: side, offset: 17, size: 2,");
    tells(&side, ADD, Some("side"), &["size 2 does not fit type char", "set size: 1"]);
    let stock = error("{name: stock, offset: 18, size: 4,", "{name: stock, offset: 18, size: 0,");
    tells(&stock, ADD, Some("stock"), &["size 0 does not fit type ascii", "set size to 1-128"]);
}

#[test]
fn an_unknown_type_unit_or_enum() {
    let kind = error("size: 8, type: u64}\n      - {name: side", "size: 8, type: u65}\n      - {name: side");
    tells(&kind, ADD, Some("order"), &["type \"u65\" is not known", "use one of u8, u16"]);
    let unit = error("unit: qty", "unit: quantity");
    tells(&unit, ADD, Some("shares"), &["unit \"quantity\" is not known", "use one of price, qty"]);
    let list = error("enum: side", "enum: sides");
    tells(&list, ADD, Some("side"), &["enum sides is not listed", "under enums:"]);
}

#[test]
fn an_unknown_meaning() {
    let kind = error("{kind: delete, order: order}", "{kind: remove, order: order}");
    tells(
        &kind,
        DELETE,
        None,
        &["event kind \"remove\" is not known", "use one of add, modify, reduce, execute, delete"],
    );
    let tag = error("upper_price: upper", "upper_limit: upper");
    tells(&tag, LIMITS, None, &["record tag \"upper_limit\" is not known", "upper_price"]);
    let role = error("quantity: shares, price: price}", "quantity: shares, prize: price}");
    tells(&role, ADD, None, &["prize means nothing here", "price"]);
    let side = error("S: ask}}", "S: offer}}");
    tells(&side, ADD, None, &["side \"offer\" is not known", "use one of bid, ask"]);
    let code = error("map: {B: bid, S: ask}", "map: {B: bid, T: ask}");
    tells(&code, ADD, Some("side"), &["code \"T\" is not in enum side", "use one of B S"]);
}

#[test]
fn a_role_that_names_a_field_that_is_not_there() {
    let event = error("{kind: delete, order: order}", "{kind: delete, order: reference}");
    tells(&event, DELETE, None, &["order names reference, which is no field", "name one of kind, book, at, order"]);
    let top = error("symbol: stock}", "symbol: ticker}");
    tells(&top, None, None, &["symbol names ticker, which no message has"]);
    let kind = error("type_field: kind", "type_field: letter");
    tells(&kind, ADD, None, &["type_field names letter", "name one of kind, book"]);
}

#[test]
fn a_type_that_inspectors_cannot_know() {
    let moved = error(
        "  - {name: kind, offset: 0, size: 1, type: char}\n  - {name: book, offset: 1, size: 2, type: u16}",
        "  - {name: book, offset: 0, size: 2, type: u16}\n  - {name: kind, offset: 2, size: 1, type: char}",
    );
    tells(&moved, None, None, &["kind is not the first byte", "name the field message_type"]);
}

#[test]
fn a_group_of_messages_that_does_not_end() {
    let begins = "    name: limits\n    group: begins\n";
    let events = error("    name: limits\n", begins);
    tells(&events, LIMITS, None, &["has no events of its own", "leave out events:"]);
    let list = "    events:\n      - {kind: statistic, record: {values: {upper_price: upper, lower_price: lower}}}\n";
    let unknown = error(list, "    group: between\n");
    tells(&unknown, LIMITS, None, &["group: between is not known", "write begins"]);
    for edge in ["begins", "ends"] {
        let lone = error(list, &format!("    group: {edge}\n"));
        tells(&lone, LIMITS, None, &["begun and never ended", "in another"]);
    }
}

#[test]
fn a_field_that_cannot_play_its_role() {
    let order = error("{kind: delete, order: order}", "{kind: delete, order: at, quantity: kind, price: at}");
    tells(&order, DELETE, Some("at"), &["cannot be the price", "unit price"]);
    let scale = error("price_scale: 100\n", "price_scale: 1050\n");
    tells(&scale, ADD, Some("price"), &["cannot be the price", "divide the protocol's price_scale, 1050"]);
    let time = error("unit: ns_since_midnight_local", "unit: unix_seconds");
    tells(&time, ADD, Some("at"), &["cannot be the time", "nanoseconds"]);
    let instrument =
        error("{name: book, offset: 1, size: 2, type: u16}", "{name: book, offset: 1, size: 2, type: bytes}");
    tells(&instrument, ADD, Some("book"), &["cannot be the instrument", "unsigned integer or text"]);
    let seconds = error("time: at, symbol", "time: at, seconds: shares, symbol");
    tells(&seconds, ADD, Some("shares"), &["cannot be the seconds", "integer in seconds"]);
    let offset = error("unit: ns_since_midnight_local", "unit: ns_since_last_seconds_message");
    tells(&offset, None, None, &["no message sets the time", "seconds: to roles"]);
    let mixed = error("instrument: book,", "instrument: [stock, book],");
    tells(&mixed, DELETE, Some("book"), &["otherwise than stock does", "text, in all messages"]);
}

#[test]
fn forms_and_parts_that_do_not_fit() {
    let form = error("    name: delete_order\n", "    name: delete_order\n    form_of: limits\n");
    tells(&form, DELETE, None, &["limits means other events"]);
    let nobody = error("    name: delete_order\n", "    name: delete_order\n    form_of: remove\n");
    tells(&nobody, DELETE, None, &["remove is no message"]);
    let legs = "\n    repeat: {name: legs, offset: 17, count_field: order, stride: 3, fields: [{name: leg, offset: 0, size: 2, type: u16}]}\n    events:\n      - {kind: delete, order: order}";
    let stride = error("\n    events:\n      - {kind: delete, order: order}", legs);
    tells(&stride, DELETE, None, &["length is 3 but the fields add up to 2"]);
}

#[test]
fn an_event_without_what_its_kind_needs() {
    let order = error("{kind: delete, order: order}", "{kind: delete}");
    tells(&order, DELETE, None, &["event delete: it names no order", "add order:"]);
    let side = error("side: {field: side, map: {B: bid, S: ask}}, ", "");
    tells(&side, ADD, None, &["event add: it has no side"]);
    let inherited = error("side: {field: side, map: {B: bid, S: ask}}", "side: inherited");
    tells(&inherited, ADD, None, &["no side to inherit", "the delete of the old order just before"]);
    let status = error("{kind: delete, order: order}", "{kind: status, detail: [cross]}");
    tells(&status, DELETE, None, &["a status has no detail", "state:"]);
    let definition = error("{kind: delete, order: order}", "{kind: definition}");
    tells(&definition, DELETE, None, &["names no symbol", "record: {text: ..}"]);
    let when = error("{kind: delete, order: order}", "{kind: delete, order: order, when: {field: kind}}");
    tells(&when, DELETE, None, &["compares with nothing", "either is: or is_not:"]);
    let event = "\n      - {kind: delete, order: order, when: {field: order, is: [1]}}";
    let often = error("\n      - {kind: delete, order: order}", &event.repeat(4));
    tells(&often, DELETE, None, &["4 events have conditions", "at most 3"]);
}

#[test]
fn ids_that_are_unique_by_side_in_an_event_without_one() {
    let error = error("instrument_limit: 1000\n", "instrument_limit: 1000\norder_ids: per_side\n");
    tells(&error, DELETE, None, &["event delete: its order is unique only with instrument and side", "add side:"]);
}

#[test]
fn scales_of_instruments_that_cannot_be() {
    let scale = |top: &str| error("price_scale: 100\n", top);
    let coarse = scale("price_scale: 100\ninstrument_scale: {decimals: order}\n");
    tells(&coarse, None, None, &["with price_scale 100 not every price would be whole", "price_scale: 1000000000"]);
    let nothing = scale("price_scale: 1000000000\ninstrument_scale: {default: 2}\n");
    tells(&nothing, None, None, &["names no field", "decimals: or denominator:"]);
    let default = scale("price_scale: 1000000000\ninstrument_scale: {denominator: order, default: 3}\n");
    tells(&default, None, None, &["default 3 scales no price", "must divide 1e9"]);
    let text = scale("price_scale: 1000000000\ninstrument_scale: {decimals: stock}\n");
    tells(&text, ADD, Some("stock"), &["cannot scale prices", "unsigned integer"]);
    let own = error(
        "{name: lower, offset: 13, size: 4, type: u32, scale: 100,",
        "{name: lower, offset: 13, size: 4, type: u32, scale: instrument,",
    );
    tells(&own, LIMITS, Some("lower"), &["nothing says what that is", "instrument_scale:"]);
}

#[test]
fn a_null_that_its_field_cannot_hold() {
    let large = error(
        "{name: shares, offset: 22, size: 4, type: u32, ",
        "{name: shares, offset: 22, size: 4, type: u32, null_value: -1, ",
    );
    tells(&large, ADD, Some("shares"), &["null_value is no integer of this field"]);
}

#[test]
fn an_encode_key_that_means_nothing() {
    let error = error("    length: 30\n", "    length: 30\n    encode: always\n");
    tells(&error, ADD, None, &["encode: can only be never"]);
}

#[test]
fn a_message_that_is_never_encoded_may_mean_what_another_does() {
    let twin = SOUND.replace(
        "      - {kind: statistic, record: {values: {upper_price: upper, lower_price: lower}}}",
        "      - {kind: delete, order: upper}",
    );
    let rust = generated(&[("demo.yaml", &twin.replace("name: limits", "name: limits\n    encode: never"))]).unwrap();
    assert!(rust.contains("fn encode_delete_order(") && !rust.contains("fn encode_limits("));
}

#[test]
fn a_duplicate_type_name_or_field() {
    let kind = error("  - type: D", "  - type: A");
    tells(&kind, Some("A (delete_order)"), None, &["type A is already A (add_order)'s"]);
    let name = error("name: delete_order", "name: add_order");
    tells(&name, Some("D (add_order)"), None, &["name add_order is already A (add_order)'s"]);
    let field = error("{name: shares, offset: 22,", "{name: stock, offset: 22,");
    tells(&field, ADD, Some("stock"), &["stands twice in this message"]);
    let key = error("enums:\n", "venue: Demo\nenums:\n");
    assert!(key.to_string().contains("duplicated key"), "{key}");
    let code = error("{B: buy, S: sell}", "{B: buy, \"B\": sell}");
    tells(&code, None, None, &["\"B\" stands twice"]);
}

#[test]
fn two_messages_that_mean_the_same() {
    let error = error(
        "      - {kind: statistic, record: {values: {upper_price: upper, lower_price: lower}}}",
        "      - {kind: delete, order: upper}",
    );
    tells(&error, LIMITS, None, &["means the same events as D (delete_order)", "tell them apart"]);
}

#[test]
fn a_type_that_is_no_value_of_its_field() {
    let long = error("  - type: D", "  - type: DD");
    tells(&long, Some("DD (delete_order)"), Some("kind"), &["\"DD\" is no value of this field", "one ASCII character"]);
    let other =
        error("{name: kind, offset: 0, size: 1, type: char}", "{name: kind, offset: 0, size: 1, type: char, const: Z}");
    tells(&other, ADD, Some("kind"), &["its const is not the type A"]);
}

#[test]
fn what_is_missing_or_misspelt() {
    let missing = error("venue: Demo\n", "");
    tells(&missing, None, None, &["venue is missing", "add venue:"]);
    let unknown = error("venue: Demo\n", "venue: Demo\nvenu: Demo\n");
    tells(&unknown, None, None, &["venu means nothing here", "venue"]);
    let framing = error("[moldudp64]", "[mould]");
    tells(&framing, None, None, &["\"mould\" is not known here", "moldudp64, length16"]);
    let zone = error("timezone: Europe/Berlin\n", "");
    tells(&zone, None, None, &["timezone is missing"]);
    let name = error("name: delete_order", "name: Delete-Order");
    assert!(name.to_string().contains("snake case"), "{name}");
    let number = error("length: 30", "length: thirty");
    tells(&number, ADD, None, &["\"thirty\" is not a whole number"]);
    let limit = error("instrument_limit: 1000\n", "");
    tells(&limit, ADD, Some("stock"), &["symbols are named by instrument", "instrument_limit:"]);
}

#[test]
fn text_that_is_not_yaml_and_folders_without_descriptions() {
    let error = generated(&[("demo.yaml", "id: [unclosed")]).expect_err("it is broken");
    assert!(error.to_string().contains("is not YAML") && error.position().is_some(), "{error}");
    let error = generated(&[]).expect_err("it is empty");
    assert!(error.to_string().contains("has no .yaml file"), "{error}");
    let error = generate(Path::new("no/such/folder")).expect_err("it is not there");
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[test]
fn an_extending_description_takes_over_messages_and_lists() {
    let child = "id: demo-2.0\nextends: demo\nwithout: [D]\nvenue: Demo Two\nenums: {side: ~}\n";
    let rust = generated(&[("demo.yaml", SOUND), ("other.yaml", child)]).unwrap();
    let own = rust.split("pub mod demo_2_0 {").nth(1).expect("it has a module");
    assert!(own.contains("struct AddOrder<'a>") && !own.contains("struct DeleteOrder"));
    assert!(own.contains("Text::new(\"Demo Two\")") && !own.contains("ENUM_SIDE"));

    let wrong = |child: &str| generated(&[("demo.yaml", SOUND), ("other.yaml", child)]).unwrap_err().to_string();
    assert!(wrong("id: demo-2.0\nextends: nothing\n").contains("nothing.yaml cannot be read"));
    assert!(wrong("id: demo-2.0\nextends: other\n").contains("does not extend this one"));
    assert!(wrong("id: demo-2.0\nextends: demo\nwithout: [Q]\n").contains("Q is no type"));
    assert!(wrong("extends: demo\n").contains("\"demo-1.0\" is taken"));
    assert!(wrong("id: x\nwithout: [A]\n").contains("nothing is extended"));
}
