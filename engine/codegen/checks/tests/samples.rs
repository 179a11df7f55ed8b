//! Real packets, field by field as others decoded them.
#![cfg(real_feeds)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;
use wirebook_abi::Description;
use wirebook_codegen_checks as feeds;
use wirebook_inspect::{JsonLine, Place, message};

/// How messages lie in a feed's packets: bytes ahead of the first, bytes ahead of each, and the step that a length gives.
struct Feed {
    folder: &'static str,
    descriptions: &'static [&'static Description],
    packet_header: usize,
    prefix: usize,
    step: fn([u8; 2]) -> usize,
}

fn counted(length: [u8; 2]) -> usize {
    u16::from_le_bytes(length).into()
}

const FEEDS: [Feed; 10] = [
    Feed {
        folder: "cme/mdp3-1.5",
        descriptions: &[&feeds::cme_mdp3_v9::DESCRIPTION],
        packet_header: 12,
        prefix: 2,
        step: counted,
    },
    Feed {
        folder: "cme/mdp3-1.6-sequence",
        descriptions: &[&feeds::cme_mdp3_v9::DESCRIPTION],
        packet_header: 12,
        prefix: 2,
        step: counted,
    },
    Feed {
        folder: "cme/mdp3-1.8",
        descriptions: &[&feeds::cme_mdp3_v9::DESCRIPTION],
        packet_header: 12,
        prefix: 2,
        step: counted,
    },
    Feed {
        folder: "cme/mdp3-1.8-sequence",
        descriptions: &[&feeds::cme_mdp3_v9::DESCRIPTION],
        packet_header: 12,
        prefix: 2,
        step: counted,
    },
    Feed {
        folder: "cme/mdp3-1.9",
        descriptions: &[&feeds::cme_mdp3_v9::DESCRIPTION],
        packet_header: 12,
        prefix: 2,
        step: counted,
    },
    Feed {
        folder: "cme/mdp3-1.12-tcp",
        descriptions: &[&feeds::cme_mdp3_v12::DESCRIPTION, &feeds::cme_mdp_tcp_session_v0::DESCRIPTION],
        packet_header: 14,
        prefix: 2,
        step: counted,
    },
    Feed {
        folder: "b3/umdf-1.5",
        descriptions: &[&feeds::b3_umdf_1_6::DESCRIPTION],
        packet_header: 16,
        prefix: 4,
        step: counted,
    },
    Feed {
        folder: "b3/umdf-1.8",
        descriptions: &[&feeds::b3_umdf_1_8::DESCRIPTION],
        packet_header: 16,
        prefix: 4,
        step: counted,
    },
    Feed {
        folder: "coinbase-derivatives/md-1.2",
        descriptions: &[&feeds::coinbase_derivatives_md_1_2::DESCRIPTION],
        packet_header: 24,
        prefix: 2,
        step: counted,
    },
    Feed {
        folder: "memx/memoir-depth-1.3",
        descriptions: &[&feeds::memx_memoir_depth_1_3::DESCRIPTION],
        packet_header: 20,
        prefix: 2,
        step: |length| usize::from(u16::from_be_bytes(length)) + 2,
    },
];

/// Frames of a classic capture in either byte order.
fn frames(capture: &[u8]) -> Vec<&[u8]> {
    let is_big = matches!(capture[..4], [0xA1, 0xB2, ..]);
    let number = |at: usize| {
        let bytes: [u8; 4] = capture[at..at + 4].try_into().expect("four bytes");
        (if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }) as usize
    };
    let mut frames = Vec::new();
    let mut at = 24;
    while at + 16 <= capture.len() {
        let size = number(at + 8);
        frames.push(&capture[at + 16..at + 16 + size]);
        at += 16 + size;
    }
    frames
}

/// What a UDP or TCP frame carries: Ethernet, perhaps with tags, or bare IPv4.
fn payload(frame: &[u8]) -> &[u8] {
    let mut at = 0;
    if frame[0] >> 4 != 4 || frame.len() > 14 && frame[12..14] == [8, 0] {
        at = 12;
        while frame[at..at + 2] == [0x81, 0] {
            at += 4;
        }
        at += 2;
    }
    let ip = &frame[at..];
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let transport = &ip[usize::from(ip[0] & 15) * 4..total];
    match ip[9] {
        17 => &transport[8..],
        _ => &transport[usize::from(transport[12] >> 4) * 4..],
    }
}

fn samples(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/samples").join(folder);
    let entries = fs::read_dir(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it is readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pcap"));
    paths
}

/// Compares one message with what is expected of it.
fn check(place: &str, descriptions: &[&Description], bytes: &[u8], expected: &Json) {
    let inspected = descriptions.iter().find_map(|description| message(description, bytes).ok());
    let line = JsonLine(Place::default(), inspected.unwrap_or_else(|| panic!("{place}: it is no message"))).to_string();
    let line: Json = serde_json::from_str(&line).expect("it is JSON");
    assert_eq!(line["name"], expected["name"], "{place}");
    assert_eq!(line["type"].as_str(), Some(expected["type"].to_string().as_str()), "{place}");
    for part in ["fields", "raw"] {
        let (found, wanted) = (&line[part], &expected[part]);
        let found = found.as_object().expect("it is an object");
        let wanted = wanted.as_object().expect("it is an object");
        for (name, value) in wanted {
            // Scaled values are exact decimals here, binary numbers there.
            let is_same = match (found.get(name), value) {
                (Some(Json::Number(found)), Json::Number(value)) => {
                    found.as_f64() == value.as_f64() && found.as_i64() == value.as_i64()
                }
                (found, value) => found == Some(value),
            };
            assert!(is_same, "{place}: {part}: {name}: {:?} where {value} is expected", found.get(name));
        }
        let more: Vec<_> = found.keys().filter(|name| !wanted.contains_key(*name)).collect();
        assert!(more.is_empty(), "{place}: {part}: {more:?} are not expected");
    }
}

#[test]
fn samples_read_as_others_decoded_them() {
    let mut messages = 0;
    for feed in FEEDS {
        for path in samples(feed.folder) {
            let capture = fs::read(&path).expect("it is readable");
            let expected = fs::read_to_string(path.with_extension("expected.json")).expect("it is beside the capture");
            let expected: Json = serde_json::from_str(&expected).expect("it is JSON");
            let frames = frames(&capture);
            let packets = expected["packets"].as_array().or_else(|| expected["first_packets"].as_array());
            for packet in packets.expect("it has packets") {
                let frame = packet["frame"].as_u64().expect("it names its frame") as usize;
                let payload = payload(frames[frame]);
                let mut at = feed.packet_header;
                for (index, wanted) in packet["messages"].as_array().expect("it has messages").iter().enumerate() {
                    let size = wanted["bytes"].as_u64().expect("it has a size") as usize;
                    let place = format!("{} frame {frame} message {index}", path.display());
                    check(&place, feed.descriptions, &payload[at + feed.prefix..at + feed.prefix + size], wanted);
                    at += (feed.step)([payload[at], payload[at + 1]]);
                    messages += 1;
                }
            }
        }
    }
    assert_eq!(messages, 987);
}
