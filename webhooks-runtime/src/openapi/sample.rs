//! Generates an example that is valid for a schema.

use std::cell::Cell;

use serde_json::{Map, Value, json};

/// The largest number of values in an example. Types that contain each other could otherwise produce an enormous one.
const MAX_VALUES: usize = 1000;

/// Returns an example for a self-contained schema: its own example, or one generated from its parts.
pub(super) fn sample(schema: &Value) -> Value {
    let sampler = Sampler { defs: &schema["$defs"], remaining: Cell::new(MAX_VALUES) };
    sampler.value(schema, &[]).unwrap_or_default()
}

struct Sampler<'a> {
    defs: &'a Value,
    /// The number of values that may still be added.
    remaining: Cell<usize>,
}

impl Sampler<'_> {
    /// Returns a value for a schema. `parents` are the names of the types around it; `None` if a type would
    /// contain itself.
    fn value(&self, schema: &Value, parents: &[&str]) -> Option<Value> {
        self.remaining.set(self.remaining.get().checked_sub(1)?);
        let own = ["example", "const", "default"].map(|key| schema.get(key));
        let listed = ["examples", "enum"].map(|key| schema[key].get(0));
        if let Some(example) = own.into_iter().chain(listed).flatten().next() {
            return Some(example.clone());
        }
        let target = schema["$ref"].as_str().and_then(|to| to.strip_prefix("#/$defs/"));
        if let Some(target) = target {
            let is_new = !parents.contains(&target);
            return is_new
                .then(|| self.value(&self.defs[target], &[parents, &[target]].concat()))
                .flatten();
        }
        if let Some(choices) = ["oneOf", "anyOf"].iter().find_map(|key| schema[key].as_array()) {
            // Prefer any other type to null.
            let (nulls, others): (Vec<_>, _) = choices.iter().partition(|of| of["type"] == "null");
            return others.into_iter().chain(nulls).find_map(|choice| self.value(choice, parents));
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return self.all(parts, schema, parents);
        }
        Some(self.of_type(schema, parents))
    }

    /// Returns an object with the members of all parts and of the schema around them.
    fn all(&self, parts: &[Value], schema: &Value, parents: &[&str]) -> Option<Value> {
        let mut members = Map::new();
        for part in parts {
            match self.value(part, parents)? {
                Value::Object(more) => members.extend(more),
                other => return Some(other),
            }
        }
        if let Value::Object(more) = self.of_type(schema, parents) {
            members.extend(more);
        }
        Some(Value::Object(members))
    }

    fn of_type(&self, schema: &Value, parents: &[&str]) -> Value {
        match kind(schema) {
            "object" => {
                let properties = schema["properties"].as_object().into_iter().flatten();
                let member =
                    |(name, of): (&String, _)| Some((name.clone(), self.value(of, parents)?));
                Value::Object(properties.filter_map(member).collect())
            }
            "array" => self.array(schema, parents),
            "string" => text(schema).into(),
            "integer" | "number" => number(schema),
            "boolean" => false.into(),
            _ => Value::Null,
        }
    }

    fn array(&self, schema: &Value, parents: &[&str]) -> Value {
        let fixed = schema["prefixItems"].as_array().into_iter().flatten();
        let mut items: Vec<_> = fixed.filter_map(|item| self.value(item, parents)).collect();
        let more = Some(&schema["items"]).filter(|items| items.is_object());
        let min_items = schema["minItems"].as_u64().unwrap_or_default().clamp(1, 8) as usize;
        while items.len() < min_items {
            let Some(item) = more.and_then(|item| self.value(item, parents)) else {
                break;
            };
            items.push(item);
        }
        Value::Array(items)
    }
}

/// Returns the type, or the first of several types that is not `null`.
fn kind(schema: &Value) -> &str {
    let types = schema["type"].as_array().into_iter().flatten();
    let named = schema["type"]
        .as_str()
        .or_else(|| types.filter_map(Value::as_str).find(|kind| *kind != "null"));
    named.unwrap_or(if schema["properties"].is_object() { "object" } else { "" })
}

/// Returns a text in the format of the schema, for the formats of common types.
fn text(schema: &Value) -> &'static str {
    match schema["format"].as_str() {
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("date") => "2026-01-01",
        Some("time") => "00:00:00Z",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("uri") => "https://example.com",
        Some("email") => "me@example.com",
        Some("ipv4") => "127.0.0.1",
        Some("ipv6") => "::1",
        _ => "string",
    }
}

/// Returns 0, or the minimum.
fn number(schema: &Value) -> Value {
    let minimum =
        schema.get("minimum").filter(|minimum| minimum.as_f64().is_some_and(|at| at > 0.0));
    minimum.cloned().unwrap_or_else(|| json!(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_in_the_schema_is_used() {
        let schema = json!({ "type": "string", "example": "apple" });
        assert_eq!(sample(&schema), "apple");
        assert_eq!(sample(&json!({ "type": "string", "examples": ["pear"] })), "pear");
        assert_eq!(sample(&json!({ "type": "string", "enum": ["plum", "fig"] })), "plum");
    }

    #[test]
    fn every_kind_of_value_is_generated() {
        let schema = json!({ "properties": {
            "text": { "type": "string" }, "day": { "type": "string", "format": "date" },
            "count": { "type": "integer", "minimum": 3 }, "share": { "type": ["null", "number"] },
            "done": { "type": "boolean" }, "list": { "type": "array", "items": { "type": "string" } },
            "pair": { "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }], "items": false },
            "choice": { "oneOf": [{ "type": "null" }, { "type": "string" }] },
            "both": { "allOf": [{ "properties": { "a": { "const": 1 } } }, { "properties": { "b": { "default": 2 } } }] },
        } });
        let expected = json!({
            "text": "string", "day": "2026-01-01", "count": 3, "share": 0, "done": false,
            "list": ["string"], "pair": ["string", 0], "choice": "string", "both": { "a": 1, "b": 2 },
        });
        assert_eq!(sample(&schema), expected);
    }

    #[test]
    fn a_type_that_contains_itself_has_a_finite_example() {
        let tree = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string" },
                "left": { "$ref": "#/$defs/Tree" },
                "more": { "type": "array", "items": { "$ref": "#/$defs/Tree" } },
            },
        });
        let schema = json!({ "$ref": "#/$defs/Tree", "$defs": { "Tree": tree } });
        assert_eq!(sample(&schema), json!({ "name": "string", "more": [] }));
    }

    #[test]
    fn types_that_contain_each_other_have_a_small_example() {
        let names: Vec<_> = (0..20).map(|number| format!("T{number}")).collect();
        let reference =
            |name: &String| (name.clone(), json!({ "$ref": format!("#/$defs/{name}") }));
        let properties: Map<_, _> = names.iter().map(reference).collect();
        let def = |name: &String| (name.clone(), json!({ "properties": properties }));
        let defs: Map<_, _> = names.iter().map(def).collect();
        let sample = sample(&json!({ "$ref": "#/$defs/T0", "$defs": defs }));
        assert!(sample.to_string().len() < 20_000);
    }
}
