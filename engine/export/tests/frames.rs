//! Events and books as frames, and frames as files.

use std::{collections::BTreeMap, fs, fs::File, os::unix::fs::symlink, path::Path};

use arrow_array::{
    Array, RecordBatch, StringArray,
    cast::AsArray,
    types::{Decimal128Type, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use wirebook_abi::{Event, EventCold, EventKind, Side, flags};
use wirebook_export::{
    EventFrameBuilder, Events, ExportError, FrameInfo, FrameWriter, LevelRow, OrderRow, Quote, TopRow, Units,
    levels_batch, orders_batch, tops_batch,
};

const MIDNIGHT_NS: i64 = 1_577_682_000_000_000_000;

fn units() -> Units {
    Units::new(10_000, MIDNIGHT_NS).unwrap()
}

fn info() -> FrameInfo {
    FrameInfo { protocol: "own-1.0".into(), date: "2019-12-30".into() }
}

fn add(instrument: u32, order_id: u64, price: i64) -> Event {
    Event {
        order_id,
        price,
        quantity: 100,
        instrument,
        kind: EventKind::ADD,
        side: Side::BID,
        flags: flags::LAST,
        detail: 0,
    }
}

fn cold(sequence: u64) -> EventCold {
    EventCold { ts_event_ns: 34_200_000_000_000 + sequence, sequence, ..EventCold::default() }
}

fn symbols() -> BTreeMap<u32, String> {
    BTreeMap::from([(7, "AAPL".into()), (8, "MSFT".into())])
}

/// Two batches, the second of which names an instrument that the first has not.
fn batches() -> Vec<RecordBatch> {
    let mut builder = EventFrameBuilder::new(&info(), units(), 4);
    let status = Event {
        kind: EventKind::STATUS,
        instrument: Event::NO_INSTRUMENT,
        side: Side::NONE,
        detail: 5,
        ..Event::default()
    };
    let attributed = EventCold { participant: *b"GSCO", match_id: 9, ..cold(3) };
    let first = [add(7, 1, 873_900), status, Event { side: Side::ASK, ..add(9, 2, -5) }];
    let second = [add(8, 3, 1), add(7, 4, 2)];
    builder.append(Events::new(&first, &[cold(1), cold(2), attributed], &[11, 0, 13]), &symbols()).unwrap();
    let first = builder.finish().unwrap();
    assert!(builder.is_empty());
    builder.append(Events::new(&second, &[cold(4), cold(5)], &[]), &symbols()).unwrap();
    vec![first, builder.finish().unwrap()]
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(column).unwrap();
    let text = |texts: &StringArray, index: usize| texts.is_valid(index).then(|| texts.value(index).to_owned());
    if let Some(plain) = column.as_string_opt::<i32>() {
        return (0..plain.len()).map(|row| text(plain, row)).collect();
    }
    let dictionary = column.as_any_dictionary();
    let keys = dictionary.normalized_keys();
    let values = dictionary.values().as_string::<i32>();
    (0..column.len()).map(|row| if column.is_null(row) { None } else { text(values, keys[row]) }).collect()
}

fn prices(batch: &RecordBatch, column: &str) -> Vec<Option<i128>> {
    batch.column_by_name(column).unwrap().as_primitive::<Decimal128Type>().iter().collect()
}

fn some<const N: usize>(texts: [&str; N]) -> Vec<Option<String>> {
    texts.map(|text| Some(text.to_owned())).to_vec()
}

#[test]
fn each_event_is_a_row_with_exact_values() {
    let batch = &batches()[0];
    assert_eq!(batch.schema().metadata()["wirebook.protocol"], "own-1.0");
    assert_eq!(prices(batch, "price"), [Some(87_390_000_000), None, Some(-500_000)]);
    let times = |name| batch.column_by_name(name).unwrap().as_primitive::<TimestampNanosecondType>().clone();
    assert_eq!(times("ts_event").value(0), MIDNIGHT_NS + 34_200_000_000_001);
    assert_eq!(times("ts_recv").iter().collect::<Vec<_>>(), [Some(11), None, Some(13)]);
    let numbers = |name| batch.column_by_name(name).unwrap().as_primitive::<UInt64Type>().values().to_vec();
    assert_eq!(numbers("sequence"), [1, 2, 3]);
    assert_eq!(numbers("order_id"), [1, 0, 2]);
    assert_eq!(numbers("match_id"), [0, 0, 9]);
    assert_eq!(numbers("quantity"), [100, 0, 100]);
    let instruments = batch.column_by_name("instrument").unwrap().as_primitive::<UInt32Type>();
    assert_eq!(instruments.iter().collect::<Vec<_>>(), [Some(7), None, Some(9)]);
    assert_eq!(texts(batch, "symbol"), [Some("AAPL".into()), None, None]);
    assert_eq!(texts(batch, "kind"), some(["add", "status", "add"]));
    assert_eq!(texts(batch, "side"), some(["B", "N", "A"]));
    assert_eq!(texts(batch, "participant"), [None, None, Some("GSCO".into())]);
    let bytes = |name| batch.column_by_name(name).unwrap().as_primitive::<UInt8Type>().values().to_vec();
    assert_eq!(bytes("flags"), [128, 0, 128]);
    assert_eq!(bytes("detail"), [0, 5, 0]);
    for name in ["position", "order_count"] {
        assert_eq!(batch.column_by_name(name).unwrap().null_count(), 3, "no event is of a level");
    }
}

#[test]
fn level_events_have_position_and_count_and_listed_orders_their_id() {
    let mut builder = EventFrameBuilder::new(&info(), units(), 4);
    let set = |position, orders, price| Event {
        kind: EventKind::LEVEL_SET,
        order_id: Event::level_key_within(position, orders, 10),
        ..add(7, 0, price)
    };
    let listed = EventCold { match_id: 77, ..cold(2) };
    let events = [set(3, 70_000, 1), set(1, 1, Event::NO_PRICE), set(0, 0, 5)];
    builder.append(Events::new(&events, &[cold(1), listed, cold(3)], &[]), &symbols()).unwrap();
    let batch = builder.finish().unwrap();
    let column = |name| batch.column_by_name(name).unwrap();
    let positions = column("position").as_primitive::<UInt16Type>();
    assert_eq!(positions.iter().collect::<Vec<_>>(), [Some(3), Some(1), None]);
    let counts = column("order_count").as_primitive::<UInt32Type>();
    assert_eq!(counts.iter().collect::<Vec<_>>(), [Some(70_000), Some(1), None]);
    assert_eq!(column("order_id").as_primitive::<UInt64Type>().values().to_vec(), [0, 77, 0]);
    assert_eq!(column("match_id").as_primitive::<UInt64Type>().values().to_vec(), [0, 0, 0]);
    assert_eq!(prices(&batch, "price"), [Some(100_000), None, Some(500_000)]);
}

#[test]
fn symbol_given_by_a_definition_is_asked_for_again() {
    let mut builder = EventFrameBuilder::new(&info(), units(), 4);
    let definition = Event { kind: EventKind::DEFINITION, ..add(7, 0, 0) };
    builder.append(Events::new(&[add(7, 1, 1)], &[cold(1)], &[]), &symbols()).unwrap();
    let renamed = BTreeMap::from([(7, "AAPL.N".to_owned())]);
    builder.append(Events::new(&[definition, add(7, 2, 1)], &[cold(2), cold(2)], &[]), &renamed).unwrap();
    assert_eq!(texts(&builder.finish().unwrap(), "symbol"), some(["AAPL", "AAPL.N", "AAPL.N"]));
}

#[test]
fn event_that_no_column_holds_is_an_error_with_its_sequence() {
    let mut builder = EventFrameBuilder::new(&info(), units(), 4);
    let mut refused = |event: Event, cold: EventCold| {
        builder.append(Events::new(&[event], &[cold], &[]), &symbols()).unwrap_err().to_string()
    };
    assert!(refused(add(7, 1, 10_000_000_000_000), cold(77)).starts_with("sequence 77: price 10000000000000 "));
    assert!(refused(add(7, 1, i64::MIN + 1), cold(78)).contains("sequence 78"));
    let late = EventCold { ts_event_ns: u64::MAX, ..cold(79) };
    assert!(refused(add(7, 1, 1), late).contains("sequence 79: time"));
    assert!(builder.is_empty(), "a refused event leaves no half row");
    assert!(matches!(Units::new(3, 0), Err(ExportError::PriceScale { price_scale: 3 })));
    assert!(Units::new(0, 0).is_err());
}

/// A file's schema and batches, by the readers of its format.
fn read(path: &Path) -> (SchemaRef, Vec<RecordBatch>) {
    let file = File::open(path).unwrap();
    match path.extension().unwrap().to_str().unwrap() {
        "parquet" => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            (builder.schema().clone(), builder.build().unwrap().map(Result::unwrap).collect())
        }
        "arrows" => {
            let reader = StreamReader::try_new(file, None).unwrap();
            (reader.schema(), reader.map(Result::unwrap).collect())
        }
        _ => {
            let reader = FileReader::try_new(file, None).unwrap();
            (reader.schema(), reader.map(Result::unwrap).collect())
        }
    }
}

/// Every row of some batches as text, so that it does not matter where batches and dictionaries end.
fn rows(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            rows.push(
                batch
                    .columns()
                    .iter()
                    .zip(batch.schema().fields())
                    .map(|(column, field)| {
                        if matches!(field.data_type(), DataType::Dictionary(..) | DataType::Utf8) {
                            format!("{:?}", texts(batch, field.name())[row])
                        } else {
                            format!("{:?}", column.slice(row, 1))
                        }
                    })
                    .collect(),
            );
        }
    }
    rows
}

#[test]
fn files_read_back_equal() {
    let folder = tempfile::tempdir().unwrap();
    let batches = batches();
    for name in ["day.parquet", "day.arrow", "day.arrows"] {
        let path = folder.path().join(name);
        let mut writer = FrameWriter::create(&path, &batches[0].schema()).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        assert!(!path.exists(), "{name} appears before it is complete");
        assert_eq!(writer.finish().unwrap(), 5);
        let (schema, back) = read(&path);
        assert_eq!(schema.metadata(), batches[0].schema().metadata(), "{name}");
        for (field, written) in schema.fields().iter().zip(batches[0].schema().fields()) {
            // Arrow files hold symbols as plain text.
            let plain = field.name() == "symbol" && name != "day.parquet";
            let expected = if plain { &DataType::Utf8 } else { written.data_type() };
            assert_eq!((field.name(), field.data_type()), (written.name(), expected), "{name}");
        }
        assert_eq!(rows(&back), rows(&batches), "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no partial file is left");
}

#[test]
fn parquet_has_statistics_and_prices_in_eight_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.parquet");
    let batches = batches();
    let mut writer = FrameWriter::create(&path, &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    let group = reader.metadata().row_group(0);
    let price = group.columns().iter().find(|column| column.column_path().string() == "price").unwrap();
    assert_eq!(price.column_type(), parquet::basic::Type::INT64);
    let statistics = price.statistics().unwrap();
    assert_eq!(statistics.min_bytes_opt().unwrap(), (-500_000_i64).to_le_bytes());
    assert_eq!(statistics.max_bytes_opt().unwrap(), 87_390_000_000_i64.to_le_bytes());
    assert_eq!(statistics.null_count_opt(), Some(1));
    assert!(matches!(price.compression(), parquet::basic::Compression::ZSTD(_)));
}

#[test]
fn dropped_writer_leaves_nothing_and_an_older_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.parquet");
    fs::write(&path, b"older").unwrap();
    let batches = batches();
    let mut writer = FrameWriter::create(&path, &batches[0].schema()).unwrap();
    writer.write(&batches[0]).unwrap();
    drop(writer);
    assert_eq!(fs::read(&path).unwrap(), b"older");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn unknown_ending_names_those_that_would_do() {
    let error = FrameWriter::create(Path::new("day.xls"), &batches()[0].schema()).unwrap_err().to_string();
    assert_eq!(error, "day.xls: the name ends in none of .parquet, .arrow, .feather, .ipc, .arrows");
}

#[test]
fn full_disk_is_told_with_file_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["day.parquet", "day.arrow", "day.arrows"] {
        let path = folder.path().join(name);
        symlink("/dev/full", folder.path().join(format!("{name}.partial"))).unwrap();
        let batches = batches();
        let mut writer = FrameWriter::create(&path, &batches[0].schema()).unwrap();
        let written: Result<(), _> = batches.iter().try_for_each(|batch| writer.write(batch));
        let error = written.and_then(|()| writer.finish().map(drop)).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("No space left"), "{error}");
        assert!(error.contains("free space or choose another folder"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name} left something");
    }
}

#[test]
fn books_are_frames_too() {
    let level = |symbol, side, rank, price| LevelRow {
        symbol,
        side,
        rank,
        price,
        quantity: 300,
        order_count: 2,
        is_implied: false,
    };
    let market_orders = level("AAPL", Side::ASK, 0, Event::NO_PRICE);
    let implied = LevelRow { is_implied: true, ..level("AAPL", Side::ASK, 0, 10_100) };
    let batch = levels_batch(&info(), units(), [level("AAPL", Side::BID, 0, 10_000), market_orders, implied]).unwrap();
    assert_eq!(prices(&batch, "price"), [Some(1_000_000_000), None, Some(1_010_000_000)]);
    assert_eq!(texts(&batch, "side"), some(["B", "A", "A"]));
    let implied = batch.column_by_name("implied").unwrap().as_boolean();
    assert_eq!(implied.iter().collect::<Vec<_>>(), [Some(false), Some(false), Some(true)]);
    assert_eq!(batch.column_by_name("order_count").unwrap().as_primitive::<UInt32Type>().values(), &[2, 2, 2]);
    assert!(levels_batch(&info(), units(), [level("AAPL", Side::BID, 0, i64::MAX)]).is_err());

    let order = OrderRow { symbol: "A", side: Side::ASK, rank: 1, price: 5, position: 2, order_id: 17, quantity: 9 };
    let batch = orders_batch(&info(), units(), [order]).unwrap();
    assert_eq!(batch.column_by_name("position").unwrap().as_primitive::<UInt32Type>().values(), &[2]);
    assert_eq!(batch.column_by_name("order_id").unwrap().as_primitive::<UInt64Type>().values(), &[17]);
    assert_eq!(prices(&batch, "price"), [Some(500_000)]);

    let bid = Some(Quote { price: 10_000, quantity: 5, order_count: 1 });
    let top = TopRow { symbol: "AAPL", sequence: 3, ts_event_ns: Some(MIDNIGHT_NS), bid, ask: None };
    let batch = tops_batch(&info(), units(), [top]).unwrap();
    assert_eq!(prices(&batch, "bid_price"), [Some(1_000_000_000)]);
    assert_eq!(prices(&batch, "ask_price"), [None]);
    assert!(batch.column_by_name("ask_quantity").unwrap().is_null(0));
}
