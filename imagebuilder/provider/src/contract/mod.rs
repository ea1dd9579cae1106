//! The contract suite: what every provider must do, as code.
//!
//! The fake and every real provider run it. It needs no guest that boots: a
//! machine on an empty disk runs its firmware for ever, and that is enough to
//! see that machines, disks and images are kept and removed as promised. What
//! only a booted guest can show is each provider's own test.
//!
//! A broken promise panics, as in any test.

mod disks;
mod images;
mod machines;
mod world;

pub use world::Fixture;

use crate::provider::Provider;
use world::World;

/// Runs the whole suite. `open` opens the same place again, as another process would.
pub async fn run<P, F>(fixture: Fixture, open: F)
where
    P: Provider,
    F: AsyncFn() -> P,
{
    let world = World::new(open, fixture);
    disks::importing_twice_gives_one_disk(&world).await;
    disks::a_missing_file_is_refused_with_a_hint(&world).await;
    disks::what_is_not_there_can_be_asked_for_and_deleted(&world).await;
    machines::launching_twice_gives_one_machine(&world).await;
    machines::another_process_finds_the_machine(&world).await;
    machines::a_machine_that_cannot_be_is_refused(&world).await;
    machines::shutting_down_twice_is_shutting_down(&world).await;
    machines::destroying_twice_is_destroying(&world).await;
    disks::a_checkpoint_is_kept_and_the_machine_goes_on(&world).await;
    disks::a_disk_in_use_is_not_deleted(&world).await;
    images::only_a_stopped_machine_is_captured(&world).await;
    images::capturing_twice_gives_one_image(&world).await;
    world.expect_nothing_left().await;
}
