//! Defines why a check of the webhooks failed.

use std::time::Duration;

use super::apply::StepError;
use super::own_health::HealthError;
use crate::hub::HubError;
use crate::state::StateError;

/// Why a check of the webhooks failed. It is repeated later.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error("the public URL does not work: {0}")]
    Health(#[from] HealthError),
    #[error(transparent)]
    State(#[from] StateError),
    /// Some steps of the plan failed. Others may have been carried out.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Steps(Vec<StepError>),
}

impl CheckError {
    /// Returns what identifies the problem: its text can differ from time to time.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Hub(error) => format!("hub {:?}", error.status()),
            Self::Health(_) => "health".to_owned(),
            Self::State(_) => "state".to_owned(),
            Self::Steps(errors) => {
                let statuses = errors.iter().map(|error| error.hub_error().map(HubError::status));
                format!("steps {:?}", statuses.collect::<Vec<_>>())
            }
        }
    }

    /// Returns whether it lasts until a person does something.
    pub(super) fn needs_person(&self) -> bool {
        matches!(self, Self::State(StateError::Unreadable { .. }))
            || matches!(self, Self::Steps(errors) if errors.iter().any(StepError::is_unreadable))
    }

    /// Returns how long to wait before the next call, if the Hub says so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Hub(error) => error.retry_after(),
            Self::Steps(errors) => {
                errors.iter().filter_map(|error| error.hub_error()?.retry_after()).max()
            }
            Self::Health(_) | Self::State(_) => None,
        }
    }
}
