//! Finds out why no deliveries arrive: examines the token, the webhooks on the Hub, the public URL, the store, the clock
//! and the Space. Changes nothing, and runs no function.
//!
//! Each check turns what it has seen into a [`Diagnosis`], in a file of its own: `token`, `clock`, `webhooks`, `reach`
//! (the public URL, the secret and the version), `store` and `space`. `finding` has the types, `input` is what the checks
//! know of the program, and `probe` asks the server through its public URL.

mod clock;
mod finding;
mod input;
mod left_alone;
mod probe;
mod reach;
mod space;
mod store;
mod token;
mod webhooks;

pub(crate) use finding::{CheckReport, Diagnosis, Finding};
pub(crate) use input::DoctorInput;

/// Makes all checks.
pub(crate) async fn examine(input: &DoctorInput) -> Vec<CheckReport> {
    let whoami = token::ask(input).await;
    let account = whoami.as_ref().and_then(|whoami| whoami.as_ref().ok());
    let probes = probe::ask_all(input).await;
    let diagnoses = [
        ("settings", input.settings()),
        ("token", token::check(input, whoami.as_ref())),
        ("clock", account.map_or(token::NO_ANSWER, |it| clock::check(it.clock.as_ref()))),
        ("webhooks", webhooks::check(input, account).await),
        ("public URL", reach::check_url(input, &probes)),
        ("secret", reach::check_secret(input, &probes)),
        ("version", reach::check_version(input, &probes)),
        ("store", store::check(input)),
        ("space", space::check(input, account).await),
    ];
    diagnoses.map(|(check, diagnosis)| CheckReport { check, diagnosis }).into()
}
