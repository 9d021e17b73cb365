//! Lists the values of a filter in a text.

use std::fmt::Display;

/// The largest number of values that a text lists.
const MAX_LISTED: usize = 3;

/// Names the values of a condition that did not match.
pub(super) fn none_of<T: Display>(values: &[T]) -> String {
    match values {
        [only] => format!("not {only}"),
        several => format!("none of {}", listed(&texts(several), "and")),
    }
}

/// Names the values of a condition of which one would have matched.
pub(super) fn any_of<T: Display>(values: &[T]) -> String {
    listed(&texts(values), "or")
}

/// Names the values of a condition that decide together.
pub(super) fn all_of<T: Display>(values: &[T]) -> String {
    listed(&texts(values), "and")
}

fn texts<T: Display>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// Returns each value as code.
pub(super) fn quoted<T: Display>(values: &[T]) -> Vec<String> {
    values.iter().map(|value| format!("`{value}`")).collect()
}

/// Joins the first values, and counts the others.
pub(super) fn listed(values: &[String], word: &str) -> String {
    if values.len() <= MAX_LISTED {
        return joined(values, word);
    }
    let (first, others) = values.split_at(MAX_LISTED);
    format!("{} {word} {} more", first.join(", "), others.len())
}

/// Joins all values.
pub(super) fn joined(values: &[String], word: &str) -> String {
    match values {
        [values @ .., last] if !values.is_empty() => format!("{} {word} {last}", values.join(", ")),
        _ => values.concat(),
    }
}
