//! Who would miss an image: profiles that asked for it, holders, images that stand on its stages.

use std::collections::BTreeSet;

use imagebuilder_api::{Chain, Dependants, EnsureImage, ImageRecord, SharedStage};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::views;

const PAGE: u32 = 500;
/// A list this long is read by nobody; there are more.
const LISTED: usize = 1000;

impl Engine {
    /// Who would miss an image.
    pub async fn dependants(&self, signature: &str) -> Result<Dependants, EngineError> {
        let (signature, record) = self.signed(signature).await?;
        let mut profiles = BTreeSet::from([record.profile.clone()]);
        for request in self.shop.journal.requests_for(signature.as_str()).await? {
            let request: EnsureImage = views::json("a request", &request)?;
            profiles.insert(request.profile);
        }
        let mut found = Dependants {
            profiles: profiles.into_iter().collect(),
            holds: self.holds(signature.as_str()).await?,
            ..Dependants::default()
        };
        if let Some(chain) = &record.chain {
            self.sharing(chain, &mut found).await?;
        }
        Ok(found)
    }

    async fn sharing(&self, chain: &Chain, found: &mut Dependants) -> Result<(), EngineError> {
        let own = chain.signature();
        let mut last: Option<String> = None;
        loop {
            let images = self.images(PAGE, last.as_deref()).await?;
            for image in &images {
                let Some(shared) = shared(chain, image).filter(|one| one.signature != own) else {
                    continue;
                };
                if found.images.len() == LISTED {
                    found.more = true;
                    return Ok(());
                }
                found.images.push(shared);
            }
            let next = images.last().and_then(|image| image.signature.as_ref());
            match next {
                Some(next) if images.len() == PAGE as usize => last = Some(next.to_string()),
                _ => return Ok(()),
            }
        }
    }
}

/// The highest captured stage that both have: an id covers everything below it.
fn shared(chain: &Chain, image: &ImageRecord) -> Option<SharedStage> {
    let (other, signature) = (image.chain.as_ref()?, image.signature.clone()?);
    let ids: BTreeSet<_> = other.links().into_iter().map(|link| link.id).collect();
    let links = chain.links();
    let mut common = links
        .iter()
        .rev()
        .filter(|link| link.inputs.is_captured() && ids.contains(&link.id));
    Some(SharedStage {
        signature,
        profile: image.profile.clone(),
        stage: common.next()?.inputs.name(),
    })
}
