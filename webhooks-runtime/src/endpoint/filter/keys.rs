//! The filter of an annotated function, as the attribute writes it.

use super::Filter;

/// The values of the attribute's keys. They are static, because an endpoint is a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterKeys {
    on: &'static [&'static str],
    watch: &'static [&'static str],
    watch_env: Option<&'static str>,
    branch: &'static [&'static str],
    refs: &'static [&'static str],
    paths: &'static [&'static str],
}

impl FilterKeys {
    /// No filter.
    pub const NONE: Self =
        Self { on: &[], watch: &[], watch_env: None, branch: &[], refs: &[], paths: &[] };

    /// `on = …`
    #[must_use]
    pub const fn on(self, on: &'static [&'static str]) -> Self {
        Self { on, ..self }
    }

    /// `watch = …`
    #[must_use]
    pub const fn watch(self, watch: &'static [&'static str]) -> Self {
        Self { watch, ..self }
    }

    /// `watch_env = …`
    #[must_use]
    pub const fn watch_env(self, variable: &'static str) -> Self {
        Self { watch_env: Some(variable), ..self }
    }

    /// `branch = …`
    #[must_use]
    pub const fn branch(self, branch: &'static [&'static str]) -> Self {
        Self { branch, ..self }
    }

    /// `refs = …`
    #[must_use]
    pub const fn refs(self, refs: &'static [&'static str]) -> Self {
        Self { refs, ..self }
    }

    /// `paths = …`
    #[must_use]
    pub const fn paths(self, paths: &'static [&'static str]) -> Self {
        Self { paths, ..self }
    }

    /// Returns the filter.
    pub(crate) fn filter(&self) -> Filter {
        let filter = self.on.iter().fold(Filter::new(), |filter, value| filter.on(value));
        let filter = self.watch.iter().fold(filter, |filter, value| filter.watch(value));
        let filter = self.branch.iter().fold(filter, |filter, value| filter.branch(value));
        let filter = self.refs.iter().fold(filter, |filter, value| filter.refs(value));
        let filter = self.paths.iter().fold(filter, |filter, value| filter.paths(value));
        match self.watch_env {
            Some(variable) => filter.watch_env(variable),
            None => filter,
        }
    }
}
