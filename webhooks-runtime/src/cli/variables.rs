//! The environment variables at the end of `--help`: those that this program reads.

/// What reads a variable.
const SHARE: bool = cfg!(feature = "share");

/// Each variable, its purpose, and whether a feature that reads it is compiled in.
const VARIABLES: [(&str, &str, bool); 13] = [
    ("WEBHOOK_SECRET", "The secret that each request must have", true),
    ("WEBHOOKS_PAGE_TOKEN", "The token that opens the page", cfg!(feature = "page")),
    ("WEBHOOKS_STORE", "The default of --store", cfg!(feature = "background")),
    ("PORT", "The port of a hosting platform: listens on 0.0.0.0 outside a terminal", true),
    ("GRADIO_SERVER_NAME", "The default of --host", true),
    ("GRADIO_SERVER_PORT", "The default of --port, in place of PORT", true),
    ("GRADIO_SHARE", "true or false, like --share and --no-share", SHARE),
    ("GRADIO_SHARE_SERVER_ADDRESS", "The default of --share-server", SHARE),
    ("HTTPS_PROXY", "The HTTP proxy that leads to the internet", true),
    ("NO_PROXY", "The hosts that are reached without that proxy", true),
    ("SSL_CERT_FILE", "The authorities to trust, in place of the system's", true),
    ("RUST_LOG", "Which log lines are written, such as info or debug", true),
    ("NO_COLOR", "Log lines without colors", true),
];

/// Lists the variables in columns.
pub(super) fn help() -> String {
    let read = VARIABLES.iter().filter(|(.., is_read)| *is_read);
    let width = read.clone().map(|(name, ..)| name.len()).max().unwrap_or_default();
    let lines = read.map(|(name, purpose, _)| format!("\n  {name:width$}  {purpose}"));
    "Environment variables, which flags and code override:".to_owned() + &lines.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_of_compiled_features_are_listed() {
        let help = help();
        for (variable, _, is_read) in VARIABLES {
            assert_eq!(help.contains(&format!("  {variable} ")), is_read, "{variable}: {help}");
        }
    }
}
