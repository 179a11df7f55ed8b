//! Encoding and decoding undo each other, for every message type of every protocol.

mod common;

use proptest::prelude::*;
use wirebook_abi::{DecoderTable, FieldInfo, FieldKind, Framing, MessageInfo, Status};
use wirebook_itch::TABLES;

use common::{Feed, Whole, data, description, encode, is_not_written, tables, teach, whole_length};

/// For each view: any bytes of its type become fields, and the fields the same bytes and the same fields again.
macro_rules! round_trips {
    ($protocol:ident: $($view:ident $fields:ident),* $(,)?) => {
        mod $protocol {
            use proptest::prelude::*;
            use wirebook_itch::$protocol::*;

            #[test]
            fn every_message_type_is_tried() {
                let names = [$(stringify!($view)),*].len();
                assert_eq!(names, DESCRIPTION.messages.as_slice().len());
            }

            proptest! {
                #[test]
                fn fields_and_bytes_undo_each_other(bytes in any::<[[u8; 16]; 4]>()) {
                    let bytes = bytes.concat();
                    $({
                        let mut message: [u8; $view::SIZE] = *bytes.first_chunk().unwrap();
                        let (_, info) = DESCRIPTION.messages.as_slice().iter().enumerate()
                            .find(|(_, info)| info.name.as_str().replace('_', "") == stringify!($view).to_lowercase())
                            .expect("the message is described");
                        message[0] = info.type_value as u8;
                        let fields: $fields = $view::new(&message).unwrap().to_fields();
                        prop_assert_eq!(fields.encode(), message);
                        prop_assert_eq!($view::new(&fields.encode()).unwrap().to_fields(), fields);
                        prop_assert_eq!(info.length as usize, $view::SIZE);
                        prop_assert!($view::new(&message[..$view::SIZE - 1]).is_err());
                    })*
                }
            }
        }
    };
}

macro_rules! common_messages {
    ($protocol:ident: $($more:tt)*) => {
        round_trips! {
            $protocol:
            SystemEvent SystemEventFields, StockDirectory StockDirectoryFields,
            StockTradingAction StockTradingActionFields, RegShoRestriction RegShoRestrictionFields,
            MarketParticipantPosition MarketParticipantPositionFields, MwcbDeclineLevel MwcbDeclineLevelFields,
            MwcbStatus MwcbStatusFields, LuldAuctionCollar LuldAuctionCollarFields,
            OperationalHalt OperationalHaltFields, AddOrder AddOrderFields, AddOrderMpid AddOrderMpidFields,
            OrderExecuted OrderExecutedFields, OrderExecutedWithPrice OrderExecutedWithPriceFields,
            OrderCancel OrderCancelFields, OrderDelete OrderDeleteFields, OrderReplace OrderReplaceFields,
            TradeNonCross TradeNonCrossFields, CrossTrade CrossTradeFields, BrokenTrade BrokenTradeFields,
            NetOrderImbalance NetOrderImbalanceFields,
            $($more)*
        }
    };
}

common_messages! {
    nasdaq_totalview_5_0:
    IpoQuotingPeriodUpdate IpoQuotingPeriodUpdateFields, RetailInterest RetailInterestFields,
    DirectListingPriceDiscovery DirectListingPriceDiscoveryFields,
}
common_messages! { nasdaq_bx_totalview_5_0: RetailInterest RetailInterestFields }
common_messages! { nasdaq_psx_totalview_5_0: }

/// A message of any type with any content, whose listed codes are mostly codes of their lists.
fn any_message() -> impl Strategy<Value = (&'static DecoderTable, Vec<u8>)> {
    let table = any::<prop::sample::Index>().prop_map(|index| tables().nth(index.index(TABLES.len())).unwrap());
    (table, any::<prop::sample::Index>(), any::<u64>(), any::<[u8; 32]>()).prop_map(|(table, index, seed, choices)| {
        let message = index.get(description(table).messages.as_slice());
        let mut bytes = noise(seed, whole_length(message));
        bytes[0] = message.type_value as u8;
        for (field, choice) in message.fields.as_slice().iter().zip(choices) {
            choose_code(&mut bytes, field, choice);
        }
        (table, bytes)
    })
}

/// Bytes without a pattern, of which some are small, as those of real messages are. Drawing each would take proptest long.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| if next() < 60 { next() % 3 } else { next() }).collect()
}

fn choose_code(bytes: &mut [u8], field: &FieldInfo, choice: u8) {
    let codes = field.enumeration.values.as_slice();
    if codes.is_empty() || choice >= 250 {
        return;
    }
    let code = codes[usize::from(choice) % codes.len()].code.as_str().as_bytes();
    let slot = &mut bytes[field.offset as usize..][..field.size as usize];
    if matches!(field.kind, FieldKind::CHAR | FieldKind::ASCII) {
        slot.fill(b' ');
        slot[..code.len()].copy_from_slice(code);
    }
}

/// Where prices have their instrument's scale, the directory of the message's instrument, with two decimals.
fn directory(table: &'static DecoderTable, message: &[u8]) -> Vec<Vec<u8>> {
    let messages = description(table).messages.as_slice();
    let has = |info: &MessageInfo, name: &str| info.fields.as_slice().iter().find(|f| f.name.as_str() == name).copied();
    let own = messages.iter().find(|info| info.type_value == u32::from(message[0])).unwrap();
    let found = messages.iter().find_map(|info| Some((info, has(info, "decimals_in_price")?)));
    let (Some((info, decimals)), Some(instrument)) = (found, has(own, "order_book_id")) else { return Vec::new() };
    let mut bytes = vec![0; info.length as usize];
    bytes[0] = info.type_value as u8;
    let key = has(info, "order_book_id").unwrap().offset as usize;
    bytes[key..key + 4].copy_from_slice(&message[instrument.offset as usize..][..4]);
    bytes[decimals.offset as usize + 1] = 2;
    vec![bytes]
}

fn decoded(table: &'static DecoderTable, message: &[u8]) -> Feed {
    let mut feed = Feed::new(table, Framing::LENGTH16);
    let before = directory(table, message);
    for each in before.iter().map(Vec::as_slice).chain([message]) {
        feed.events.clear();
        feed.faults.clear();
        let stream = feed.pack(&data(1), &[each]);
        feed.stream(&stream);
    }
    for (_, cold, _) in &mut feed.events {
        cold.record = 0;
        cold.sequence = 0;
    }
    feed
}

fn encoded(table: &'static DecoderTable, message: &[u8], whole: &[Whole]) -> Result<Vec<u8>, Status> {
    let mut feed = Feed::new(table, Framing::LENGTH16);
    teach(&mut feed, &directory(table, message));
    let mut output = [0; 512];
    let outcome = encode(&mut feed, whole, &mut output);
    if outcome.status == Status::OK { Ok(output[..outcome.offset as usize].to_vec()) } else { Err(outcome.status) }
}

/// Whether a value did not fit the record and stands at its limit, so that the message cannot come back.
fn saturated(whole: &[Whole]) -> bool {
    whole
        .iter()
        .filter_map(|(.., record)| *record)
        .any(|record| record.values.iter().any(|value| matches!(*value, i64::MIN | i64::MAX)))
}

/// Attributed messages whose attribution is blank mean what the ones without attribution mean.
fn blank_attribution(message: &[u8], info: &MessageInfo) -> bool {
    let fields = info.fields.as_slice().iter();
    let mut attributions = fields.filter(|field| matches!(field.name.as_str(), "attribution" | "mpid"));
    attributions.any(|field| message[field.offset as usize..][..4].iter().all(|byte| matches!(byte, b' ' | 0)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn events_encode_to_a_message_of_the_same_events((table, message) in any_message()) {
        let first = decoded(table, &message);
        let (_, info) = description(table).message(u32::from(message[0])).unwrap();
        if first.events.is_empty() {
            // Either it stands for nothing, or it has a code that is none.
            let faults: Vec<_> = first.faults.iter().map(|fault| fault.status).collect();
            let scaled = [Status::BAD_VALUE, Status::TOO_MANY_INSTRUMENTS];
            prop_assert!(faults.is_empty() || faults.len() == 1 && scaled.contains(&faults[0]), "{:?}", faults);
            return Ok(());
        }
        match encoded(table, &message, &first.events) {
            Ok(bytes) => {
                if !blank_attribution(&message, info) && !is_not_written(table, message[0]) {
                    prop_assert_eq!(bytes[0], message[0]);
                    prop_assert_eq!(decoded(table, &bytes).events, first.events);
                }
            }
            Err(status) => {
                prop_assert_eq!(status, Status::NOT_ENCODABLE);
                prop_assert!(
                    saturated(&first.events) || is_not_written(table, message[0]),
                    "{:?}",
                    first.events
                );
            }
        }
    }
}
