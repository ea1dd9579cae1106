//! The world as other crates' tests see it: a builder that runs, on a cloud that is none.

use imagebuilder_api::BuildView;

use crate::engine::Engine;
use crate::testing::World;

/// A builder with a profile to build, on the fake cloud. Everything goes when it is dropped.
pub struct Rehearsal(World);

impl Rehearsal {
    /// A builder whose worker does not run yet.
    pub async fn new() -> Self {
        Self(World::new().await)
    }

    /// The same, and these addresses are told of what happens.
    pub async fn with_webhooks(urls: &[&str]) -> Self {
        let mut world = World::new().await;
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        world.reconfigure(|config| config.webhooks = urls).await;
        Self(world)
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        self.0.engine.clone()
    }

    /// Starts the worker.
    pub fn start(&mut self) {
        self.0.start();
    }

    /// Stops the worker in order.
    pub async fn stop(&mut self) {
        self.0.stop().await;
    }

    /// Asks for the image; answers with the build's id.
    ///
    /// # Panics
    /// Where the image is there already.
    pub async fn ask(&self) -> String {
        self.0.ask().await.expect("a build")
    }

    /// Waits until the build has ended.
    pub async fn ended(&self, build: &str) -> BuildView {
        self.0.ended(build).await
    }

    /// Lets Ansible's runs whose name begins so never end; `None` lets all end again.
    pub fn hang(&self, run: Option<&str>) {
        self.0.ansible.hang(run);
    }
}
