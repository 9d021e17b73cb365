//! Makes up a value that fits a schema, for people to start from.

use std::cell::Cell;

use serde_json::{Map, Value, json};

/// How many values a sample has at most. Types that hold each other could make more than anybody reads.
const VALUES: usize = 1000;

/// A value for a schema that refers to nothing outside of itself: its own example, or one made of its
/// parts.
pub(super) fn sample(schema: &Value) -> Value {
    let sampler = Sampler { defs: &schema["$defs"], left: Cell::new(VALUES) };
    sampler.value(schema, &[]).unwrap_or_default()
}

struct Sampler<'a> {
    defs: &'a Value,
    /// How many values there may still be.
    left: Cell<usize>,
}

impl Sampler<'_> {
    /// A value inside of values of these names; `None` where a type would hold itself.
    fn value(&self, schema: &Value, inside: &[&str]) -> Option<Value> {
        self.left.set(self.left.get().checked_sub(1)?);
        let own = ["example", "const", "default"].map(|key| schema.get(key));
        let listed = ["examples", "enum"].map(|key| schema[key].get(0));
        if let Some(given) = own.into_iter().chain(listed).flatten().next() {
            return Some(given.clone());
        }
        let target = schema["$ref"].as_str().and_then(|to| to.strip_prefix("#/$defs/"));
        if let Some(target) = target {
            let is_new = !inside.contains(&target);
            return is_new
                .then(|| self.value(&self.defs[target], &[inside, &[target]].concat()))
                .flatten();
        }
        if let Some(choices) = ["oneOf", "anyOf"].iter().find_map(|key| schema[key].as_array()) {
            // Something rather than nothing.
            let (nulls, others): (Vec<_>, _) = choices.iter().partition(|of| of["type"] == "null");
            return others.into_iter().chain(nulls).find_map(|choice| self.value(choice, inside));
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return self.all(parts, schema, inside);
        }
        Some(self.of_type(schema, inside))
    }

    /// The members of all parts, and of the schema that they stand in.
    fn all(&self, parts: &[Value], schema: &Value, inside: &[&str]) -> Option<Value> {
        let mut members = Map::new();
        for part in parts {
            match self.value(part, inside)? {
                Value::Object(more) => members.extend(more),
                other => return Some(other),
            }
        }
        if let Value::Object(more) = self.of_type(schema, inside) {
            members.extend(more);
        }
        Some(Value::Object(members))
    }

    fn of_type(&self, schema: &Value, inside: &[&str]) -> Value {
        match kind(schema) {
            "object" => {
                let properties = schema["properties"].as_object().into_iter().flatten();
                let member =
                    |(name, of): (&String, _)| Some((name.clone(), self.value(of, inside)?));
                Value::Object(properties.filter_map(member).collect())
            }
            "array" => self.array(schema, inside),
            "string" => text(schema).into(),
            "integer" | "number" => number(schema),
            "boolean" => false.into(),
            _ => Value::Null,
        }
    }

    fn array(&self, schema: &Value, inside: &[&str]) -> Value {
        let fixed = schema["prefixItems"].as_array().into_iter().flatten();
        let mut items: Vec<_> = fixed.filter_map(|item| self.value(item, inside)).collect();
        let more = Some(&schema["items"]).filter(|items| items.is_object());
        let least = schema["minItems"].as_u64().unwrap_or_default().clamp(1, 8) as usize;
        while items.len() < least {
            let Some(item) = more.and_then(|item| self.value(item, inside)) else {
                break;
            };
            items.push(item);
        }
        Value::Array(items)
    }
}

/// The type, or the first of several that isn't `null`.
fn kind(schema: &Value) -> &str {
    let types = schema["type"].as_array().into_iter().flatten();
    let named = schema["type"]
        .as_str()
        .or_else(|| types.filter_map(Value::as_str).find(|kind| *kind != "null"));
    named.unwrap_or(if schema["properties"].is_object() { "object" } else { "" })
}

/// A text of the form that is asked for, as far as it is one that types have.
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

/// Nought, or the least that is allowed.
fn number(schema: &Value) -> Value {
    let least = schema.get("minimum").filter(|least| least.as_f64().is_some_and(|at| at > 0.0));
    least.cloned().unwrap_or_else(|| json!(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_goes_before_what_is_made_up() {
        let schema = json!({ "type": "string", "example": "apple" });
        assert_eq!(sample(&schema), "apple");
        assert_eq!(sample(&json!({ "type": "string", "examples": ["pear"] })), "pear");
        assert_eq!(sample(&json!({ "type": "string", "enum": ["plum", "fig"] })), "plum");
    }

    #[test]
    fn every_kind_of_value_is_made_up() {
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
    fn what_holds_itself_comes_to_an_end() {
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
    fn types_that_all_hold_each_other_make_no_more_than_people_read() {
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
