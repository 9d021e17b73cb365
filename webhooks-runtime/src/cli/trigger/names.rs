//! The two names of a field: in Rust, which stands in the functions of a bot, and in the Hub's JSON.

use serde_json::Value;

/// What a step of a path is called in a sample, whose fields are those of the Hub's payloads.
pub(super) fn name_in_sample(object: &Value, segment: &str) -> String {
    if object.get(segment).is_some() { segment.to_owned() } else { wire_name(segment) }
}

/// What it is called in JSON whose fields may have any name: there it is what it is, unless it is a
/// field's name in Rust.
pub(super) fn name_in_json(object: &Value, segment: &str) -> String {
    let on_the_wire = wire_name(segment);
    let is_meant = object.get(segment).is_none() && object.get(&on_the_wire).is_some();
    if is_meant { on_the_wire } else { segment.to_owned() }
}

/// A field's name in JSON, for its name in Rust or in JSON.
fn wire_name(name: &str) -> String {
    match name {
        // In Rust these are keywords.
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

    /// Rust's names are those that `Debug` shows.
    #[test]
    fn every_name_in_the_samples_json_is_one_of_rust_s() {
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
        let (mut on_the_wire, mut of_rust) = (BTreeSet::new(), BTreeSet::new());
        for sample in samples() {
            keys(&serde_json::to_value(&sample.payload).unwrap(), &mut on_the_wire);
            let debug = format!("{:#?}", sample.payload);
            let names = debug.lines().filter_map(|line| line.split_once(": "));
            of_rust.extend(names.map(|(name, _)| wire_name(name.trim())));
        }
        assert!(on_the_wire.is_subset(&of_rust), "{on_the_wire:?} {of_rust:?}");
    }

    #[test]
    fn json_of_a_user_s_own_keeps_its_names() {
        let object = json!({ "head_sha": "a", "newSha": "b" });
        assert_eq!(name_in_json(&object, "head_sha"), "head_sha");
        assert_eq!(name_in_json(&object, "new_sha"), "newSha");
        assert_eq!(name_in_json(&object, "old_sha"), "old_sha");
        assert_eq!(name_in_sample(&object, "old_sha"), "oldSha");
    }
}
