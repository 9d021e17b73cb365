//! Puts the OpenAPI document together.

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

use super::answers::{self, answers};
use super::schemas::Schemas;
use crate::endpoint::described::Described;
use crate::endpoint::registry::EndpointInfo;
use crate::endpoint::takes::Takes;
use crate::payload::WebhookPayload;
use crate::samples::samples;

/// The name of the secret's security scheme.
const SECRET: &str = "webhookSecret";

/// The name of what is said about the header `Webhook-Id`.
const WEBHOOK_ID: &str = "WebhookId";

/// The name of the Hub's payload and of the body that is one. Said once, however many endpoints take it.
const PAYLOAD: &str = "WebhookPayload";

/// The OpenAPI document of a program of this version and its endpoints. It names no server, so that
/// its paths are those of wherever it was asked for.
pub(crate) fn document(endpoints: &[EndpointInfo], version: &str) -> serde_json::Result<Value> {
    let mut schemas = Schemas::default();
    let takes_payload = endpoints.iter().any(|endpoint| matches!(endpoint.takes, Takes::Payload));
    let payload = takes_payload.then(Described::of::<WebhookPayload>).flatten();
    let is_background = endpoints.iter().any(|endpoint| endpoint.background);
    let kept = is_background.then(answers::background_schema).flatten();
    // These have their names before any type of the user's.
    for described in answers::schemas().into_iter().flatten().chain(kept).chain(payload) {
        schemas.add(&described);
    }
    let mut ids = BTreeSet::new();
    let paths = endpoints.iter().fold(PathsBuilder::new(), |paths, endpoint| {
        let operation = operation(endpoint, id(&endpoint.path, &mut ids), &mut schemas);
        paths.path(&*endpoint.path, PathItem::new(HttpMethod::Post, operation))
    });
    let info = InfoBuilder::new()
        .title("Webhooks")
        .description(Some("What this program does when the Hugging Face Hub calls it."))
        .version(version);
    let components = answers::described(shared_components());
    let is_own = endpoints.iter().any(|endpoint| !endpoint.background);
    let components = if is_own { answers::described_own(components) } else { components };
    let components =
        if is_background { answers::described_in_background(components) } else { components };
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
    // The first paragraph, however its lines are broken.
    let (first, rest) = match endpoint.description.split_once("\n\n") {
        Some((first, _)) => (first, Some(endpoint.description)),
        None => (endpoint.description, None),
    };
    let summary = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let operation = OperationBuilder::new()
        .operation_id(Some(id))
        .summary((!summary.is_empty()).then_some(summary))
        .description(rest)
        .parameter_ref(Ref::new(format!("#/components/parameters/{WEBHOOK_ID}")));
    let operation = answers(endpoint.background).fold(operation, |operation, (status, name)| {
        operation.response(status, Ref::from_response_name(name))
    });
    let operation = if endpoint.protected {
        operation.security(SecurityRequirement::new::<_, [&str; 0], _>(SECRET, []))
    } else {
        operation
    };
    match &endpoint.takes {
        Takes::Nothing => operation,
        Takes::Payload => operation
            .request_body_ref(Some(Ref::new(format!("#/components/requestBodies/{PAYLOAD}")))),
        Takes::Anything => operation.request_body(Some(
            RequestBodyBuilder::new()
                .description(Some("The function reads the body in a way of its own."))
                .content("*/*", ContentBuilder::new().build())
                .required(Some(Required::False))
                .build(),
        )),
        Takes::Object => {
            let object = ObjectBuilder::new().schema_type(SchemaType::new(Type::Object)).build();
            let content = ContentBuilder::new().schema(Some(object));
            operation.request_body(Some(json_body(content)))
        }
        Takes::Schema(described) => {
            let schema = Ref::from_schema_name(schemas.add(described));
            let content = ContentBuilder::new().schema(Some(schema));
            operation.request_body(Some(json_body(content)))
        }
    }
}

/// What every operation refers to, beside its answers.
fn shared_components() -> ComponentsBuilder {
    let webhook_id = ParameterBuilder::new()
        .name("Webhook-Id")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Names the delivery. Its retries have the same."))
        .schema(Some(ObjectBuilder::new().schema_type(SchemaType::new(Type::String))))
        .build();
    ComponentsBuilder::new().parameter(WEBHOOK_ID, webhook_id)
}

fn with_secret(components: ComponentsBuilder) -> ComponentsBuilder {
    let header = ApiKeyValue::with_description(
        "X-Webhook-Secret",
        "The secret of the webhook, as in its settings on the Hub.",
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

/// A name for programs, made of the path, which is unique: `say_hello`, or `bots_say_hello`. Where two
/// paths come to one name, the second has a number.
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
