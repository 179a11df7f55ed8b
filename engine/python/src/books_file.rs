//! Every book of a replay as a file.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use wirebook_export::{ExportError, FrameWriter, levels_schema, orders_schema};
use wirebook_runtime::{BookImage, ImageDetail, LevelImage};

use crate::{
    book_view::{BookView, decimal},
    player::Player,
};

/// Writes levels, or with `orders` every order in its queue: `.json` has one object a line and book, the other endings frames.
/// Of a feed of price levels there are no orders to write; `.json` has its levels all the same.
///
/// # Errors
///
/// [`ExportError`] where the ending says no format, or the file cannot be written.
pub fn write(path: &Path, player: &Player, orders: bool) -> Result<(), ExportError> {
    if path.extension().is_some_and(|ending| ending == "json") {
        return write_json(path, player, orders).map_err(|source| ExportError::File {
            action: "write",
            path: path.to_owned(),
            source,
        });
    }
    let schema = if orders { orders_schema(&player.info) } else { levels_schema(&player.info) };
    let mut writer = FrameWriter::create(path, &schema)?;
    let detail = if orders { ImageDetail::Orders } else { ImageDetail::Levels };
    for book in player.books(detail) {
        let view = BookView::new(player, &book);
        writer.write(&if orders { view.orders(None)? } else { view.all_levels()? })?;
    }
    writer.finish()?;
    Ok(())
}

fn write_json(path: &Path, player: &Player, orders: bool) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let mut output = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
    let mut books = player.books(if orders { ImageDetail::Orders } else { ImageDetail::Levels });
    let written = books.try_for_each(|book| writeln!(output, "{}", json_of(&book, player.price_scale, orders)));
    match written.and_then(|()| output.flush()).and_then(|()| fs::rename(&partial, path)) {
        Ok(()) => Ok(()),
        Err(error) => {
            // What is left is of no use, and the error at hand says more than another one here.
            let _ = fs::remove_file(&partial);
            Err(error)
        }
    }
}

/// One book: `symbol`, `instrument`, `sequence`, `state`, `bids` and `asks`, best first, each with `price`, `quantity`,
/// `order_count` and with `orders` its queue. Where the feed gives implied levels, `implied_bids` and `implied_asks` are the same
/// of them; where it gives levels and orders both, `order_bids` and `order_asks` are what the orders make.
pub fn json_of(book: &BookImage, price_scale: u64, orders: bool) -> String {
    let mut out = String::new();
    let symbol: String = book.symbol.as_deref().unwrap_or_default().chars().flat_map(escaped).collect();
    let state = book.validity.state.name();
    // Writing into a String cannot fail.
    let _ = write!(
        out,
        "{{\"symbol\":\"{symbol}\",\"instrument\":{},\"sequence\":{},\"state\":\"{state}\"",
        book.key, book.sequence
    );
    let (implied, by_order) = (&book.implied, &book.by_order);
    let sides = [
        ("bids", &book.bids[..], true),
        ("asks", &book.asks[..], true),
        ("implied_bids", &implied.bids[..], !implied.is_empty()),
        ("implied_asks", &implied.asks[..], !implied.is_empty()),
        ("order_bids", &by_order.bids[..], !by_order.is_empty()),
        ("order_asks", &by_order.asks[..], !by_order.is_empty()),
    ];
    for (name, levels, _) in sides.into_iter().filter(|(.., is_there)| *is_there) {
        let levels: Vec<_> = levels.iter().map(|level| level_json(price_scale, level, orders)).collect();
        let _ = write!(out, ",\"{name}\":[{}]", levels.join(","));
    }
    out.push('}');
    out
}

fn level_json(price_scale: u64, level: &LevelImage, orders: bool) -> String {
    let order = |(id, quantity): &(u64, u64)| format!("{{\"order_id\":{id},\"quantity\":{quantity}}}");
    let queue: Vec<_> = level.orders.iter().map(order).collect();
    let queue = if orders { format!(",\"orders\":[{}]", queue.join(",")) } else { String::new() };
    let price = decimal(level.price, price_scale).map_or("null".to_owned(), |price| price.to_string());
    let (quantity, count) = (level.quantity, level.order_count);
    format!("{{\"price\":{price},\"quantity\":{quantity},\"order_count\":{count}{queue}}}")
}

/// Symbols are the venue's text, and a hostile one must not break out of its quotes.
fn escaped(character: char) -> impl Iterator<Item = char> {
    let text = match character {
        '"' | '\\' => format!("\\{character}"),
        ' '..='~' => character.to_string(),
        _ => {
            let mut units = [0; 2];
            character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
        }
    };
    text.chars().collect::<Vec<_>>().into_iter()
}
