//! Enables, disables and deletes webhooks, and replays a delivery.

use std::process::ExitCode;

use super::CommandError;
use super::dialog::Dialog;
use super::find::AccountWebhooks;
use super::program::ProgramContext;
use crate::hub::Webhook;
use crate::registration::ours::shown_url;
use crate::registration::remembered::RememberedWebhooks;
use crate::text::in_one_line;

/// The error of `remove` for a webhook that does not belong to this program.
#[derive(Debug, thiserror::Error)]
#[error(
    "The webhook {id} does not belong to this program, so nothing was deleted. Delete it at {hub}/settings/webhooks."
)]
struct NotOurs {
    id: String,
    /// The address of the Hub.
    hub: String,
}

/// Enables or disables webhooks. A person has decided it, whatever this program or the Hub did before: what is disabled
/// stays so until a person enables it.
pub(super) async fn switch(
    program: &ProgramContext,
    names: &[String],
    enabled: bool,
    dialog: &mut Dialog<'_>,
) -> Result<ExitCode, CommandError> {
    let account = AccountWebhooks::load(program).await?;
    for webhook in find_all(&account, names, program)? {
        let verb = if enabled {
            program.hub.enable_webhook(&webhook.id).await?;
            "enabled"
        } else {
            program.hub.disable_webhook(&webhook.id).await?;
            "disabled"
        };
        note_person(program, &webhook.id).await?;
        dialog.print(&format!("{verb}  {}\n", described(webhook)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets the Hub send a delivery again.
pub(super) async fn replay(
    program: &ProgramContext,
    name: &str,
    log_id: &str,
    dialog: &mut Dialog<'_>,
) -> Result<ExitCode, CommandError> {
    let account = AccountWebhooks::load(program).await?;
    let (webhook, _) = account.find(name, program).map_err(CommandError::setup)?;
    let status = program.hub.replay_webhook(&webhook.id, log_id).await?;
    dialog.print(&format!(
        "The Hub sent the delivery again. The response has the status {status}.\n"
    ))?;
    Ok(if (200..300).contains(&status) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Deletes webhooks of this program.
pub(super) async fn remove(
    program: &ProgramContext,
    names: &[String],
    yes: bool,
    dialog: &mut Dialog<'_>,
) -> Result<ExitCode, CommandError> {
    let account = AccountWebhooks::load(program).await?;
    let found = find_all(&account, names, program)?;
    // All are checked before the first one is deleted.
    let is_ours = |webhook: &Webhook| {
        account.webhooks.iter().any(|(other, path)| other.id == webhook.id && path.is_some())
    };
    if let Some(other) = found.iter().find(|webhook| !is_ours(webhook)) {
        let (id, hub) = (other.id.clone(), program.hub.address().to_owned());
        return Err(CommandError::setup(NotOurs { id, hub }));
    }
    for webhook in &found {
        dialog.note(&format!("delete  {}\n", described(webhook)));
    }
    if let Err(code) = dialog.confirm("Delete on the Hub?", yes) {
        return Ok(code);
    }
    for webhook in found {
        match program.hub.delete_webhook(&webhook.id).await {
            // It is repeated if the response is lost: the first call may have deleted it.
            Err(error) if error.status() == Some(404) => {}
            result => result?,
        }
        let forget = |all: &mut RememberedWebhooks| all.remove(&webhook.id);
        let forgotten = RememberedWebhooks::change(&*program.state, forget).await;
        forgotten.map_err(CommandError::failed)?;
        dialog.print(&format!("deleted  {}\n", described(webhook)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Finds all webhooks that are named, before anything is changed.
fn find_all<'a>(
    account: &'a AccountWebhooks,
    names: &[String],
    program: &ProgramContext,
) -> Result<Vec<&'a Webhook>, CommandError> {
    let mut found: Vec<&Webhook> = Vec::new();
    for name in names {
        let (webhook, _) = account.find(name, program).map_err(CommandError::setup)?;
        if found.iter().all(|other| other.id != webhook.id) {
            found.push(webhook);
        }
    }
    Ok(found)
}

/// Remembers that a person has decided whether the webhook is enabled.
async fn note_person(program: &ProgramContext, id: &str) -> Result<(), CommandError> {
    let noted = RememberedWebhooks::change(&*program.state, |all| all.note_person(id)).await;
    noted.map_err(CommandError::failed)
}

fn described(webhook: &Webhook) -> String {
    let target = webhook.url.as_deref().map_or_else(|| "a Job".to_owned(), shown_url);
    in_one_line(&format!("{}  {target}", webhook.id)).into_owned()
}
