//! Events to DBN and back, read with the `dbn` crate.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use dbn::{
    MboMsg, Metadata, VersionUpgradePolicy,
    decode::{DbnMetadata, DecodeRecord, DynDecoder},
};
use proptest::prelude::*;
use wirebook_abi::{Event, EventCold, EventKind, Side, event::detail, flags};
use wirebook_export::{DbnConfig, DbnSummary, DbnWriter, Events, MBO_PRICE_SCALE, MboEvent, Units, mbo_events};

const MIDNIGHT_NS: i64 = 1_577_682_000_000_000_000;
const BAD_RECV: u8 = flags::BAD_TS_RECV;

fn symbols() -> BTreeMap<u32, String> {
    BTreeMap::from([(7, "AAPL".into()), (8, "MSFT".into())])
}

fn event(kind: EventKind, order_id: u64, price: i64, quantity: u64) -> Event {
    Event { order_id, price, quantity, instrument: 7, kind, side: Side::ASK, flags: flags::LAST, detail: 0 }
}

fn write(path: &Path, events: &[Event]) -> DbnSummary {
    let cold: Vec<_> =
        (1..).take(events.len()).map(|n| EventCold { ts_event_ns: n, sequence: n, ..EventCold::default() }).collect();
    let mut writer = DbnWriter::create(path, &DbnConfig::default(), Units::new(10_000, MIDNIGHT_NS).unwrap()).unwrap();
    // One call an event: groups and held-back records must survive the border between calls.
    for (event, cold) in events.chunks(1).zip(cold.chunks(1)) {
        writer.write(Events::new(event, cold, &[]), &symbols()).unwrap();
    }
    writer.finish().unwrap()
}

fn read(path: &Path) -> (Metadata, Vec<MboMsg>) {
    let decoder = DynDecoder::from_file(path, VersionUpgradePolicy::AsIs).unwrap();
    (decoder.metadata().clone(), decoder.decode_records().unwrap())
}

fn written(events: &[Event]) -> Vec<MboMsg> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.dbn");
    write(&path, events);
    read(&path).1
}

/// Action, side, order id, price, size and flags of each record.
fn shown(records: &[MboMsg]) -> Vec<(char, char, u64, i64, u32, u8)> {
    let letter = |c: std::ffi::c_char| char::from(c as u8);
    let row = |r: &MboMsg| (letter(r.action), letter(r.side), r.order_id, r.price, r.size, r.flags.raw());
    records.iter().map(row).collect()
}

#[test]
fn every_kind_has_the_records_that_databento_has() {
    const LAST: u8 = flags::LAST | BAD_RECV;
    let clear = Event { side: Side::NONE, ..event(EventKind::CLEAR, 0, 0, 0) };
    let hidden = Event { side: Side::NONE, ..event(EventKind::TRADE, 0, 50_000, 9) };
    let records = written(&[
        clear,
        event(EventKind::ADD, 1, 10_000, 100),
        event(EventKind::MODIFY, 1, 10_100, 90),
        event(EventKind::REDUCE, 1, 10_100, 10),
        event(EventKind::EXECUTE, 1, 10_100, 30),
        event(EventKind::DELETE, 1, 10_100, 50),
        hidden,
        event(EventKind::TRADE, 5, 50_000, 9),
    ]);
    let expected = [
        ('R', 'N', 0, i64::MAX, 0, LAST),
        ('A', 'A', 1, 1_000_000_000, 100, LAST),
        ('M', 'A', 1, 1_010_000_000, 90, LAST),
        ('C', 'A', 1, 1_010_000_000, 10, LAST),
        ('T', 'B', 0, 1_010_000_000, 30, BAD_RECV),
        ('F', 'A', 1, 1_010_000_000, 30, BAD_RECV),
        ('C', 'A', 1, 1_010_000_000, 30, LAST),
        ('C', 'A', 1, 1_010_000_000, 50, LAST),
        ('T', 'N', 0, 5_000_000_000, 9, LAST),
        ('T', 'B', 0, 5_000_000_000, 9, LAST),
    ];
    assert_eq!(shown(&records), expected);
    assert_eq!(records[4].sequence, records[6].sequence);
}

#[test]
fn execution_at_another_price_cancels_at_the_orders_own() {
    let priced = Event { detail: detail::PRICED, ..event(EventKind::EXECUTE, 1, 9_900, 40) };
    let unprinted = Event { detail: detail::PRICED | detail::NON_PRINTABLE, ..event(EventKind::EXECUTE, 1, 9_800, 60) };
    let records = written(&[event(EventKind::ADD, 1, 10_000, 100), priced, unprinted]);
    let rows: Vec<_> = shown(&records).iter().map(|row| (row.0, row.3)).collect();
    let own = 1_000_000_000;
    assert_eq!(rows, [('A', own), ('T', 990_000_000), ('F', 990_000_000), ('C', own), ('F', 980_000_000), ('C', own)]);
}

#[test]
fn order_price_from_before_the_file_is_observed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.dbn");
    let cold = [EventCold::default()];
    let priced = Event { detail: detail::PRICED, ..event(EventKind::EXECUTE, 1, 9_900, 40) };
    for (observed, price, unknown) in [(true, 1_000_000_000, 0), (false, 990_000_000, 1)] {
        let mut writer = DbnWriter::create(&path, &DbnConfig::default(), Units::new(10_000, 0).unwrap()).unwrap();
        if observed {
            writer.observe(Events::new(&[event(EventKind::ADD, 1, 10_000, 100)], &cold, &[]));
        }
        writer.write(Events::new(&[priced], &cold, &[1_000]), &symbols()).unwrap();
        assert_eq!(writer.finish().unwrap().unknown_order_prices, unknown);
        let records = read(&path).1;
        assert_eq!((records.len(), records[2].price), (3, price));
        assert_eq!(
            (records[0].ts_recv, records[0].ts_in_delta, records[0].flags.is_bad_ts_recv()),
            (1_000, 1_000, false)
        );
    }
}

#[test]
fn only_the_groups_final_record_is_last() {
    let open = |event: Event| Event { flags: 0, ..event };
    let replace = [open(event(EventKind::DELETE, 1, 10_000, 100)), event(EventKind::ADD, 2, 10_100, 100)];
    // The group's last event has no record, so that the record before it is the last one.
    let status = [open(event(EventKind::ADD, 3, 10_000, 1)), event(EventKind::STATUS, 0, 0, 0)];
    let alone = [event(EventKind::STATUS, 0, 0, 0), open(event(EventKind::ADD, 4, 10_000, 1))];
    let records = written(&[replace, status, alone].concat());
    let last: Vec<_> = records.iter().map(|record| record.flags.is_last()).collect();
    assert_eq!(last, [false, true, true, false]);
}

#[test]
fn clear_of_the_channel_clears_every_instrument_of_the_file() {
    let mut other = event(EventKind::ADD, 2, 10_000, 1);
    other.instrument = 8;
    let clear =
        Event { instrument: Event::NO_INSTRUMENT, detail: detail::WHOLE_CHANNEL, ..event(EventKind::CLEAR, 0, 0, 0) };
    let records = written(&[event(EventKind::ADD, 1, 10_000, 1), other, clear]);
    let clears: Vec<_> = records[2..].iter().map(|r| (r.action as u8, r.hd.instrument_id, r.flags.is_last())).collect();
    assert_eq!(clears, [(b'R', 7, true), (b'R', 8, true)]);
}

#[test]
fn market_orders_have_no_price() {
    let records = written(&[event(EventKind::ADD, 1, Event::NO_PRICE, 5)]);
    assert_eq!(records[0].price, dbn::UNDEF_PRICE);
}

#[test]
fn a_feed_of_levels_alone_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("levels.dbn");
    let mut writer = DbnWriter::create(&path, &DbnConfig::default(), Units::new(10_000, MIDNIGHT_NS).unwrap()).unwrap();
    let levels = [event(EventKind::LEVEL_SET, 1, 10_000, 5), event(EventKind::LEVEL_DELETE, 1, 10_000, 5)];
    writer.write(Events::new(&levels, &[EventCold::default(); 2], &[]), &symbols()).unwrap();
    let error = writer.finish().unwrap_err().to_string();
    assert!(error.contains("2 of them") && error.contains("write Parquet or Arrow"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let summary = write(&path, &[levels[0], event(EventKind::ADD, 1, 10_000, 1)]);
    assert_eq!((summary.records, summary.levels, summary.without_record), (1, 1, 1));
}

#[test]
fn header_names_dataset_symbols_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut unnamed = event(EventKind::ADD, 2, 10_000, 1);
    unnamed.instrument = 99;
    let unknown = Event { side: Side::NONE, ..event(EventKind::DELETE, 5, 0, 0) };
    let events = [event(EventKind::ADD, 1, 10_000, 1), unnamed, unknown, event(EventKind::STATISTIC, 0, 0, 0)];
    for name in ["day.dbn", "day.dbn.zst"] {
        let path = folder.path().join(name);
        let summary = write(&path, &events);
        assert_eq!((summary.records, summary.unknown_orders, summary.without_record), (2, 1, 1));
        let (metadata, records) = read(&path);
        assert_eq!((metadata.version, metadata.dataset.as_str()), (3, "XNAS.ITCH"));
        assert_eq!(metadata.schema, Some(dbn::Schema::Mbo));
        assert_eq!((metadata.stype_in, metadata.stype_out), (Some(dbn::SType::RawSymbol), dbn::SType::InstrumentId));
        assert_eq!(metadata.start, MIDNIGHT_NS as u64 + 1);
        assert_eq!(metadata.end.unwrap().get(), MIDNIGHT_NS as u64 + 3);
        assert_eq!(metadata.symbols, ["AAPL"]);
        let date = time::Date::from_ordinal_date(2019, 364).unwrap();
        let mapped = metadata.symbol_map_for_date(date).unwrap();
        assert_eq!(mapped.get(7).unwrap(), "AAPL");
        assert_eq!((records[0].hd.publisher_id, records[0].channel_id, records[0].hd.ts_event), (2, 0, metadata.start));
    }
    let sizes: Vec<_> = ["day.dbn", "day.dbn.zst"].map(|n| fs::metadata(folder.path().join(n)).unwrap().len()).into();
    assert!(sizes[1] < sizes[0], "{sizes:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no spool is left");
}

#[test]
fn known_datasets_have_their_publisher() {
    let publisher = |dataset| DbnConfig::new(dataset).publisher_id;
    assert_eq!([publisher("XNAS.ITCH"), publisher("XBOS.ITCH"), publisher("XPSX.ITCH")], [2, 3, 4]);
    assert_eq!(publisher("XCBF.PITCH"), dbn::Publisher::XcbfPitchXcbf as u16);
    assert_eq!(publisher("NOBODY.NOTHING"), 0);
}

#[test]
fn quantity_beyond_dbn_is_an_error_with_its_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.dbn");
    let mut writer = DbnWriter::create(&path, &DbnConfig::default(), Units::new(10_000, 0).unwrap()).unwrap();
    let cold = EventCold { sequence: 1 << 40, ..EventCold::default() };
    let large = event(EventKind::ADD, 1, 1, 1 << 32);
    let error = writer.write(Events::new(&[large], &[cold], &[]), &symbols()).unwrap_err().to_string();
    assert!(error.starts_with("sequence 1099511627776: quantity 4294967296 "), "{error}");
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn full_disk_is_told_with_file_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for (partial, name) in [("day.dbn.partial", "day.dbn"), ("day.dbn.records.partial", "day.dbn.records")] {
        symlink("/dev/full", folder.path().join(partial)).unwrap();
        let mut writer =
            DbnWriter::create(&folder.path().join("day.dbn"), &DbnConfig::default(), Units::new(1, 0).unwrap())
                .unwrap();
        let add = event(EventKind::ADD, 1, 1, 1);
        writer.write(Events::new(&[add], &[EventCold::default()], &[]), &symbols()).unwrap();
        let error = writer.finish().unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("No space left on device"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name} left something");
    }
}

#[test]
fn csv_reads_as_dbn_does_and_says_where_it_does_not() {
    const HEADER: &str = "ts_recv,ts_event,instrument_id,action,side,price,size,order_id,flags,sequence\n";
    let rows = "2025-07-17T07:05:09.035793433Z,1752735909035627674,7,A,B,5.51,100,1,130,9\n\
                1,1,7,C,B,5510000000,30,1,0,9\n1,1,7,F,B,,70,1,0,9\n1,1,7,C,B,5.51,70,1,130,10\n1,1,7,T,B,-0.5,1,8,130,11\n";
    let events: Vec<MboEvent> =
        mbo_events(format!("{HEADER}{rows}").as_bytes()).unwrap().collect::<Result<_, _>>().unwrap();
    let kinds: Vec<_> = events.iter().map(|each| each.event.kind.name()).collect();
    assert_eq!(kinds, ["add", "reduce", "delete", "trade"]);
    assert_eq!(events[0].ts_recv_ns, 1_752_735_909_035_793_433);
    assert_eq!((events[0].event.price, events[1].event.price), (5_510_000_000, 5_510_000_000));
    assert_eq!((events[3].event.price, events[3].event.side, events[3].event.order_id), (-500_000_000, Side::ASK, 0));

    let faulty = mbo_events(format!("{HEADER}1,1,7,A,B,x,1,1,0,1\n").as_bytes()).unwrap().next().unwrap();
    assert_eq!(faulty.unwrap_err().to_string(), "line 2, column price: \"x\" is not a price");
    let missing = mbo_events(&b"ts_recv,price\n"[..]).err().unwrap().to_string();
    assert!(missing.contains("no column ts_event"), "{missing}");
}

/// Third-party data that is not part of the repository.
fn shared(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures/books").join(file);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// The events of a file, written to DBN and read again.
fn rewritten(events: &[MboEvent]) -> Vec<MboEvent> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.dbn.zst");
    let mut writer = DbnWriter::create(&path, &DbnConfig::default(), Units::new(MBO_PRICE_SCALE, 0).unwrap()).unwrap();
    let hot: Vec<_> = events.iter().map(|each| each.event).collect();
    let cold: Vec<_> = events.iter().map(|each| each.cold).collect();
    let received: Vec<_> = events.iter().map(|each| each.ts_recv_ns).collect();
    writer.write(Events::new(&hot, &cold, &received), &symbols()).unwrap();
    writer.finish().unwrap();
    mbo_events(File::open(&path).unwrap()).unwrap().collect::<Result<_, _>>().unwrap()
}

fn kinds(events: &[MboEvent]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    events.iter().for_each(|each| *counts.entry(each.event.kind.name()).or_default() += 1);
    counts
}

#[test]
fn recorded_csv_day_reads_and_survives_a_rewrite() {
    let Some(path) = shared("xnas-arl-2025-07-17.mbo.csv") else { return };
    let events: Vec<_> = mbo_events(File::open(path).unwrap()).unwrap().collect::<Result<_, _>>().unwrap();
    let counts = kinds(&events);
    assert_eq!((counts["add"], counts["trade"], counts["clear"]), (2_915, 46, 1));
    assert_eq!(counts["delete"] + counts.get("reduce").unwrap_or(&0), 2_913);
    assert_eq!(rewritten(&events), events);
}

#[test]
fn recorded_dbn_snapshot_reads_and_survives_a_rewrite() {
    let Some(path) = shared("glbx-esm4-2024-05-08.mbo.dbn.zst") else { return };
    let events: Vec<_> = mbo_events(File::open(path).unwrap()).unwrap().collect::<Result<_, _>>().unwrap();
    let counts = kinds(&events);
    assert_eq!((counts["add"], counts["modify"], counts["trade"], counts["clear"]), (13_678, 27, 5, 1));
    assert_eq!(counts["delete"] + counts.get("reduce").unwrap_or(&0), 80);
    assert_eq!(rewritten(&events), events);
}

/// What is open after some events: id to price and quantity.
fn open_orders(events: impl Iterator<Item = Event>) -> HashMap<u64, (i64, u64)> {
    let mut open: HashMap<u64, (i64, u64)> = HashMap::new();
    for event in events {
        match event.kind {
            EventKind::ADD | EventKind::MODIFY => {
                open.insert(event.order_id, (event.price, event.quantity));
            }
            EventKind::REDUCE | EventKind::EXECUTE | EventKind::DELETE => {
                let (price, rest) = open[&event.order_id];
                open.insert(event.order_id, (price, rest - event.quantity));
            }
            EventKind::CLEAR => open.clear(),
            _ => {}
        }
        open.retain(|_, (_, rest)| *rest > 0);
    }
    open
}

/// Sound events as the book completes them: references name open orders, deletes carry the rest.
fn sound(choices: &[(u8, u64, u32)]) -> Vec<Event> {
    let mut open: BTreeMap<u64, (i64, u64)> = BTreeMap::new();
    let mut events = Vec::new();
    for (index, &(choice, pick, amount)) in choices.iter().enumerate() {
        let amount = u64::from(amount % 1_000) + 1;
        let target = open.keys().copied().nth(pick as usize % open.len().max(1));
        let (kind, id) = match (choice % 6, target) {
            (1, Some(id)) => (EventKind::REDUCE, id),
            (2, Some(id)) => (EventKind::EXECUTE, id),
            (3, Some(id)) => (EventKind::DELETE, id),
            (4, Some(id)) => (EventKind::MODIFY, id),
            _ => (EventKind::ADD, index as u64 + 1),
        };
        let (price, rest) = open.get(&id).copied().unwrap_or((amount as i64 * 10, amount));
        let (price, quantity) = match kind {
            EventKind::ADD => (price, rest),
            EventKind::MODIFY => (price + 10, amount),
            EventKind::DELETE => (price, rest),
            _ => (price, amount.min(rest)),
        };
        let rest = match kind {
            EventKind::ADD | EventKind::MODIFY => quantity,
            _ => rest - quantity,
        };
        open.insert(id, (price, rest));
        open.retain(|_, (_, rest)| *rest > 0);
        events.push(event(kind, id, price, quantity));
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn books_built_from_the_file_are_the_books_of_the_events(
        choices in prop::collection::vec((any::<u8>(), any::<u64>(), any::<u32>()), 1..200),
    ) {
        let events = sound(&choices);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.dbn");
        write(&path, &events);
        let back = mbo_events(File::open(&path).unwrap()).unwrap().map(|each| each.unwrap().event);
        let back = back.map(|each| Event { price: each.price / 100_000, ..each });
        prop_assert_eq!(open_orders(back), open_orders(events.into_iter()));
    }
}
