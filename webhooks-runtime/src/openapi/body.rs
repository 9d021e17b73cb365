//! What one endpoint takes, told by itself.

use serde_json::{Value, json};

use super::sample::sample;
use super::schemas::{alone, title};
use crate::endpoint::described::Described;
use crate::endpoint::takes::Takes;
use crate::payload::WebhookPayload;
use crate::samples::dataset_commit;

/// The body of a delivery to an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct BodySample {
    /// What it is called: `WebhookPayload`, the name of a type, or words.
    pub(crate) name: String,
    /// A JSON Schema (2020-12) that refers to nothing outside of itself, where one is known.
    pub(crate) schema: Option<Value>,
    /// One that the endpoint takes, as far as its schema says.
    pub(crate) sample: Value,
}

/// What an endpoint takes; `None` when it doesn't read the body.
pub(crate) fn body_of(takes: &Takes) -> Option<BodySample> {
    let unknown =
        |name: &str| BodySample { name: name.to_owned(), schema: None, sample: json!({}) };
    match takes {
        Takes::Nothing => None,
        Takes::Anything => Some(unknown("anything")),
        Takes::Object => Some(unknown("any JSON object")),
        Takes::Payload => {
            let sample = serde_json::to_value(dataset_commit()).unwrap_or_default();
            let payload = Described::of::<WebhookPayload>();
            let schema = payload.as_ref().map(alone);
            Some(BodySample { name: "WebhookPayload".to_owned(), schema, sample })
        }
        Takes::Schema(described) => {
            let schema = alone(described);
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
    #[allow(dead_code, reason = "its shape is all there is to it")]
    struct Order {
        item: String,
        count: Option<u32>,
    }

    fn described<T: ToSchema>() -> Option<BodySample> {
        body_of(&Takes::Schema(Described::of::<T>()?.into()))
    }

    #[test]
    fn an_endpoint_that_reads_no_body_has_none() {
        assert!(body_of(&Takes::Nothing).is_none());
    }

    #[test]
    fn what_is_said_of_a_payload_is_said_without_the_examples_for_rust() {
        let body = body_of(&Takes::Payload).unwrap();
        assert!(!body.schema.unwrap().to_string().contains("```"));
    }

    #[test]
    fn a_payload_is_told_with_its_schema_and_a_sample() {
        let body = body_of(&Takes::Payload).unwrap();
        assert_eq!(body.name, "WebhookPayload");
        assert!(body.schema.unwrap()["$defs"]["WebhookPayloadRepo"].is_object());
        assert_eq!(body.sample["repo"]["type"], "dataset");
    }

    #[test]
    fn a_type_is_told_by_its_name_with_a_sample_of_all_its_fields() {
        let body = described::<Order>().unwrap();
        assert_eq!(body.name, "Order");
        assert_eq!(body.sample, json!({ "item": "string", "count": 0 }));
    }

    #[test]
    fn a_list_is_called_after_its_items_and_what_may_be_anything_so() {
        assert_eq!(described::<Vec<Order>>().unwrap().name, "OrderList");
        assert_eq!(described::<Value>().unwrap().name, "any JSON");
    }
}
