//! Prints what a day looks like: rate, mix, open orders over the day, levels, queues and ages of orders.
//!
//! `cargo run --release -p wirebook-simulator --example profile -- [MESSAGES] [SYMBOLS] [SEED]`

use std::{collections::HashMap, time::Instant};

use wirebook_abi::EventKind;
use wirebook_simulator::{Day, DayConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut config = DayConfig { messages: 10_000_000, ..DayConfig::default() };
    config.messages = arguments.next().transpose()?.unwrap_or(config.messages);
    config.symbols = arguments.next().transpose()?.map_or(Ok(config.symbols), u32::try_from)?;
    config.seed = arguments.next().transpose()?.unwrap_or(config.seed);
    speed(&config)?;
    shape(&config)
}

fn speed(config: &DayConfig) -> Result<(), Box<dyn std::error::Error>> {
    let mut day = Day::new(config.clone())?;
    let started = Instant::now();
    while day.next_group().is_some() {}
    let seconds = started.elapsed().as_secs_f64();
    println!("{:.2} s, {:.2} million messages/s", seconds, config.messages as f64 / seconds / 1e6);
    for (kind, count) in day.counts().iter() {
        println!("{} {count:>9} {:7.3} %", kind.itch(), count as f64 * 100.0 / config.messages as f64);
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Order {
    born: u64,
    level: (u32, i64),
    quantity: u64,
}

fn shape(config: &DayConfig) -> Result<(), Box<dyn std::error::Error>> {
    let mut day = Day::new(config.clone())?;
    let mut orders: HashMap<u64, Order> = HashMap::new();
    let mut queues: HashMap<(u32, i64), u32> = HashMap::new();
    let mut ages = Vec::new();
    let (mut touched, mut long_queues, mut packets, mut packet_start, mut packet_end) = (0_u64, 0_u64, 0_u64, 0, 0);
    let mut number = 0;
    while let Some(group) = day.next_group() {
        number += 1;
        let ts_ns = group.ts_ns;
        if ts_ns > packet_end + 2_000 || ts_ns > packet_start + 20_000 {
            (packets, packet_start) = (packets + 1, ts_ns);
        }
        packet_end = ts_ns;
        for event in group.events {
            let level = match event.kind {
                EventKind::ADD => (event.instrument, event.price),
                EventKind::DELETE | EventKind::REDUCE | EventKind::EXECUTE => orders[&event.order_id].level,
                _ => continue,
            };
            touched += 1;
            if event.kind == EventKind::ADD {
                orders.insert(event.order_id, Order { born: number, level, quantity: event.quantity });
                *queues.entry(level).or_default() += 1;
            }
            long_queues += u64::from(queues[&level] > 10);
            if event.kind != EventKind::ADD {
                let order = orders.get_mut(&event.order_id).expect("every reference is to a live order");
                order.quantity -= if event.kind == EventKind::DELETE { order.quantity } else { event.quantity };
                if order.quantity == 0 {
                    ages.push(number - order.born);
                    orders.remove(&event.order_id);
                    *queues.entry(level).or_default() -= 1;
                }
            }
        }
        if number % (config.messages / 20).max(1) == 0 {
            print_books(number, ts_ns, &day);
        }
    }
    ages.sort_unstable();
    let at = |per_mille: usize| ages.get(ages.len() * per_mille / 1_000).copied().unwrap_or(0);
    println!("age at the end, messages: p10 {} p50 {} p90 {} p99 {}", at(100), at(500), at(900), at(990));
    println!("events at levels of more than 10 orders: {:.1} %", long_queues as f64 * 100.0 / touched as f64);
    println!("messages a packet: {:.2}", number as f64 / packets as f64);
    Ok(())
}

fn print_books(number: u64, ts_ns: u64, day: &Day) {
    let (hour, minute) = (ts_ns / 3_600_000_000_000, ts_ns / 60_000_000_000 % 60);
    let books = day.final_books();
    let sides = || books.instruments.iter().flat_map(|book| [&book.bids, &book.asks]);
    let levels: usize = sides().map(Vec::len).sum();
    println!(
        "{number:>10} {hour:02}:{minute:02} open orders {:>9}, levels a side {:.1}, empty sides {}, median spread {}",
        day.open_orders(),
        levels as f64 / sides().count() as f64,
        sides().filter(|side| side.is_empty()).count(),
        median_spread(&books)
    );
}

fn median_spread(books: &wirebook_simulator::FinalBooks) -> i64 {
    let both = books.instruments.iter().filter_map(|book| Some(book.asks.first()?.price - book.bids.first()?.price));
    let mut spreads: Vec<i64> = both.collect();
    spreads.sort_unstable();
    spreads.get(spreads.len() / 2).copied().unwrap_or(0)
}
