//! The responses that all endpoints share, whatever their functions do.

use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::{Ref, Response, ResponseBuilder};

use crate::endpoint::extract::body::BodyFault;
use crate::endpoint::extract::schema_doc::SchemaDoc;

/// The body of an error response.
#[derive(ToSchema)]
#[schema(as = WebhookError)]
#[expect(dead_code, reason = "only its schema is used")]
struct ErrorBody {
    /// A fixed text that describes the error.
    error: String,
}

/// The body of a 422 response, in FastAPI's format.
#[derive(ToSchema)]
#[schema(as = WebhookValidationError)]
#[expect(dead_code, reason = "only its schema is used")]
struct ValidationErrorBody {
    /// The faults of the body: all of them for the Hub's payload, and the first one for other types.
    detail: Vec<BodyFault>,
}

/// A delivery that was stored, to run in the background.
#[derive(ToSchema)]
#[schema(as = WebhookQueuedDelivery)]
#[expect(dead_code, reason = "only its schema is used")]
struct QueuedDelivery {
    /// The id of the delivery.
    delivery: String,
    /// The state of the delivery: `queued`, `running`, `done` or `dead`.
    state: String,
}

/// Returns the statuses of an endpoint's responses, each with the name of its component.
pub(super) fn responses(background: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    const INLINE: &[(&str, &str)] = &[("200", "Success")];
    const BACKGROUND: &[(&str, &str)] =
        &[("200", "Duplicate"), ("202", "Queued"), ("503", "NotAccepted")];
    const COMMON: &[(&str, &str)] = &[
        ("401", "MissingSecret"),
        ("403", "InvalidSecret"),
        ("413", "BodyTooLarge"),
        ("422", "InvalidBody"),
    ];
    let specific = if background { BACKGROUND } else { INLINE };
    specific.iter().chain(COMMON).copied()
}

/// Adds the responses of all endpoints.
pub(super) fn add_common(components: ComponentsBuilder) -> ComponentsBuilder {
    let error = |text: &str| response::<ErrorBody>(text);
    components
        .response(
            "MissingSecret",
            error("The endpoint has a secret, and the header X-Webhook-Secret is missing."),
        )
        .response(
            "InvalidSecret",
            error("The header X-Webhook-Secret is not the secret of the endpoint."),
        )
        .response("BodyTooLarge", error("The body is larger than the server's limit."))
        .response(
            "InvalidBody",
            response::<ValidationErrorBody>(
                "The body is not JSON, or does not have the type that the endpoint reads.",
            ),
        )
}

/// Adds the responses of endpoints whose function runs before the response.
pub(super) fn add_inline(components: ComponentsBuilder) -> ComponentsBuilder {
    let text = "The function succeeded. Its return value determines the body.";
    components.response("Success", Response::new(text))
}

/// Adds the responses of background endpoints.
pub(super) fn add_background(components: ComponentsBuilder) -> ComponentsBuilder {
    components
        .response(
            "Queued",
            response::<QueuedDelivery>("The delivery is stored. The function runs later."),
        )
        .response(
            "Duplicate",
            response::<QueuedDelivery>(
                "The delivery was stored before. The function does not run again.",
            ),
        )
        .response(
            "NotAccepted",
            response::<ErrorBody>(
                "The delivery cannot be stored at the moment. Send it again later.",
            ),
        )
}

/// Returns the schema of the responses of background endpoints.
pub(super) fn background_schema() -> Option<SchemaDoc> {
    SchemaDoc::of::<QueuedDelivery>()
}

/// Returns the schemas of the responses of all endpoints.
pub(super) fn common_schemas() -> [Option<SchemaDoc>; 2] {
    [SchemaDoc::of::<ErrorBody>(), SchemaDoc::of::<ValidationErrorBody>()]
}

fn response<T: ToSchema>(description: &str) -> Response {
    let schema = Ref::from_schema_name(T::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content("application/json", content).build()
}
