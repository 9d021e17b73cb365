//! What a person reads in the terminal when the server starts.

use std::fmt::Write as _;

use crate::config::addresses::PublicUrl;
use crate::config::environment::Environment;
use crate::config::exposure::CAN_SHARE;
use crate::config::host::Unattended;
use crate::endpoint::registry::EndpointInfo;

/// Whether the endpoints are protected, and if not, what that means and how to change it.
pub(super) fn secret(endpoints: &[EndpointInfo]) -> String {
    let open: Vec<_> = endpoints.iter().filter(|endpoint| !endpoint.protected).collect();
    if open.is_empty() {
        return "Webhook secret is correctly defined.\n".to_owned();
    }
    let mut text = "Webhook secret is not defined".to_owned();
    if open.len() < endpoints.len() {
        let paths: Vec<_> = open.iter().map(|endpoint| endpoint.path.as_str()).collect();
        let _ = write!(text, " for {}", paths.join(", "));
    }
    text.push_str(
        ". Anyone who knows the address can call your functions.\n\
         To define one, set the environment variable WEBHOOK_SECRET, or write in main.rs:\n    \
         webhooks_main!(WebhooksServer::new().webhook_secret(\"my_secret\"));\n\
         and give the same secret to your webhook: https://huggingface.co/docs/hub/webhooks#webhook-secret\n",
    );
    text
}

/// Where the server listens.
pub(super) fn local_url(url: &str) -> String {
    format!("* Running on local URL:  {url}\n")
}

/// Where background deliveries are stored.
pub(super) fn background(place: &str) -> String {
    format!("* Background deliveries: {place}\n")
}

/// What to do when there is a public URL.
const SETTINGS: &str =
    "Then go to https://huggingface.co/settings/webhooks to setup your webhooks.\n";

/// The addresses on this machine, where there is no public URL, and what to do about that. `reason` is why
/// none was made by default.
pub(super) fn unreachable(
    base: &str,
    endpoints: &[EndpointInfo],
    reason: Option<Unattended>,
) -> String {
    let mut text = match reason.filter(|_| CAN_SHARE) {
        None => local(NO_PUBLIC_URL, base, endpoints),
        Some(reason) => {
            let heading = format!(
                "The Hub cannot reach these endpoints yet. The server made no public URL, because {reason}:"
            );
            local(&heading, base, endpoints)
        }
    };
    text.push_str(if CAN_SHARE {
        "Start with --share to make one, or name the URL of your own proxy or tunnel with --public-url.\n"
    } else {
        "Name the URL of your own proxy or tunnel with --public-url.\n"
    });
    text.push_str(SETTINGS);
    text
}

/// The addresses on this machine, until the public URL works.
pub(super) fn waiting(base: &str, endpoints: &[EndpointInfo]) -> String {
    local(NO_PUBLIC_URL, base, endpoints)
        + "The public URL is printed as soon as it works.\n"
        + SETTINGS
}

const NO_PUBLIC_URL: &str =
    "The Hub cannot reach these endpoints yet, because the server has no public URL:";

fn local(heading: &str, base: &str, endpoints: &[EndpointInfo]) -> String {
    let mut text = format!("\n{heading}\n");
    for endpoint in endpoints {
        let _ = writeln!(text, "  - POST {base}{}", endpoint.path);
    }
    text
}

/// What a profile costs that aborts the process at a panic.
pub(super) fn abort() -> Option<&'static str> {
    cfg!(panic = "abort").then_some(
        "Warning: this program is built with `panic = \"abort\"`, so a panic in one function ends the \
         whole server. Remove that line from the profile in Cargo.toml.\n",
    )
}

/// The risk of listening for a platform without a secret.
pub(super) fn open_to_platform(url: &str, endpoints: &[EndpointInfo]) -> Option<String> {
    let open = open_endpoints(endpoints)?;
    Some(format!(
        "Warning: the server listens on {url} because the variable PORT is set, and no secret is defined: \
         anyone who can connect to it can call {open}. Set WEBHOOK_SECRET, or listen on this machine only \
         with --host 127.0.0.1.\n"
    ))
}

/// The endpoints without a secret, as they are named in a sentence.
fn open_endpoints(endpoints: &[EndpointInfo]) -> Option<String> {
    let open = endpoints.iter().filter(|endpoint| !endpoint.protected);
    let open: Vec<_> = open.map(|endpoint| endpoint.path.as_str()).collect();
    match open.len() {
        0 => None,
        all if all == endpoints.len() => Some("your functions".to_owned()),
        _ => Some(open.join(", ")),
    }
}

/// The addresses to give to the Hub.
pub(super) fn ready(base: &str, endpoints: &[EndpointInfo]) -> String {
    let mut text = "\nWebhooks are correctly setup and ready to use:\n".to_owned();
    for endpoint in endpoints {
        let _ = writeln!(text, "  - POST {base}{}", endpoint.path);
    }
    text.push_str("Go to https://huggingface.co/settings/webhooks to setup your webhooks.\n");
    text
}

/// The public address, and with it those to give to the Hub.
pub(super) fn public_url(
    url: &PublicUrl,
    note: Option<&str>,
    endpoints: &[EndpointInfo],
) -> String {
    let note = note.map(|note| format!("  {note}\n")).unwrap_or_default();
    format!("* Running on public URL: {url}\n{note}{}", ready(url.as_str(), endpoints))
}

/// The risk of a public URL, when an endpoint has no secret.
pub(super) fn unprotected(endpoints: &[EndpointInfo]) -> Option<String> {
    let open = open_endpoints(endpoints)?;
    Some(format!(
        "Warning: the public URL is open to the internet. Anyone who knows it can call {open} with any \
         payload, because no secret is set.\n\
         Set WEBHOOK_SECRET and start again, or make no public URL: --no-share, or .share(false) in code.\n"
    ))
}

/// Why there is no public address, and what to do about it.
pub(super) fn no_public_url(reason: &str, local_url: &str) -> String {
    format!(
        "Warning: there is no public URL: {reason}.\n\
         The server works at {local_url} and keeps trying. To make none: --no-share, or .share(false) in \
         code. To use your own proxy: --public-url, or .public_url(…).\n"
    )
}

/// The warning that the API may change, unless the variable of `huggingface_hub` silences it.
pub(super) fn experimental(environment: &Environment) -> Option<&'static str> {
    let value = environment.filled("HF_HUB_DISABLE_EXPERIMENTAL_WARNING").ok().flatten();
    // The values that huggingface_hub takes for true.
    let silenced = value.is_some_and(|value| {
        ["1", "ON", "YES", "TRUE"].iter().any(|truth| value.eq_ignore_ascii_case(truth))
    });
    (!silenced).then_some(
        "Warning: webhooks-runtime is experimental, its API may change from version to version. \
         HF_HUB_DISABLE_EXPERIMENTAL_WARNING=1 hides this line.\n",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Location;
    use crate::endpoint::takes::Takes;

    fn shown(path: &str, protected: bool) -> EndpointInfo {
        let location = Location::__new("bot", "src/main.rs", 1);
        EndpointInfo {
            path: path.to_owned(),
            description: "",
            location,
            protected,
            secret_env: None,
            takes: Takes::Nothing,
            background: false,
        }
    }

    #[test]
    fn the_secret_line_names_the_open_endpoints_when_only_some_are() {
        assert_eq!(secret(&[shown("/a", true)]), "Webhook secret is correctly defined.\n");
        assert!(secret(&[shown("/a", false)]).starts_with("Webhook secret is not defined. Anyone"));
        let mixed = secret(&[shown("/a", true), shown("/b", false), shown("/c", false)]);
        assert!(mixed.starts_with("Webhook secret is not defined for /b, /c. Anyone"), "{mixed}");
    }

    #[test]
    fn the_warning_of_a_public_url_names_the_open_endpoints_when_only_some_are() {
        assert_eq!(unprotected(&[shown("/a", true)]), None);
        assert!(unprotected(&[shown("/a", false)]).unwrap().contains("can call your functions"));
        let mixed = unprotected(&[shown("/a", true), shown("/b", false), shown("/c", false)]);
        assert!(mixed.unwrap().contains("can call /b, /c with"));
    }

    #[test]
    fn the_experimental_warning_can_be_silenced() {
        let silenced = |value| {
            let variables = [("HF_HUB_DISABLE_EXPERIMENTAL_WARNING", value)];
            experimental(&Environment::from_iter(variables)).is_none()
        };
        assert!(silenced("1") && silenced("true") && silenced("ON"));
        assert!(!silenced("0") && !silenced(""));
        assert!(experimental(&Environment::from_iter([])).is_some());
    }
}
