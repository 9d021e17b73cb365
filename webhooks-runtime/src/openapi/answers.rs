//! What every endpoint answers, whatever its function does.

use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::{Ref, Response, ResponseBuilder};

use crate::endpoint::described::Described;
use crate::endpoint::fault::BodyFault;

/// A request that isn't served.
#[derive(ToSchema)]
#[schema(as = WebhookRefusal)]
#[expect(dead_code, reason = "its shape is all there is to it")]
struct Refusal {
    /// Why, in fixed words.
    error: String,
}

/// A body that isn't what the function takes, in FastAPI's form.
#[derive(ToSchema)]
#[schema(as = WebhookBodyFaults)]
#[expect(dead_code, reason = "its shape is all there is to it")]
struct Faults {
    /// The first fault.
    detail: [BodyFault; 1],
}

/// The statuses of an answer, each with the name of what is said about it.
pub(super) const ANSWERS: [(&str, &str); 5] = [
    ("200", "Done"),
    ("401", "SecretMissing"),
    ("403", "SecretWrong"),
    ("413", "TooLarge"),
    ("422", "Unprocessable"),
];

/// Says what the answers are.
pub(super) fn described(components: ComponentsBuilder) -> ComponentsBuilder {
    let refusal = |text: &str| answer::<Refusal>(text);
    components
        .response("Done", Response::new("The function ended well. What it answers is its own."))
        .response(
            "SecretMissing",
            refusal("The header X-Webhook-Secret is missing, and the endpoint has a secret."),
        )
        .response(
            "SecretWrong",
            refusal("X-Webhook-Secret isn't the secret of the endpoint, if it has one."),
        )
        .response("TooLarge", refusal("The body is larger than the server's limit."))
        .response(
            "Unprocessable",
            answer::<Faults>("The body is no JSON, or not in the shape that the endpoint takes."),
        )
}

/// The schemas of the answers.
pub(super) fn schemas() -> [Option<Described>; 2] {
    [Described::of::<Refusal>(), Described::of::<Faults>()]
}

fn answer<T: ToSchema>(description: &str) -> Response {
    let schema = Ref::from_schema_name(T::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content("application/json", content).build()
}
