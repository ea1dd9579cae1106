//! What the references of one request stand for.
//!
//! A first request asks the registry; a build reads what the request wrote down, so that it
//! makes what was asked for even if a tag moves.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use registry_pack::{Digest, RepositoryName, media};
use serde::{Deserialize, Serialize};

use crate::registry::{Descriptor, Registry, RegistryError};

/// The annotation on a bundle's manifest that says for which machines it is.
const ARCHITECTURE: &str = "packyard.io/architecture";
/// Between a manifest and the artifact type of what refers to it, as journals have it.
const REFERRED: &str = " <- ";

/// Something whose answer may be another one tomorrow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) enum Question {
    /// What does this tag or digest name?
    Target {
        repository: RepositoryName,
        target: String,
    },
    /// Which bundle of components does this pack have for the builder's architecture? Bundles
    /// can be added later.
    Bundle {
        repository: RepositoryName,
        pack: Digest,
    },
}

impl Question {
    async fn ask(
        &self,
        registry: &dyn Registry,
        architecture: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        match self {
            Self::Target { repository, target } => registry.resolve(repository, target).await,
            Self::Bundle { repository, pack } => {
                let mut all = registry.referrers(repository, pack, media::BUNDLE).await?;
                all.retain(|one| suits(one, architecture));
                // A later push of the same architecture replaces an earlier one.
                Ok(all.pop())
            }
        }
    }
}

fn suits(bundle: &Descriptor, architecture: &str) -> bool {
    let of = bundle.annotations.get(ARCHITECTURE);
    of.and_then(|of| of.as_str())
        .is_none_or(|of| of == architecture)
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target { repository, target } => write!(f, "{repository}:{target}"),
            Self::Bundle { repository, pack } => {
                write!(f, "{repository}:{pack}{REFERRED}{}", media::BUNDLE)
            }
        }
    }
}

impl From<Question> for String {
    fn from(question: Question) -> Self {
        question.to_string()
    }
}

impl TryFrom<String> for Question {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = || format!("{text:?} is no reference with a target");
        let (repository, target) = text.split_once(':').ok_or_else(wrong)?;
        let repository = repository.parse().map_err(|_| wrong())?;
        Ok(match target.split_once(REFERRED) {
            Some((pack, _)) => Self::Bundle {
                repository,
                pack: pack.parse().map_err(|_| wrong())?,
            },
            None => Self::Target {
                repository,
                target: target.to_owned(),
            },
        })
    }
}

/// What was asked and what it stands for; none where there is nothing.
pub(crate) type Answers = BTreeMap<Question, Option<Descriptor>>;

/// The answers that count for one request.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pins(Mutex<Answers>);

impl Clone for Pins {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.answers()))
    }
}

impl Pins {
    /// The answer as pinned, or as the registry gives it now, which is then pinned.
    pub(crate) async fn ask(
        &self,
        registry: &dyn Registry,
        architecture: &str,
        question: Question,
    ) -> Result<Option<Descriptor>, RegistryError> {
        if let Some(pinned) = self.lock().get(&question) {
            return Ok(pinned.clone());
        }
        let found = question.ask(registry, architecture).await?;
        self.lock().insert(question, found.clone());
        Ok(found)
    }

    /// What a reference stands for.
    pub(crate) async fn resolve(
        &self,
        registry: &dyn Registry,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        let question = Question::Target {
            repository: repository.clone(),
            target: target.to_owned(),
        };
        self.ask(registry, "", question).await
    }

    /// Everything that was pinned so far.
    pub(crate) fn answers(&self) -> Answers {
        self.lock().clone()
    }

    /// Pins these and nothing else.
    pub(crate) fn replace(&self, answers: Answers) {
        *self.lock() = answers;
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journals_of_earlier_versions_are_read() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let journal = format!(
            r#"{{"library/profiles/web:1.0.0":null,"library/packs/k8s:{digest} <- {}":null,"library/images/base:{digest}":null}}"#,
            media::BUNDLE
        );
        let pins: Pins = serde_json::from_str(&journal).unwrap();
        let bundles = |question: &&Question| matches!(question, Question::Bundle { .. });
        assert_eq!(pins.answers().keys().filter(bundles).count(), 1);
        let again: BTreeMap<String, Option<Descriptor>> =
            serde_json::from_value(serde_json::to_value(&pins).unwrap()).unwrap();
        assert_eq!(again, serde_json::from_str(&journal).unwrap());
        assert!(serde_json::from_str::<Pins>(r#"{"nothing":null}"#).is_err());
    }
}
