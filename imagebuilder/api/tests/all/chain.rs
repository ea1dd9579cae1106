//! A chain is whole and in order, or it is none.

use imagebuilder_api::signature::{
    ChainError, SkippedInputs, SkippedStage, StageRecord, StageRecordError,
};
use imagebuilder_api::{Chain, StageInputs};

use crate::context::Context;

#[test]
fn a_stage_that_is_missing_or_misplaced_is_named() {
    let stages = Context::example().chain().stages().to_vec();
    let without = |index: usize| {
        let mut stages = stages.clone();
        stages.remove(index);
        Chain::new(stages).unwrap_err().to_string()
    };
    assert!(
        without(0).contains("stage 0 of the chain is harden and should be base"),
        "{}",
        without(0)
    );
    assert!(without(1).contains("should be harden"), "{}", without(1));
    assert!(
        without(2).contains("should be kubernetes"),
        "{}",
        without(2)
    );
    assert!(
        without(stages.len() - 1).contains("should be seal"),
        "{}",
        without(stages.len() - 1)
    );
    assert!(
        Chain::new(Vec::new())
            .unwrap_err()
            .to_string()
            .contains("missing")
    );

    let mut twice = stages.clone();
    twice.insert(3, stages[3].clone());
    assert_eq!(
        Chain::new(twice),
        Err(ChainError::Twice {
            pack: "debian-13".to_owned()
        })
    );
    let mut swapped = stages;
    swapped[1] = StageInputs::Skipped(SkippedInputs {
        skipped: SkippedStage::Kubernetes,
    });
    assert!(
        Chain::new(swapped).is_err(),
        "the marker of one stage is not that of another"
    );
}

#[test]
fn what_is_skipped_has_an_id_and_no_disk() {
    let mut context = Context::example();
    context.kubernetes = None;
    let chain = context.chain();
    let names: Vec<_> = chain
        .links()
        .iter()
        .map(|link| (link.inputs.name(), link.inputs.is_captured()))
        .collect();
    let expected = [
        ("base", false),
        ("harden", true),
        ("kubernetes", false),
        ("roles debian-13", true),
        ("roles addon", true),
        ("seal", false),
    ];
    assert_eq!(
        names,
        expected.map(|(name, captured)| (name.to_owned(), captured))
    );
    let links = chain.links();
    assert_eq!(links[0].parent, None);
    for pair in links.windows(2) {
        assert_eq!(pair[1].parent.as_ref(), Some(&pair[0].id));
    }
    assert_eq!(
        links.last().unwrap().id.as_str(),
        chain.signature().as_str()
    );
}

#[test]
fn a_stage_record_proves_its_id() {
    let chain = Context::example().chain();
    let links = chain.links();
    let record = StageRecord::new(links[1].id.clone(), links[2].inputs.clone());
    assert_eq!(record.id, links[2].id);
    let read: StageRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    assert_eq!(read.verify(), Ok(()));

    let mut forged = record.clone();
    forged.inputs = links[3].inputs.clone();
    assert!(matches!(
        forged.verify(),
        Err(StageRecordError::Forged { .. })
    ));
    let mut newer = record;
    newer.schema_version = 2;
    assert!(matches!(
        newer.verify(),
        Err(StageRecordError::Schema { found: 2, .. })
    ));
}

#[test]
fn absent_must_be_written() {
    let text = serde_json::to_string(&Context::example().chain()).unwrap();
    assert!(text.contains("\"freshness\":null"));
    let read = |text: &str| serde_json::from_str::<Chain>(text).map_err(|error| error.to_string());
    assert!(read(&text).is_ok());
    let cut = text.replacen(",\"freshness\":null", "", 1);
    assert!(read(&cut).unwrap_err().contains("freshness"));
    let newer = text.replacen("\"schemaVersion\":1", "\"schemaVersion\":2", 1);
    assert!(read(&newer).unwrap_err().contains("schema version 2"));
    let unknown = text.replacen("\"firmware\"", "\"bootMode\":\"x\",\"firmware\"", 1);
    assert!(
        read(&unknown).unwrap_err().contains("bootMode"),
        "an input that is not understood cannot be left out"
    );
}
