//! One zip of everything that tells how a build went, written while it is read.
//!
//! ```text
//! build.json request.json events.json journal.json versions.json   how it stands, what was asked, what happened
//! inputs.json                                                      what the signature was computed from
//! ansible/output/RUN/ROLE/NNN TASK.txt                             what each task said
//! console/MACHINE.log                                              the serial console
//! guest/journal.log cloud-init.log cloud-init-output.log           the guest's own
//! guest/seal.log                                                   what the seal took out
//! kube-bench.json kube-bench-verdict.json sbom.cdx.json            what was found in the image
//! ```
//! What is in the folder was masked when it was written; it is masked again here, for a build
//! that is at work.

mod archive;
mod retention;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::journal::BuildRow;
use crate::resolve::Masker;
use crate::views;

use archive::Entry;
pub use archive::Pieces;
pub(crate) use archive::{FILE_BYTES, FILES};
pub(crate) use retention::forget_old;

const PIECES_IN_FLIGHT: usize = 8;
/// More than the journal keeps.
const EVENTS: u32 = 2000;

impl Engine {
    /// The logs of a build, as one zip.
    pub async fn logs(&self, id: &str) -> Result<Pieces, EngineError> {
        let row = self.row(id).await?;
        let texts = self.texts(&row).await?;
        let masker = self.masker(&row).await;
        let folder = self.shop.config.builds().join(id);
        let (sender, receiver) = mpsc::channel(PIECES_IN_FLIGHT);
        tokio::task::spawn_blocking(move || archive::write(sender, &texts, &folder, &masker));
        Ok(receiver)
    }

    async fn texts(&self, row: &BuildRow) -> Result<Vec<Entry>, EngineError> {
        let journal = &self.shop.journal;
        let steps = journal.steps(&row.id).await?;
        let steps: Vec<Value> = steps.iter().map(journal_entry).collect();
        let events = views::events(&self.shop, &row.id, 0, EVENTS).await?;
        let texts = [
            ("build.json", json!(self.build(&row.id).await?)),
            ("request.json", views::json("a request", &row.request)?),
            ("events.json", json!(events)),
            ("journal.json", json!(steps)),
            ("versions.json", self.versions()),
        ];
        Ok(texts.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// What made the image, beside what is in the signature.
    fn versions(&self) -> Value {
        let kernel = std::fs::read_to_string("/proc/version").unwrap_or_default();
        json!({
            "packyard": env!("CARGO_PKG_VERSION"),
            "ansibleCore": self.shop.ansible.version().ok(),
            "provider": self.shop.provider.name(),
            "facts": self.shop.provider.facts(),
            "host": kernel.trim(),
        })
    }

    /// What hides the build's secrets: as the worker knows them, else as its profile says now.
    async fn masker(&self, row: &BuildRow) -> Masker {
        if let Some(masker) = self.shop.masker(&row.id) {
            return masker;
        }
        let request = serde_json::from_str(&row.request);
        let pins = serde_json::from_str(&row.pins);
        if let (Ok(request), Ok(pins)) = (request, pins)
            && let Ok(resolved) = self.shop.resolve(&request, &pins).await
        {
            return resolved.masker.clone();
        }
        // The profile is gone. Nobody works on the build, and what it left was masked when it was written.
        self.shop.resolver.secrets().always().clone()
    }
}

fn journal_entry(step: &crate::journal::StepRow) -> Value {
    json!({
        "step": step.step, "part": step.part, "state": step.state, "attempts": step.attempts,
        "startedAt": step.started_at, "endedAt": step.ended_at, "output": step.output, "error": step.error,
    })
}
