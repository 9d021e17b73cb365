//! Reads fields that the Hub may leave out or send as `null`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads a field, with its default in place of `null`.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The author of a discussion or an event, who may have deleted the account.
#[derive(Deserialize)]
struct Author {
    name: Option<String>,
}

/// Reads the name in `{"name": "…"}`; `None` for a deleted account. An empty name is none: a list of trusted names that a
/// program splits from an empty text has one, too.
pub(super) fn author_name<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let name = Option::<Author>::deserialize(deserializer)?.and_then(|author| author.name);
    Ok(name.filter(|name| !name.is_empty()))
}

/// Reads a list, without the items of an unknown shape.
pub(super) fn known_items<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let Value::Array(items) = Value::deserialize(deserializer)? else {
        return Ok(Vec::new());
    };
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}
