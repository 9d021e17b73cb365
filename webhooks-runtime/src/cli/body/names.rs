//! Converts between the two names of a field: the one in Rust, such as `head_sha`, and the one in the Hub's JSON,
//! such as `headSha`.

use serde_json::Value;

/// Returns the JSON name of a field of a sample, whose fields are those of the Hub's payload.
pub(super) fn name_in_sample(object: &Value, segment: &str) -> String {
    if object.get(segment).is_some() { segment.to_owned() } else { wire_name(segment) }
}

/// Returns the JSON name of a field of any JSON. The name is unchanged, unless only the converted one exists.
pub(super) fn name_in_json(object: &Value, segment: &str) -> String {
    let converted = wire_name(segment);
    let is_rust_name = object.get(segment).is_none() && object.get(&converted).is_some();
    if is_rust_name { converted } else { segment.to_owned() }
}

/// Converts the name of a field in Rust to its name in JSON. A name in JSON is unchanged.
pub(super) fn wire_name(name: &str) -> String {
    match name {
        // Keywords in Rust.
        "repo_type" => return "type".to_owned(),
        "ref_name" => return "ref".to_owned(),
        _ => {}
    }
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let capital = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &capital.into_iter().chain(letters).collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::samples::samples;

    /// `Debug` shows the names in Rust.
    #[test]
    fn every_json_name_of_the_samples_has_a_rust_name() {
        fn keys(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                    found.insert(key.clone());
                    keys(value, found);
                }),
                Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
                _ => {}
            }
        }
        let (mut json_names, mut rust_names) = (BTreeSet::new(), BTreeSet::new());
        for sample in samples() {
            keys(&serde_json::to_value(&sample.payload).unwrap(), &mut json_names);
            let debug = format!("{:#?}", sample.payload);
            let names = debug.lines().filter_map(|line| line.split_once(": "));
            rust_names.extend(names.map(|(name, _)| wire_name(name.trim())));
        }
        assert!(json_names.is_subset(&rust_names), "{json_names:?} {rust_names:?}");
    }

    #[test]
    fn json_of_another_type_keeps_its_names() {
        let object = json!({ "head_sha": "a", "newSha": "b" });
        assert_eq!(name_in_json(&object, "head_sha"), "head_sha");
        assert_eq!(name_in_json(&object, "new_sha"), "newSha");
        assert_eq!(name_in_json(&object, "old_sha"), "old_sha");
        assert_eq!(name_in_sample(&object, "old_sha"), "oldSha");
    }
}
