//! What is said of a setting that cannot be used, wherever it was given.

/// A setting whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {wants}.")]
#[non_exhaustive]
pub struct SettingError {
    /// The variable, or what the setting is called.
    pub name: &'static str,
    /// What it must be.
    pub wants: &'static str,
}
