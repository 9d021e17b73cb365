//! Collects the schemas of types under unique names.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::endpoint::extract::schema_doc::{COMPONENTS, SchemaDoc};

/// The schemas of a document, by name.
#[derive(Debug, Default)]
pub(super) struct Schemas(pub(super) BTreeMap<String, Value>);

impl Schemas {
    /// Adds a type with all types that it refers to, and returns its name in this collection.
    ///
    /// If another type has the same name, the new one gets a number. So do all types that it refers to, so that its
    /// references stay correct.
    pub(super) fn add(&mut self, described: &SchemaDoc) -> String {
        let mut number = 1;
        loop {
            let named = |name: &str| match number {
                1 => name.to_owned(),
                number => format!("{name}{number}"),
            };
            let schemas: BTreeMap<_, _> = described
                .schemas
                .iter()
                .map(|(name, schema)| (named(name), relocated(schema, COMPONENTS, &named)))
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

/// Returns the self-contained schema of a type, with the types that it refers to in `$defs`.
pub(super) fn self_contained(described: &SchemaDoc) -> Value {
    const DEFS: &str = "#/$defs/";
    let keep = |name: &str| name.to_owned();
    let moved = |schema| relocated(schema, DEFS, &keep);
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

/// Returns a schema whose references to components have another prefix and other names.
fn relocated(schema: &Value, prefix: &str, named: &dyn Fn(&str) -> String) -> Value {
    match schema {
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                let to = value.as_str().filter(|_| key == "$ref");
                let value = match to.and_then(|to| to.strip_prefix(COMPONENTS)) {
                    Some(name) => format!("{prefix}{}", named(name)).into(),
                    None => relocated(value, prefix, named),
                };
                (key.clone(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(items) => items.iter().map(|item| relocated(item, prefix, named)).collect(),
        other => other.clone(),
    }
}

/// Returns the name of a type for people.
pub(super) fn title(described: &SchemaDoc) -> Cow<'_, str> {
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

    fn described(name: &str, schemas: &[(&str, Value)]) -> SchemaDoc {
        let schemas = schemas.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone()));
        SchemaDoc { name: name.to_owned(), schemas: schemas.collect() }
    }

    fn order(of: &Value) -> SchemaDoc {
        let item = json!({ "$ref": "#/components/schemas/Item" });
        let order = json!({ "type": "object", "properties": { "item": item } });
        described("Order", &[("Order", order), ("Item", of.clone())])
    }

    #[test]
    fn a_type_is_added_once() {
        let mut schemas = Schemas::default();
        let order = order(&json!({ "type": "string" }));
        assert_eq!((schemas.add(&order), schemas.add(&order)), ("Order".into(), "Order".into()));
        assert_eq!(schemas.0.len(), 2);
    }

    #[test]
    fn two_types_with_one_name_get_different_names() {
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
    fn a_self_contained_schema_has_the_types_that_it_refers_to() {
        let schema = self_contained(&order(&json!({ "type": "string" })));
        assert_eq!(schema["properties"]["item"]["$ref"], "#/$defs/Item");
        assert_eq!(schema["$defs"], json!({ "Item": { "type": "string" } }));
    }

    #[test]
    fn a_self_contained_schema_can_refer_to_itself() {
        let tree = json!({ "items": { "$ref": "#/components/schemas/Tree" } });
        let schema = self_contained(&described("Tree", &[("Tree", tree)]));
        assert_eq!(schema["$defs"]["Tree"]["items"]["$ref"], "#/$defs/Tree");
    }
}
