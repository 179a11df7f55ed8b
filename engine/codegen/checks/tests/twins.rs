//! A feed whose layout comes from the venue's XML gives the events of the one whose layout is described in YAML.
#![cfg(all(real_feeds, described_feeds))]

mod common;
mod maker;

use common::Reader;
use proptest::{collection::vec, prelude::*, sample::select};
use wirebook_abi::{DecoderTable, Description, Event};
use wirebook_codegen_checks::{self as feeds, framed};

/// Reads messages of every type with both decoders of a feed, and counts the events that they agree on.
fn agree(
    description: &Description,
    yaml: &'static DecoderTable,
    xml: &'static DecoderTable,
    version: u64,
    noise: &[u8],
) -> Result<usize, TestCaseError> {
    let (mut yaml, mut xml) = (Reader::new(yaml), Reader::new(xml));
    let mut events = 0;
    for info in description.messages.as_slice() {
        let message = maker::message(description, info, version, noise);
        let (of_yaml, mut of_xml) = (yaml.read(&message), xml.read(&message));
        // The schemas may have messages that the description leaves out, so that numbers of messages differ.
        of_xml.cold.iter_mut().zip(&of_yaml.cold).for_each(|(xml, yaml)| xml.message = yaml.message);
        let name = info.name.as_str();
        prop_assert_eq!(&of_yaml, &of_xml, "{} of version {}", name, version);
        events += of_yaml.events.iter().filter(|event| **event != Event::default()).count();
    }
    Ok(events)
}

macro_rules! twins {
    ($($name:ident: $yaml:ident::$yaml_type:ident, $xml:ident::$xml_type:ident, $versions:expr;)*) => {$(
        #[test]
        fn $name() {
            static YAML: DecoderTable = DecoderTable::of::<framed::Decoder<feeds::$yaml::$yaml_type>>();
            static XML: DecoderTable = DecoderTable::of::<framed::Decoder<feeds::$xml::$xml_type>>();
            // Bytes that codes and flags have, so that messages come to events.
            let bytes = select(b"\x00\x01\x02\x03\x04\x80\x82BSAD012\xFF".to_vec());
            let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
            let total = std::cell::Cell::new(0);
            let mut runner = proptest::test_runner::TestRunner::new(config);
            let outcome = runner.run(&($versions, vec(prop_oneof![4 => bytes, 1 => any::<u8>()], 1..300)), |(version, noise)| {
                total.set(total.get() + agree(&feeds::$yaml::DESCRIPTION, &YAML, &XML, version, &noise)?);
                Ok(())
            });
            outcome.unwrap_or_else(|error| panic!("{error}"));
            assert!(total.get() > 100, "only {} events were compared", total.get());
        }
    )*};
}

twins! {
    b3_umdf_1_8: yaml_b3_umdf_1_8::YamlB3Umdf18, xml_b3_umdf_1_8::XmlB3Umdf18, 5..10_u64;
    b3_umdf_2_2: yaml_b3_umdf_2_2::YamlB3Umdf22, xml_b3_umdf_2_2::XmlB3Umdf22, 15..18_u64;
    binance: yaml_binance_spot_stream_1_0::YamlBinanceSpotStream10, xml_binance_spot_stream_1_0::XmlBinanceSpotStream10, 0..2_u64;
    cme_mdp3: yaml_cme_mdp3::YamlCmeMdp3, xml_cme_mdp3::XmlCmeMdp3, 5..15_u64;
    coinbase_1_2:
        yaml_coinbase_derivatives_md_1_2::YamlCoinbaseDerivativesMd12,
        xml_coinbase_derivatives_md_1_2::XmlCoinbaseDerivativesMd12,
        1..3_u64;
    coinbase_1_7:
        yaml_coinbase_derivatives_md_1_7::YamlCoinbaseDerivativesMd17,
        xml_coinbase_derivatives_md_1_7::XmlCoinbaseDerivativesMd17,
        3..9_u64;
    deribit: yaml_deribit_md_1_0::YamlDeribitMd10, xml_deribit_md_1_0::XmlDeribitMd10, 1..3_u64;
    optiq:
        yaml_euronext_optiq_mdg_6_67::YamlEuronextOptiqMdg667,
        xml_euronext_optiq_mdg_6_67::XmlEuronextOptiqMdg667,
        300..400_u64;
    memx: yaml_memx_memoir_depth_1_3::YamlMemxMemoirDepth13, xml_memx_memoir_depth_1_3::XmlMemxMemoirDepth13, 259..261_u64;
}
