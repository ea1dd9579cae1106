//! The last events of a build: in order, and whoever comes too late is told how many it missed.

use imagebuilder_api::{EventType, StepName};

use crate::testing::World;

/// As many as the journal keeps, and a few hundred more.
const MANY: u64 = 1300;

#[tokio::test]
async fn a_late_reader_is_told_how_many_events_were_dropped() {
    let world = World::new().await;
    let id = world.ask().await.unwrap();
    let build = world.claim().await;
    for number in 1..=MANY {
        build
            .event(
                EventType::Note,
                Some(StepName::RunStage),
                &number.to_string(),
                None,
            )
            .await
            .unwrap();
    }
    let page = world.engine.events(&id, 0, 2000).await.unwrap();
    let seqs: Vec<u64> = page.events.iter().map(|event| event.seq).collect();
    assert!(
        seqs.len() >= 1000,
        "at least a thousand are kept: {}",
        seqs.len()
    );
    assert!(
        seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "in order, no hole"
    );
    assert_eq!(page.missing + seqs.len() as u64, MANY);
    assert_eq!(page.next, MANY);
    let told: Vec<String> = page
        .events
        .iter()
        .map(|event| event.seq.to_string())
        .collect();
    let said: Vec<&str> = page
        .events
        .iter()
        .map(|event| event.message.as_str())
        .collect();
    assert_eq!(said, told, "numbers are never used twice");
    let after = world.engine.events(&id, MANY - 3, 2000).await.unwrap();
    assert_eq!((after.missing, after.events.len()), (0, 3));
    let none = world.engine.events(&id, MANY, 2000).await.unwrap();
    assert_eq!((none.missing, none.events.len(), none.next), (0, 0, MANY));
}
