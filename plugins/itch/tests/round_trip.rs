//! Encoding and decoding undo each other, for every message type of every protocol.

mod common;

use proptest::prelude::*;
use wirebook_abi::{
    CheckedTable, DecoderTable, Event, EventCold, FieldInfo, FieldKind, Framing, Group, MessageInfo, Record, Status,
};
use wirebook_itch::{NASDAQ, NASDAQ_BX, NASDAQ_PSX};

use common::{Feed, Whole, data};

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
    let table = prop_oneof![Just(&NASDAQ), Just(&NASDAQ_BX), Just(&NASDAQ_PSX)];
    (table, any::<prop::sample::Index>(), any::<[[u8; 16]; 4]>(), any::<[u8; 32]>()).prop_map(
        |(table, index, bytes, choices)| {
            let description = CheckedTable::new(table).unwrap().description();
            let message = index.get(description.messages.as_slice());
            let mut bytes = bytes.concat();
            bytes.truncate(message.length as usize);
            bytes[0] = message.type_value as u8;
            for (field, choice) in message.fields.as_slice().iter().zip(choices) {
                choose_code(&mut bytes, field, choice);
            }
            (table, bytes)
        },
    )
}

fn choose_code(bytes: &mut [u8], field: &FieldInfo, choice: u8) {
    let codes = field.enumeration.values.as_slice();
    if field.kind != FieldKind::CHAR || codes.is_empty() || choice >= 250 {
        return;
    }
    bytes[field.offset as usize] = codes[usize::from(choice) % codes.len()].code.as_str().as_bytes()[0];
}

fn decoded(table: &'static DecoderTable, message: &[u8]) -> Feed {
    let mut feed = Feed::new(table, Framing::LENGTH16);
    let stream = feed.pack(&data(1), &[message]);
    feed.stream(&stream);
    feed
}

fn encoded(table: &'static DecoderTable, whole: &[Whole]) -> Result<Vec<u8>, Status> {
    let mut feed = Feed::new(table, Framing::LENGTH16);
    let events: Vec<Event> = whole.iter().map(|(event, ..)| *event).collect();
    let cold: Vec<EventCold> = whole.iter().map(|(_, cold, _)| *cold).collect();
    let records: Vec<Record> = whole.iter().filter_map(|(.., record)| *record).collect();
    let mut output = [0; 64];
    let outcome = feed.decoder.encode(Group { events: &events, cold: &cold, records: &records }, &mut output);
    if outcome.status == Status::OK { Ok(output[..outcome.offset as usize].to_vec()) } else { Err(outcome.status) }
}

/// Whether a value did not fit the record and stands at its limit, so that the message cannot come back.
fn saturated(whole: &[Whole]) -> bool {
    whole.iter().filter_map(|(.., record)| *record).any(|record| record.values.contains(&i64::MAX))
}

/// Attributed messages whose attribution is blank mean what the ones without attribution mean.
fn blank_attribution(message: &[u8], info: &MessageInfo) -> bool {
    let fields = info.fields.as_slice().iter();
    let mut attributions = fields.filter(|field| matches!(field.name.as_str(), "attribution" | "mpid"));
    attributions.any(|field| message[field.offset as usize..][..4].iter().all(|byte| matches!(byte, b' ' | 0)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn events_encode_to_a_message_of_the_same_events((table, message) in any_message()) {
        let first = decoded(table, &message);
        if first.events.is_empty() {
            prop_assert_eq!(first.faults[0].status, Status::BAD_VALUE);
            return Ok(());
        }
        let description = CheckedTable::new(table).unwrap().description();
        let (_, info) = description.message(u32::from(message[0])).unwrap();
        match encoded(table, &first.events) {
            Ok(bytes) => {
                if !blank_attribution(&message, info) {
                    prop_assert_eq!(bytes[0], message[0]);
                    prop_assert_eq!(decoded(table, &bytes).events, first.events);
                }
            }
            Err(status) => {
                prop_assert_eq!(status, Status::NOT_ENCODABLE);
                prop_assert!(saturated(&first.events), "{:?}", first.events);
            }
        }
    }

    #[test]
    fn packets_of_any_framing_hold_their_messages(
        messages in prop::collection::vec(any_message(), 1..20),
        framing in prop_oneof![Just(Framing::MOLDUDP64), Just(Framing::LENGTH16), Just(Framing::SOUPBINTCP)],
    ) {
        let mut feed = Feed::new(&NASDAQ, framing);
        let slices: Vec<&[u8]> = messages.iter().map(|(_, message)| &message[..]).collect();
        let packet = feed.pack(&data(1), &slices);
        feed.packet(&packet);
        let mut spans = [wirebook_abi::Span::default(); 20];
        let split = feed.decoder.split(&packet, &mut spans);
        prop_assert_eq!((split.status, split.messages as usize), (Status::OK, slices.len()));
        let found: Vec<&[u8]> = spans[..slices.len()]
            .iter()
            .map(|span| &packet[span.offset as usize..][..span.size as usize])
            .collect();
        prop_assert_eq!(found, slices);
    }
}
