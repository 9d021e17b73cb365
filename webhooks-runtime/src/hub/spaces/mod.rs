//! Spaces: secrets, variables, and how they run.

mod runtime;
mod variables;

pub use self::runtime::{SpaceRuntime, SpaceStage};
