//! Formats the messages and warnings that the terminal shows when the server starts.

use std::fmt::Write as _;

use crate::config::addresses::PublicUrl;
use crate::config::environment::Environment;
use crate::config::exposure::CAN_SHARE;
use crate::config::host::Unattended;
use crate::endpoint::registry::EndpointInfo;

/// Reports whether all endpoints have a secret, and otherwise how to set one.
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
        ". Anyone who knows the URL can call your functions.\n\
         To define one, set the environment variable WEBHOOK_SECRET, or write in main.rs:\n    \
         webhooks_main!(WebhooksServer::new().webhook_secret(\"my_secret\"));\n\
         and enter the same secret in your webhook's settings: https://huggingface.co/docs/hub/webhooks#webhook-secret\n",
    );
    text
}

/// Reports the local URL.
pub(super) fn local_url(url: &str) -> String {
    format!("* Running on local URL:  {url}\n")
}

/// Reports the store of background deliveries.
pub(super) fn background(store: &str) -> String {
    format!("* Background deliveries: {store}\n")
}

/// The next step after getting a public URL.
const NEXT_STEP: &str =
    "Then go to https://huggingface.co/settings/webhooks to set up your webhooks.\n";

/// Lists the local endpoints of a server without a public URL, and explains how to get one. `reason` is the reason
/// why no tunnel was opened by default.
pub(super) fn unreachable(
    base: &str,
    endpoints: &[EndpointInfo],
    reason: Option<Unattended>,
    registers: bool,
) -> String {
    let mut text = match reason.filter(|_| CAN_SHARE) {
        None => local(NO_PUBLIC_URL, base, endpoints),
        Some(reason) => {
            let heading = format!(
                "The Hub cannot reach these endpoints yet. The server did not create a public URL, because {reason}:"
            );
            local(&heading, base, endpoints)
        }
    };
    text.push_str(if CAN_SHARE {
        "Start with --share to create one, or pass the URL of your own proxy or tunnel with --public-url.\n"
    } else {
        "Pass the URL of your own proxy or tunnel with --public-url.\n"
    });
    if !registers {
        text.push_str(NEXT_STEP);
    }
    text
}

/// Lists the local endpoints of a server whose public URL does not work yet.
pub(super) fn waiting(base: &str, endpoints: &[EndpointInfo], registers: bool) -> String {
    local(NO_PUBLIC_URL, base, endpoints)
        + "The public URL is printed as soon as it works.\n"
        + if registers { "Then the webhooks are registered on the Hub.\n" } else { NEXT_STEP }
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

/// Warns that a panic ends the whole program, if it is built with `panic = "abort"`.
pub(super) fn abort() -> Option<&'static str> {
    cfg!(panic = "abort").then_some(
        "Warning: this program is built with `panic = \"abort\"`, so a panic in one function ends the \
         whole server. Remove that line from the profile in Cargo.toml.\n",
    )
}

/// Warns that a server on a hosting platform has endpoints without a secret.
pub(super) fn open_to_platform(url: &str, endpoints: &[EndpointInfo]) -> Option<String> {
    let open = open_endpoints(endpoints)?;
    Some(format!(
        "Warning: the server listens on {url} because the variable PORT is set, and no secret is defined: \
         anyone who can connect to it can call {open}. Set WEBHOOK_SECRET, or listen on this machine only \
         with --host 127.0.0.1.\n"
    ))
}

/// Returns the endpoints without a secret, as a part of a sentence.
fn open_endpoints(endpoints: &[EndpointInfo]) -> Option<String> {
    let open = endpoints.iter().filter(|endpoint| !endpoint.protected);
    let open: Vec<_> = open.map(|endpoint| endpoint.path.as_str()).collect();
    match open.len() {
        0 => None,
        all if all == endpoints.len() => Some("your functions".to_owned()),
        _ => Some(open.join(", ")),
    }
}

/// Lists the public endpoints, for the settings of the webhooks. A server that `registers` them says later what it has
/// registered.
pub(super) fn ready(base: &str, endpoints: &[EndpointInfo], registers: bool) -> String {
    let mut text = "\nWebhooks are correctly set up and ready to use:\n".to_owned();
    for endpoint in endpoints {
        let _ = writeln!(text, "  - POST {base}{}", endpoint.path);
    }
    if !registers {
        text.push_str("Go to https://huggingface.co/settings/webhooks to set up your webhooks.\n");
    }
    text
}

/// Reports the tunnel's public URL, and lists the public endpoints.
pub(super) fn public_url(
    url: &PublicUrl,
    note: Option<&str>,
    endpoints: &[EndpointInfo],
    registers: bool,
) -> String {
    let note = note.map(|note| format!("  {note}\n")).unwrap_or_default();
    format!("* Running on public URL: {url}\n{note}{}", ready(url.as_str(), endpoints, registers))
}

/// Warns that endpoints without a secret have a public URL.
pub(super) fn unprotected(endpoints: &[EndpointInfo]) -> Option<String> {
    let open = open_endpoints(endpoints)?;
    Some(format!(
        "Warning: the public URL is open to the internet. Anyone who knows it can call {open} with any \
         payload, because no secret is set.\n\
         Set WEBHOOK_SECRET and restart, or turn off the public URL with --no-share or .share(false).\n"
    ))
}

/// Warns that the tunnel's public URL does not work yet.
pub(super) fn no_public_url(reason: &str, local_url: &str) -> String {
    format!(
        "Warning: there is no public URL: {reason}.\n\
         The server works at {local_url} and keeps trying. To turn off the public URL, use --no-share or \
         .share(false). To use your own proxy, use --public-url or .public_url(…).\n"
    )
}

/// Warns that the API may change, unless the variable of `huggingface_hub` for such warnings is set.
pub(super) fn experimental(environment: &Environment) -> Option<&'static str> {
    let value = environment.filled("HF_HUB_DISABLE_EXPERIMENTAL_WARNING").ok().flatten();
    // The values that huggingface_hub treats as true.
    let silenced = value.is_some_and(|value| {
        ["1", "ON", "YES", "TRUE"].iter().any(|truth| value.eq_ignore_ascii_case(truth))
    });
    (!silenced).then_some(
        "Warning: webhooks-runtime is experimental: its API may change between versions. \
         Set HF_HUB_DISABLE_EXPERIMENTAL_WARNING=1 to hide this warning.\n",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::BodyKind;
    use crate::endpoint::Location;

    fn endpoint(path: &str, protected: bool) -> EndpointInfo {
        let location = Location::__new("bot", "src/main.rs", 1);
        EndpointInfo {
            path: path.to_owned(),
            description: "",
            location,
            protected,
            secret_env: None,
            body: BodyKind::Unread,
            filter: None,
            background: false,
            key: None,
            skips_own: false,
        }
    }

    #[test]
    fn the_secret_line_names_the_open_endpoints_when_only_some_are() {
        assert_eq!(secret(&[endpoint("/a", true)]), "Webhook secret is correctly defined.\n");
        assert!(
            secret(&[endpoint("/a", false)]).starts_with("Webhook secret is not defined. Anyone")
        );
        let mixed = secret(&[endpoint("/a", true), endpoint("/b", false), endpoint("/c", false)]);
        assert!(mixed.starts_with("Webhook secret is not defined for /b, /c. Anyone"), "{mixed}");
    }

    #[test]
    fn the_warning_of_a_public_url_names_the_open_endpoints_when_only_some_are() {
        assert_eq!(unprotected(&[endpoint("/a", true)]), None);
        assert!(unprotected(&[endpoint("/a", false)]).unwrap().contains("can call your functions"));
        let mixed =
            unprotected(&[endpoint("/a", true), endpoint("/b", false), endpoint("/c", false)]);
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
