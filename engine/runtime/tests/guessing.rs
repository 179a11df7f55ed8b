//! Protocol and framing told from the first packets.

mod support;

use support::*;
use wirebook_abi::{CheckedTable, Framing};
use wirebook_io::capture::{CaptureSource, Format as CaptureFormat};
use wirebook_runtime::{Sample, guess};
use wirebook_simulator::{DayConfig, Format, Packing, packets_in_memory};

fn tables() -> [CheckedTable; 3] {
    [&wirebook_itch::NASDAQ, &wirebook_itch::NASDAQ_BX, &wirebook_itch::NASDAQ_PSX]
        .map(|table| CheckedTable::new(table).unwrap())
}

fn fits(bytes: Vec<u8>, format: Option<CaptureFormat>) -> Vec<(usize, Framing, bool)> {
    let mut source = match format {
        Some(format) => CaptureSource::from_memory_as(bytes, format).unwrap(),
        None => CaptureSource::from_memory(bytes).unwrap(),
    };
    let sample = Sample::from_source(&mut source);
    assert!(!sample.is_empty());
    guess(&tables(), &sample).into_iter().map(|fit| (fit.table, fit.framing, fit.is_clear())).collect()
}

#[test]
fn datagrams_fit_every_protocol_that_shares_the_layouts() {
    let (bytes, _) = file(day(1), Format::Pcap);
    let fits = fits(bytes, None);
    assert_eq!(fits[0], (0, Framing::MOLDUDP64, true));
    assert!(fits.iter().all(|(_, framing, _)| *framing == Framing::MOLDUDP64));
    assert!(fits.iter().filter(|(.., clear)| *clear).count() > 1);
}

#[test]
fn streams_are_told_by_their_framing() {
    let (bytes, _) = file(day(1), Format::Length16File);
    assert_eq!(fits(bytes, None)[0], (0, Framing::LENGTH16, true));
    let soup = packets_in_memory(day(1), table(), Framing::SOUPBINTCP, Packing::Natural).unwrap();
    let fits = fits(soup.bytes, Some(CaptureFormat::SoupBinTcp));
    assert_eq!(fits[0], (0, Framing::SOUPBINTCP, true));
    assert!(fits.iter().all(|(_, framing, clear)| *framing == Framing::SOUPBINTCP || !clear));
}

#[test]
fn the_end_of_a_short_file_speaks_against_nothing() {
    let (bytes, _) = file(DayConfig { messages: 500, symbols: 10, ..day(1) }, Format::Length16File);
    assert_eq!(bytes[bytes.len() - 2..], [0, 0], "a record of length 0 ends the file");
    assert_eq!(fits(bytes, None)[0], (0, Framing::LENGTH16, true));
}

#[test]
fn flows_of_others_do_not_count() {
    let day = packets(day(2));
    let capture = pcap(
        day.iter()
            .flat_map(|packet| [(ELSEWHERE, &b"GET / HTTP/1.1\r\nHost: example.com\r\n"[..]), (LINES[0], packet)]),
    );
    assert_eq!(fits(capture, None)[0], (0, Framing::MOLDUDP64, true));
}

#[test]
fn capture_of_nothing_known_fits_nothing() {
    let capture = pcap([[0x5a; 200], [0xa5; 200]].iter().map(|packet| (ELSEWHERE, &packet[..])));
    assert_eq!(fits(capture, None), []);
}

#[test]
fn damage_is_counted_and_ranks_below_what_fits() {
    let day = packets(day(3));
    let mut damaged: Vec<Vec<u8>> = day.iter().take(50).map(<[u8]>::to_vec).collect();
    damaged[20][22] = b'?';
    let capture = pcap(damaged.iter().map(|packet| (LINES[0], packet.as_slice())));
    let mut source = CaptureSource::from_memory(capture).unwrap();
    let best = guess(&tables(), &Sample::from_source(&mut source))[0];
    assert_eq!((best.messages, best.faults, best.is_clear()), (50 * 7 - 1, 1, false));
}
