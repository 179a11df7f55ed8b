//! Reference pages say what the inspector's table says.

use wirebook_abi::Description;
use wirebook_codegen_checks::{levels_1_0, nested_1_0};

/// Cells of the rows of a page that have `count` of them.
fn rows(page: &str, count: usize) -> Vec<Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    cells.filter(|cells| cells.len() == count).collect()
}

fn check(description: &Description, page: &str) {
    let five = rows(page, 5);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let messages: Vec<_> = five.iter().filter(|cells| cells[0].starts_with('`')).collect();
    let fields: Vec<_> = five.iter().filter(|cells| is_number(cells[0]) && is_number(cells[1])).collect();
    let described = description.messages.as_slice();
    assert_eq!(messages.len(), described.len());
    for (cells, info) in messages.iter().zip(described) {
        let (kind, bytes) = (format!("`{}`", info.type_text.as_str()), info.length.to_string());
        assert_eq!(cells[..3], [&kind, info.name.as_str(), &bytes]);
        assert_eq!(cells[4], info.about.as_str());
    }
    let on_wire =
        described.iter().flat_map(|info| info.fields.as_slice()).filter(|field| field.constant.as_str().is_empty());
    let expected: Vec<_> =
        on_wire.map(|field| (field.offset.to_string(), field.size.to_string(), field.name.as_str())).collect();
    let found: Vec<_> = fields.iter().map(|cells| (cells[0].to_owned(), cells[1].to_owned(), cells[2])).collect();
    assert_eq!(found, expected);
}

#[test]
fn messages_and_fields_are_those_of_the_table() {
    check(&levels_1_0::DESCRIPTION, include_str!(concat!(env!("OUT_DIR"), "/levels-1.0.md")));
    check(&nested_1_0::DESCRIPTION, include_str!(concat!(env!("OUT_DIR"), "/nested-1.0.md")));
}

#[test]
fn groups_have_tables_of_their_own() {
    let page = include_str!(concat!(env!("OUT_DIR"), "/nested-1.0.md"));
    for row in ["### Group `everything.legs`", "#### Group `everything.legs.trades`", "| +8 | 4 | quantity | signed |"]
    {
        assert!(page.contains(row), "{row}");
    }
}
