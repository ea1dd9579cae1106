//! What a provider says when it cannot, split by what can be done about it.

use std::error::Error;
use std::time::Duration;

type Cause = Box<dyn Error + Send + Sync>;

/// A failure. Its text says what and where; [`ProviderError::hint`] what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// A passing fault: the same call may well work in a moment.
    #[error("{what}")]
    Retry {
        /// What failed.
        what: String,
        /// What to do where it keeps failing.
        hint: String,
        /// The earliest sensible moment.
        after: Duration,
        /// The cause.
        source: Option<Cause>,
    },
    /// Something has run out that others will give back: room, quota, memory.
    #[error("{what}")]
    Wait {
        /// What failed.
        what: String,
        /// How to make room.
        hint: String,
        /// The earliest sensible moment.
        after: Duration,
        /// The cause.
        source: Option<Cause>,
    },
    /// There is none of that size, or not there: another size or region may do.
    #[error("{what}")]
    Elsewhere {
        /// What failed.
        what: String,
        /// What else to ask for.
        hint: String,
        /// The earliest sensible moment for the same again.
        after: Duration,
        /// The cause.
        source: Option<Cause>,
    },
    /// The host or the account is not set up for it: only a person can cure that.
    #[error("{what}")]
    Person {
        /// What failed.
        what: String,
        /// What that person does.
        hint: String,
        /// The cause.
        source: Option<Cause>,
    },
    /// The request itself can never work.
    #[error("{what}")]
    Never {
        /// What failed.
        what: String,
        /// What to ask for instead.
        hint: String,
        /// The cause.
        source: Option<Cause>,
    },
}

/// What can be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Try again after a moment.
    Retry,
    /// Try again once something is free.
    Wait,
    /// Ask for another size, or in another region.
    Elsewhere,
    /// Ask a person.
    Person,
    /// Ask for something else.
    Never,
}

impl ProviderError {
    /// How long a passing fault mostly takes to pass.
    const SOON: Duration = Duration::from_secs(2);
    /// How long it mostly takes until others have given something back.
    const LATER: Duration = Duration::from_secs(60);

    /// A passing fault.
    pub fn retry(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Retry {
            what: what.into(),
            hint: hint.into(),
            after: Self::SOON,
            source: None,
        }
    }

    /// Something has run out.
    pub fn wait(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Wait {
            what: what.into(),
            hint: hint.into(),
            after: Self::LATER,
            source: None,
        }
    }

    /// There is none of that size, or not there.
    pub fn elsewhere(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Elsewhere {
            what: what.into(),
            hint: hint.into(),
            after: Self::LATER,
            source: None,
        }
    }

    /// Only a person can cure it.
    pub fn person(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Person {
            what: what.into(),
            hint: hint.into(),
            source: None,
        }
    }

    /// It can never work.
    pub fn never(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Never {
            what: what.into(),
            hint: hint.into(),
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        let (Self::Retry { source, .. }
        | Self::Wait { source, .. }
        | Self::Elsewhere { source, .. }
        | Self::Person { source, .. }
        | Self::Never { source, .. }) = &mut self;
        *source = Some(cause.into());
        self
    }

    /// What can be done about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Retry { .. } => Remedy::Retry,
            Self::Wait { .. } => Remedy::Wait,
            Self::Elsewhere { .. } => Remedy::Elsewhere,
            Self::Person { .. } => Remedy::Person,
            Self::Never { .. } => Remedy::Never,
        }
    }

    /// What to do next, for people.
    pub fn hint(&self) -> &str {
        match self {
            Self::Retry { hint, .. }
            | Self::Wait { hint, .. }
            | Self::Elsewhere { hint, .. }
            | Self::Person { hint, .. }
            | Self::Never { hint, .. } => hint,
        }
    }

    /// When to try again, if that can help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Retry { after, .. }
            | Self::Wait { after, .. }
            | Self::Elsewhere { after, .. } => Some(*after),
            Self::Person { .. } | Self::Never { .. } => None,
        }
    }
}
