//! The values of a filter, for the JSON of the `endpoints` command.

use serde::Serialize;

use super::Filter;

/// The values of each key. Without a value, a list is empty.
#[derive(Debug, Serialize)]
pub(crate) struct FilterValues {
    description: String,
    on: Vec<String>,
    watch: Vec<String>,
    watch_env: Option<String>,
    branch: Vec<String>,
    refs: Vec<String>,
    paths: Vec<String>,
}

impl Filter {
    pub(crate) fn values(&self) -> FilterValues {
        let conditions = &self.conditions;
        FilterValues {
            description: self.to_string(),
            on: texts(&conditions.on),
            watch: texts(&conditions.watch),
            watch_env: self.watch_env.clone(),
            branch: texts(&conditions.branch),
            refs: texts(&conditions.refs),
            paths: texts(&conditions.paths),
        }
    }
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
