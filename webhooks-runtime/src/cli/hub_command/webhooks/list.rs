//! Prints all webhooks of the account.

use std::process::ExitCode;

use serde::Serialize;

use super::CommandError;
use super::dialog::Dialog;
use super::find::AccountWebhooks;
use super::program::ProgramContext;
use crate::cli::text::{table, truncate};
use crate::hub::{Webhook, WebhookDomain};
use crate::registration::ours::shown_url;
use crate::text::{escaped_json, in_one_line};

/// The largest number of characters of the watched repos to show.
const MAX_WATCHED: usize = 48;

const HEADER: [&str; 6] = ["ID", "STATE", "ENDPOINT", "WATCHED", "DOMAINS", "URL"];

/// A webhook in the output of `webhooks list --json`. Field names never change.
#[derive(Serialize)]
struct WebhookSummary<'a> {
    id: &'a str,
    state: String,
    /// Whether it belongs to this program.
    ours: bool,
    /// The path of the endpoint of this program that it calls; `null` if it is not ours.
    endpoint: Option<&'a str>,
    watched: Vec<String>,
    domains: Vec<&'a str>,
    /// Without a query, which can contain a secret; `null` if it starts a Job.
    url: Option<String>,
    has_secret: bool,
}

pub(super) async fn list(
    program: &ProgramContext,
    json: bool,
    dialog: &mut Dialog<'_>,
) -> Result<ExitCode, CommandError> {
    let account = AccountWebhooks::load(program).await?;
    if json {
        dialog.print(&escaped_json(&as_json(&account).map_err(CommandError::failed)?))?;
    } else if account.webhooks.is_empty() {
        // On standard error, so that a script that counts lines counts none.
        dialog.note("The account has no webhooks.\n");
    } else {
        dialog.print(&as_text(&account))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(account: &AccountWebhooks) -> serde_json::Result<String> {
    let webhooks = account.webhooks.iter().map(|(webhook, path)| WebhookSummary {
        id: &webhook.id,
        state: webhook.state.to_string(),
        ours: path.is_some(),
        endpoint: path.as_deref(),
        watched: webhook.watched.iter().map(ToString::to_string).collect(),
        domains: webhook.domains.iter().map(WebhookDomain::as_str).collect(),
        url: webhook.url.as_deref().map(shown_url),
        has_secret: webhook.has_secret,
    });
    Ok(serde_json::to_string_pretty(&webhooks.collect::<Vec<_>>())? + "\n")
}

/// Formats the webhooks in columns. Those of this program have the path of their endpoint.
fn as_text(account: &AccountWebhooks) -> String {
    let row = |(webhook, path): &(Webhook, Option<String>)| {
        let watched: Vec<_> = webhook.watched.iter().map(ToString::to_string).collect();
        let domains: Vec<&str> = webhook.domains.iter().map(WebhookDomain::as_str).collect();
        let url = webhook.url.as_deref().map_or_else(|| "a Job".to_owned(), shown_url);
        [
            in_one_line(&webhook.id).into_owned(),
            webhook.state.to_string(),
            path.clone().unwrap_or_else(|| "-".to_owned()),
            truncate(&in_one_line(&watched.join(", ")), MAX_WATCHED).into_owned(),
            in_one_line(&domains.join(", ")).into_owned(),
            in_one_line(&url).into_owned(),
        ]
    };
    table(HEADER, &account.webhooks.iter().map(row).collect::<Vec<_>>())
}
