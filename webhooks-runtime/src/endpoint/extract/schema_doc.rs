//! The JSON schema of a type that describes itself with utoipa's `ToSchema`.

use std::any::type_name;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The place of schemas in a document, in utoipa's references.
pub(crate) const COMPONENTS: &str = "#/components/schemas/";

/// A type's schema with all schemas that it refers to.
///
/// They are JSON and not utoipa's types, because references are changed where two types have one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaDoc {
    /// The type's name, in the characters that a component of an OpenAPI document may have.
    pub(crate) name: String,
    /// The schemas by name, including the type's own. They refer to each other as `#/components/schemas/…`.
    pub(crate) schemas: BTreeMap<String, Value>,
}

impl SchemaDoc {
    /// Returns the schema of `T`; `None` when it cannot be written as JSON.
    pub(crate) fn of<T: ToSchema>() -> Option<Self> {
        let mut all = vec![(String::new(), <T as PartialSchema>::schema())];
        T::schemas(&mut all);
        let mut schemas = all.into_iter().map(as_json);
        let (_, own) = schemas.next()??;
        let mut schemas = schemas.collect::<Option<BTreeMap<_, _>>>()?;
        let name = name_of::<T>(&own);
        schemas.insert(name.clone(), own);
        // A generic type refers to its parameter, but does not list it. Such a schema accepts anything.
        let mut missing = Vec::new();
        schemas.values().for_each(|schema| references(schema, &mut missing));
        for name in missing {
            schemas.entry(name).or_insert_with(|| json!({}));
        }
        Some(Self { name, schemas })
    }
}

/// Collects the names that a schema refers to.
fn references(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            let to = members.get("$ref").and_then(Value::as_str);
            names.extend(to.and_then(|to| to.strip_prefix(COMPONENTS)).map(str::to_owned));
            members.values().for_each(|member| references(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

fn as_json((name, schema): (String, RefOr<Schema>)) -> Option<(String, Value)> {
    Some((name, serde_json::to_value(schema).ok()?))
}

/// Returns the type's name. A list is named after its items, because its own name is just `Vec`.
fn name_of<T: ToSchema>(schema: &Value) -> String {
    let in_name = |letter: &char| letter.is_ascii_alphanumeric() || "._-".contains(*letter);
    if schema["type"] == "array" {
        let innermost = type_name::<T>().rsplit("::").next().unwrap_or_default();
        let item: String = innermost.chars().take_while(in_name).collect();
        return format!("{item}List");
    }
    T::name().chars().map(|letter| if in_name(&letter) { letter } else { '_' }).collect()
}
