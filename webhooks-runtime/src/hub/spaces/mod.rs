//! Spaces: secrets, variables, logs, and how they run.

mod inspect;
mod logs;
mod runtime;
mod variables;

pub(crate) use self::inspect::{SpaceSecretInfo, SpaceStatus};
pub(crate) use self::logs::SpaceLog;
pub use self::runtime::{SpaceRuntime, SpaceStage};
