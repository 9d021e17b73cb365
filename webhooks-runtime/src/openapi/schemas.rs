//! Gathers the schemas of many types in one place where each has a name of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::endpoint::described::{COMPONENTS, Described};

/// The schemas of a document, by name.
#[derive(Debug, Default)]
pub(super) struct Schemas(pub(super) BTreeMap<String, Value>);

impl Schemas {
    /// Adds a type with all that it refers to and gives the name that it has here.
    ///
    /// Two types of one name, from two modules, are told apart by a number behind the second. All that
    /// a type brings along gets it, so that each goes on meaning its own.
    pub(super) fn add(&mut self, described: &Described) -> String {
        let mut number = 1;
        loop {
            let named = |name: &str| match number {
                1 => name.to_owned(),
                number => format!("{name}{number}"),
            };
            let schemas: BTreeMap<_, _> = described
                .schemas
                .iter()
                .map(|(name, schema)| (named(name), at(schema, COMPONENTS, &named)))
                .collect();
            let fits = |(name, schema)| self.0.get(name).is_none_or(|other| other == schema);
            if schemas.iter().all(fits) {
                self.0.extend(schemas);
                return named(&described.name);
            }
            number += 1;
        }
    }
}

/// A type's schema by itself: what it refers to stands in its `$defs`.
pub(super) fn alone(described: &Described) -> Value {
    const DEFS: &str = "#/$defs/";
    let keep = |name: &str| name.to_owned();
    let moved = |schema| at(schema, DEFS, &keep);
    let mut own = described.schemas.get(&described.name).map_or(Value::Bool(true), moved);
    let refers_to_itself = own.to_string().contains(&format!("\"{DEFS}{}\"", described.name));
    let defs: serde_json::Map<_, _> = described
        .schemas
        .iter()
        .filter(|(name, _)| refers_to_itself || **name != described.name)
        .map(|(name, schema)| (name.clone(), moved(schema)))
        .collect();
    if let (Value::Object(own), false) = (&mut own, defs.is_empty()) {
        own.insert("$defs".to_owned(), Value::Object(defs));
    }
    own
}

/// The schema with its references to components leading to other names at another place.
fn at(schema: &Value, place: &str, named: &dyn Fn(&str) -> String) -> Value {
    match schema {
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                let to = value.as_str().filter(|_| key == "$ref");
                let value = match to.and_then(|to| to.strip_prefix(COMPONENTS)) {
                    Some(name) => format!("{place}{}", named(name)).into(),
                    None => at(value, place, named),
                };
                (key.clone(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(items) => items.iter().map(|item| at(item, place, named)).collect(),
        other => other.clone(),
    }
}

/// What a type is called where people read it.
pub(super) fn title(described: &Described) -> Cow<'_, str> {
    let own = described.schemas.get(&described.name);
    match own.and_then(Value::as_object) {
        Some(schema) if schema.is_empty() => Cow::Borrowed("any JSON"),
        _ => Cow::Borrowed(&described.name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(name: &str, schemas: &[(&str, Value)]) -> Described {
        let schemas = schemas.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone()));
        Described { name: name.to_owned(), schemas: schemas.collect() }
    }

    fn order(of: &Value) -> Described {
        let item = json!({ "$ref": "#/components/schemas/Item" });
        let order = json!({ "type": "object", "properties": { "item": item } });
        described("Order", &[("Order", order), ("Item", of.clone())])
    }

    #[test]
    fn one_type_is_there_once() {
        let mut schemas = Schemas::default();
        let order = order(&json!({ "type": "string" }));
        assert_eq!((schemas.add(&order), schemas.add(&order)), ("Order".into(), "Order".into()));
        assert_eq!(schemas.0.len(), 2);
    }

    #[test]
    fn two_types_of_one_name_are_told_apart_by_what_they_refer_to() {
        let mut schemas = Schemas::default();
        let (texts, numbers) =
            (order(&json!({ "type": "string" })), order(&json!({ "type": "number" })));
        assert_eq!(schemas.add(&texts), "Order");
        assert_eq!(schemas.add(&numbers), "Order2");
        assert_eq!(schemas.add(&numbers), "Order2");
        assert_eq!(schemas.add(&texts), "Order");
        let item = &schemas.0["Order2"]["properties"]["item"]["$ref"];
        assert_eq!(item, "#/components/schemas/Item2");
        assert_eq!(schemas.0["Item2"], json!({ "type": "number" }));
    }

    #[test]
    fn a_schema_by_itself_holds_what_it_refers_to() {
        let schema = alone(&order(&json!({ "type": "string" })));
        assert_eq!(schema["properties"]["item"]["$ref"], "#/$defs/Item");
        assert_eq!(schema["$defs"], json!({ "Item": { "type": "string" } }));
    }

    #[test]
    fn a_schema_that_refers_to_itself_does_so_by_itself_too() {
        let tree = json!({ "items": { "$ref": "#/components/schemas/Tree" } });
        let schema = alone(&described("Tree", &[("Tree", tree)]));
        assert_eq!(schema["$defs"]["Tree"]["items"]["$ref"], "#/$defs/Tree");
    }
}
