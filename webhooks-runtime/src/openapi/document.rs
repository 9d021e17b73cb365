//! Builds the OpenAPI document.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ComponentsBuilder, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{InfoBuilder, ObjectBuilder, OpenApiBuilder, PathItem, Ref, Required};

use super::responses::{self, responses};
use super::schemas::Schemas;
use crate::endpoint::BodyKind;
use crate::endpoint::extract::schema_doc::SchemaDoc;
use crate::endpoint::registry::EndpointInfo;
use crate::payload::WebhookPayload;
use crate::samples::samples;

/// The name of the secret's security scheme.
const SECRET: &str = "webhookSecret";

/// The name of the parameter for the header `Webhook-Id`.
const WEBHOOK_ID: &str = "WebhookId";

/// The name of the schema and of the request body of the Hub's payload, which all its endpoints share.
const PAYLOAD: &str = "WebhookPayload";

/// Returns the OpenAPI document of these endpoints, in a program of this version. It names no server, so that its
/// paths are relative to the URL of the document.
pub(crate) fn document(endpoints: &[EndpointInfo], version: &str) -> serde_json::Result<Value> {
    let mut schemas = Schemas::default();
    let takes_payload = endpoints.iter().any(|endpoint| matches!(endpoint.body, BodyKind::Payload));
    let payload = takes_payload.then(SchemaDoc::of::<WebhookPayload>).flatten();
    let is_background = endpoints.iter().any(|endpoint| endpoint.background);
    let queued = is_background.then(responses::background_schema).flatten();
    // Added first, so that a type of the user with the same name gets another one.
    for described in responses::common_schemas().into_iter().flatten().chain(queued).chain(payload)
    {
        schemas.add(&described);
    }
    let mut ids = BTreeSet::new();
    let paths = endpoints.iter().fold(PathsBuilder::new(), |paths, endpoint| {
        let operation = operation(endpoint, id(&endpoint.path, &mut ids), &mut schemas);
        paths.path(&*endpoint.path, PathItem::new(HttpMethod::Post, operation))
    });
    let info = InfoBuilder::new()
        .title("Webhooks")
        .description(Some("The webhook endpoints that the Hugging Face Hub calls."))
        .version(version);
    let components = responses::add_common(shared_components());
    let has_inline = endpoints.iter().any(|endpoint| !endpoint.background);
    let components = if has_inline { responses::add_inline(components) } else { components };
    let components = if is_background { responses::add_background(components) } else { components };
    let components = if takes_payload { with_payload(components) } else { components };
    let is_protected = endpoints.iter().any(|endpoint| endpoint.protected);
    let components = if is_protected { with_secret(components) } else { components };
    let components = Some(components.build());
    let document = OpenApiBuilder::new().info(info).paths(paths).components(components);
    let mut document = serde_json::to_value(document.build())?;
    document["components"]["schemas"] = serde_json::to_value(schemas.0)?;
    Ok(document)
}

fn operation(endpoint: &EndpointInfo, id: String, schemas: &mut Schemas) -> OperationBuilder {
    let filter = endpoint.filter.as_ref().map(|filter| {
        let words = filter.description(None);
        format!(
            "The function is called for {words}. The response to any other delivery is `{{\"skipped\": \"…\"}}`, with \
             the reason."
        )
    });
    // The summary is the first paragraph in one line.
    let (first, rest) = match endpoint.description.split_once("\n\n") {
        Some((first, _)) => (first, Some(endpoint.description)),
        None => (endpoint.description, None),
    };
    let description =
        [rest, filter.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    let summary = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let operation = OperationBuilder::new()
        .operation_id(Some(id))
        .summary((!summary.is_empty()).then_some(summary))
        .description((!description.is_empty()).then_some(description))
        .parameter_ref(Ref::new(format!("#/components/parameters/{WEBHOOK_ID}")));
    let operation = responses(endpoint.background).fold(operation, |operation, (status, name)| {
        operation.response(status, Ref::from_response_name(name))
    });
    let operation = if endpoint.protected {
        operation.security(SecurityRequirement::new::<_, [&str; 0], _>(SECRET, []))
    } else {
        operation
    };
    match &endpoint.body {
        BodyKind::Unread => operation,
        BodyKind::Payload => operation
            .request_body_ref(Some(Ref::new(format!("#/components/requestBodies/{PAYLOAD}")))),
        BodyKind::Raw => operation.request_body(Some(
            RequestBodyBuilder::new()
                .description(Some("The function accepts any body."))
                .content("*/*", ContentBuilder::new().build())
                .required(Some(Required::False))
                .build(),
        )),
        BodyKind::Json => {
            let object = ObjectBuilder::new().schema_type(SchemaType::new(Type::Object)).build();
            let content = ContentBuilder::new().schema(Some(object));
            operation.request_body(Some(json_body(content)))
        }
        BodyKind::Schema(described) => {
            let schema = Ref::from_schema_name(schemas.add(described));
            let content = ContentBuilder::new().schema(Some(schema));
            operation.request_body(Some(json_body(content)))
        }
    }
}

/// Returns the components that all operations use, except for the responses.
fn shared_components() -> ComponentsBuilder {
    let webhook_id = ParameterBuilder::new()
        .name("Webhook-Id")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The id of the delivery. Retries have the same id."))
        .schema(Some(ObjectBuilder::new().schema_type(SchemaType::new(Type::String))))
        .build();
    ComponentsBuilder::new().parameter(WEBHOOK_ID, webhook_id)
}

fn with_secret(components: ComponentsBuilder) -> ComponentsBuilder {
    let header = ApiKeyValue::with_description(
        "X-Webhook-Secret",
        "The secret in the settings of the webhook on the Hub.",
    );
    components.security_scheme(SECRET, SecurityScheme::ApiKey(ApiKey::Header(header)))
}

fn with_payload(components: ComponentsBuilder) -> ComponentsBuilder {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(PAYLOAD)))
        .examples_from_iter(samples().into_iter().map(|sample| {
            let example = ExampleBuilder::new().value(Some(json!(sample.payload)));
            (sample.description, example.build())
        }));
    components.request_body(PAYLOAD, json_body(content))
}

fn json_body(content: ContentBuilder) -> RequestBody {
    let body = RequestBodyBuilder::new().content("application/json", content.build());
    body.required(Some(Required::True)).build()
}

/// Returns a unique operation id, made from the path: `say_hello`, or `bots_say_hello`. If two paths would have
/// the same id, the second one gets a number.
fn id(path: &str, taken: &mut BTreeSet<String>) -> String {
    let word = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let name: String = path.trim_start_matches("/webhooks/").chars().map(word).collect();
    let mut id = name.clone();
    let mut number = 2;
    while !taken.insert(id.clone()) {
        id = format!("{name}_{number}");
        number += 1;
    }
    id
}
