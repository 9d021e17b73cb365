//! Describes the body that an endpoint reads.

use serde_json::{Value, json};

use super::sample::sample;
use super::schemas::{self_contained, title};
use crate::endpoint::BodyKind;
use crate::endpoint::extract::schema_doc::SchemaDoc;
use crate::payload::WebhookPayload;
use crate::samples::dataset_commit;

/// The description of a body.
#[derive(Clone, Debug)]
pub(crate) struct BodySample {
    /// The name of the type, such as `WebhookPayload`, or a phrase.
    pub(crate) name: String,
    /// A self-contained JSON Schema (2020-12), if there is one.
    pub(crate) schema: Option<Value>,
    /// An example that is valid for the schema.
    pub(crate) sample: Value,
}

/// Describes the body of an endpoint; `None` if it doesn't read the body.
pub(crate) fn body_of(takes: &BodyKind) -> Option<BodySample> {
    let unknown =
        |name: &str| BodySample { name: name.to_owned(), schema: None, sample: json!({}) };
    match takes {
        BodyKind::Unread => None,
        BodyKind::Raw => Some(unknown("anything")),
        BodyKind::Json => Some(unknown("any JSON object")),
        BodyKind::Payload => {
            let sample = serde_json::to_value(dataset_commit()).unwrap_or_default();
            let payload = SchemaDoc::of::<WebhookPayload>();
            let schema = payload.as_ref().map(self_contained);
            Some(BodySample { name: "WebhookPayload".to_owned(), schema, sample })
        }
        BodyKind::Schema(described) => {
            let schema = self_contained(described);
            let (name, sample) = (title(described).into_owned(), sample(&schema));
            Some(BodySample { name, schema: Some(schema), sample })
        }
    }
}

#[cfg(test)]
mod tests {
    use utoipa::ToSchema;

    use super::*;

    #[derive(ToSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Invoice {
        item: String,
        count: Option<u32>,
    }

    fn described<T: ToSchema>() -> Option<BodySample> {
        body_of(&BodyKind::Schema(SchemaDoc::of::<T>()?.into()))
    }

    #[test]
    fn an_endpoint_that_reads_no_body_has_none() {
        assert!(body_of(&BodyKind::Unread).is_none());
    }

    #[test]
    fn the_schema_of_the_payload_has_no_examples_in_rust() {
        let body = body_of(&BodyKind::Payload).unwrap();
        assert!(!body.schema.unwrap().to_string().contains("```"));
    }

    #[test]
    fn the_payload_has_a_schema_and_a_sample() {
        let body = body_of(&BodyKind::Payload).unwrap();
        assert_eq!(body.name, "WebhookPayload");
        assert!(body.schema.unwrap()["$defs"]["WebhookPayloadRepo"].is_object());
        assert_eq!(body.sample["repo"]["type"], "dataset");
    }

    #[test]
    fn a_type_has_a_name_and_a_sample_with_all_fields() {
        let body = described::<Invoice>().unwrap();
        assert_eq!(body.name, "Invoice");
        assert_eq!(body.sample, json!({ "item": "string", "count": 0 }));
    }

    #[test]
    fn a_list_is_named_after_its_items_and_any_json_has_a_phrase() {
        assert_eq!(described::<Vec<Invoice>>().unwrap().name, "InvoiceList");
        assert_eq!(described::<Value>().unwrap().name, "any JSON");
    }
}
