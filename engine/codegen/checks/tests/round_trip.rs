//! What is read encodes to what reads the same, for messages of any shape and content.

mod maker;

use proptest::{collection::vec, prelude::*};
use wirebook_abi::{Description, FieldInfo};
use wirebook_codegen_checks::{levels_1_0, nested_1_0};
use wirebook_inspect::{FieldValue, encode, message};

/// Fields by path, as they would be given to an encoder; what the message decides itself is left out.
fn values(description: &Description, bytes: &[u8]) -> Vec<(String, FieldValue)> {
    let read = message(description, bytes).expect("it is whole");
    assert_eq!(read.unknown_bytes(), [], "{}", read.info.name.as_str());
    let own = |field: &FieldInfo| field.name.as_str() != "message_length";
    read.fields().filter(|field| own(field.info)).map(|field| (field.path.to_string(), field.value.into())).collect()
}

fn check(description: &Description, index: usize, version: u64, noise: &[u8]) {
    let messages = description.messages.as_slice();
    let info = &messages[index % messages.len()];
    let bytes = maker::message(description, info, version, noise);
    let first = values(description, &bytes);
    let named = first.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let encoded = encode(description, info.type_text.as_str(), named).unwrap_or_else(|error| panic!("{error}"));
    let second = values(description, &encoded);
    // Not a number differs from itself: what is shown is compared.
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
    assert_eq!(encoded.len(), bytes.len());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn own_messages(index: usize, version in 0..6_u64, noise in vec(any::<u8>(), 1..400)) {
        check(&levels_1_0::DESCRIPTION, index, version, &noise);
        check(&nested_1_0::DESCRIPTION, index, version, &noise);
    }
}

#[cfg(real_feeds)]
mod real {
    use wirebook_codegen_checks as feeds;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn messages_of_real_feeds(index: usize, version in 0..20_u64, noise in vec(any::<u8>(), 1..400)) {
            for description in [
                &feeds::b3_umdf_2_2::DESCRIPTION,
                &feeds::memx_memoir_depth_1_3::DESCRIPTION,
                &feeds::deribit_md_1_0::DESCRIPTION,
                &feeds::binance_spot_stream_1_0::DESCRIPTION,
                &feeds::generic_fix_sbe_1_0_examples::DESCRIPTION,
                &feeds::generic_example_schema::DESCRIPTION,
                &feeds::generic_nested_group_schema::DESCRIPTION,
            ] {
                check(description, index, version, &noise);
            }
        }
    }
}
