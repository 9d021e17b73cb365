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
    /// The faults: all of them where the Hub's payload is read, or else the first.
    detail: Vec<BodyFault>,
}

/// A delivery that is kept to be run in the background.
#[derive(ToSchema)]
#[schema(as = WebhookKept)]
#[expect(dead_code, reason = "its shape is all there is to it")]
struct Kept {
    /// Its id.
    delivery: String,
    /// Where it stands: `queued`, `running`, `done` or `dead`.
    state: String,
}

/// The statuses of an endpoint's answers, each with the name of what is said about it.
pub(super) fn answers(background: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    const OWN: &[(&str, &str)] = &[("200", "Done")];
    const BACKGROUND: &[(&str, &str)] =
        &[("200", "KeptBefore"), ("202", "Kept"), ("503", "NotKept")];
    const COMMON: &[(&str, &str)] = &[
        ("401", "SecretMissing"),
        ("403", "SecretWrong"),
        ("413", "TooLarge"),
        ("422", "Unprocessable"),
    ];
    let own = if background { BACKGROUND } else { OWN };
    own.iter().chain(COMMON).copied()
}

/// Says what every endpoint answers.
pub(super) fn described(components: ComponentsBuilder) -> ComponentsBuilder {
    let refusal = |text: &str| answer::<Refusal>(text);
    components
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

/// Says what endpoints answer whose requests wait for the function.
pub(super) fn described_own(components: ComponentsBuilder) -> ComponentsBuilder {
    let text = "The function ended well. What it answers is its own.";
    components.response("Done", Response::new(text))
}

/// Says what endpoints answer whose functions run in the background.
pub(super) fn described_in_background(components: ComponentsBuilder) -> ComponentsBuilder {
    components
        .response("Kept", answer::<Kept>("The delivery is kept, and the function runs afterwards."))
        .response(
            "KeptBefore",
            answer::<Kept>(
                "A retry of a delivery that is kept already. The function isn't run again.",
            ),
        )
        .response(
            "NotKept",
            answer::<Refusal>("The delivery cannot be kept at the moment: send it again later."),
        )
}

/// The schema of the answers of those.
pub(super) fn background_schema() -> Option<Described> {
    Described::of::<Kept>()
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
