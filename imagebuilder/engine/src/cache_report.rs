//! Which stages a build found and which it made, and what made it make them.

use imagebuilder_api::signature::{Signature, StageChange, changes};
use imagebuilder_api::{BuildView, CacheReport, Chain, StageCache};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::journal::BuildRow;
use crate::views;

/// How far back an image is looked for that has stages in common.
const BUILDS_BACK: u32 = 200;

impl Engine {
    /// For each captured stage of an image: whether its newest build found it, and if not, why.
    /// `None` for an image that was built elsewhere.
    pub async fn cache_report(&self, signature: &str) -> Result<Option<CacheReport>, EngineError> {
        let chain = self.chain(signature).await?;
        let signature = chain.signature();
        let Some(row) = self.shop.journal.build_of(signature.as_str()).await? else {
            return Ok(None);
        };
        let view = self.build(&row.id).await?;
        let before = self.nearest(&row, &chain).await?;
        let compared = before.as_ref().map(|before| changes(before, &chain));
        let mut stages = Vec::new();
        for stage in &view.stages {
            let stored = self.shop.journal.stages().await?;
            let change = compared
                .iter()
                .flatten()
                .find(|change| change.id == stage.id);
            stages.push(StageCache {
                id: stage.id.clone(),
                name: stage.name.clone(),
                hit: stage.cached,
                seconds: stage.seconds,
                stored: stored.iter().any(|row| row.id == stage.id.as_str()),
                why: (!stage.cached).then(|| why(&view, change)),
                because: match (stage.cached, change) {
                    (false, Some(change)) => change.because.clone(),
                    _ => Vec::new(),
                },
            });
        }
        Ok(Some(CacheReport {
            build: view.id,
            compared_with: before.map(|before| before.signature()),
            stages,
        }))
    }

    /// Of the builds before, the image that has the most stages in common; the newest of those.
    async fn nearest(&self, row: &BuildRow, chain: &Chain) -> Result<Option<Chain>, EngineError> {
        let own: Signature = chain.signature();
        let mut best: Option<(usize, Chain)> = None;
        for earlier in self.shop.journal.builds(BUILDS_BACK, Some(&row.id)).await? {
            let other: Chain = views::json("a chain", &earlier.chain)?;
            if other.signature() == own {
                continue;
            }
            let common = common(&other, chain);
            if common > best.as_ref().map_or(0, |(common, _)| *common) {
                best = Some((common, other));
            }
        }
        Ok(best.map(|(_, chain)| chain))
    }
}

fn common(left: &Chain, right: &Chain) -> usize {
    let pairs = left.links().into_iter().zip(right.links());
    pairs
        .take_while(|(left, right)| left.id == right.id)
        .count()
}

fn why(view: &BuildView, change: Option<&StageChange>) -> String {
    if view.request.fresh {
        return "the build was asked to make everything again".to_owned();
    }
    let Some(change) = change else {
        return "no earlier build has a stage in common with this image".to_owned();
    };
    match (change.same, change.because.first(), &change.below) {
        (true, _, _) => "an earlier build made it, and it was no longer stored".to_owned(),
        (_, Some(first), _) if change.because.len() == 1 => first.message.clone(),
        (_, Some(first), _) => {
            format!(
                "{}, and {} more inputs",
                first.message,
                change.because.len() - 1
            )
        }
        (_, None, Some(below)) => format!("it stands on stage {below}, which changed"),
        (_, None, None) => "its inputs changed".to_owned(),
    }
}
