//! Every step of the table is run twice in a row, and the build still comes to one image.

use crate::steps::{Part, TABLE};
use crate::testing::World;

#[tokio::test]
async fn every_step_can_be_run_twice() {
    let world = World::new().await;
    world.ask().await.unwrap();
    let build = world.claim().await;
    for step in &TABLE {
        let parts = if step.per_stage {
            build.missing_stages()
        } else {
            vec![Part::whole()]
        };
        if step.per_stage && step.name == imagebuilder_api::StepName::Checkpoint {
            continue;
        }
        for part in parts {
            for round in 1..=2 {
                let done = (step.run)(&build, &part).await;
                let outcome =
                    done.unwrap_or_else(|failure| panic!("{} round {round}: {failure}", step.name));
                build.remember(step.name, outcome.output);
            }
            if step.name == imagebuilder_api::StepName::RunStage {
                let checkpoint = TABLE
                    .iter()
                    .find(|one| one.name == imagebuilder_api::StepName::Checkpoint)
                    .unwrap();
                for round in 1..=2 {
                    let done = (checkpoint.run)(&build, &part).await;
                    done.unwrap_or_else(|failure| panic!("Checkpoint round {round}: {failure}"));
                }
            }
        }
    }
    assert_eq!(world.left_over().await, Vec::<String>::new());
    assert_eq!(world.engine.images(10, None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_undo_can_be_run_twice_and_before_its_step() {
    let world = World::new().await;
    world.ask().await.unwrap();
    let build = world.claim().await;
    for step in TABLE.iter().rev() {
        for _ in 0..2 {
            if let Some(undo) = step.undo {
                undo(&build)
                    .await
                    .unwrap_or_else(|failure| panic!("{}: {failure}", step.name));
            }
        }
    }
}
