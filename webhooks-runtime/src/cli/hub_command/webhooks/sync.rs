//! Makes the account agree with the program, after it has shown what it will change.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use super::dialog::Dialog;
use super::program::ProgramContext;
use super::report::{done_line, plan_text, sends_secret};
use super::{CommandError, SyncArgs};
use crate::registration::endpoint::{WebhookEndpoint, WebhookSecret, check_secrets};
use crate::registration::plan::{
    LeaveReason, PlanInput, PlannedStep, RegistrationMode, RegistrationPlan, StepAction,
};
use crate::registration::remembered::{RememberedWebhooks, ServerUrl};
use crate::registration::{Registrar, StepError, add_missing_secret, plan_beside_others};
use crate::state::SecretFile;
use crate::text::escaped;

/// The error of a program without an endpoint to register.
#[derive(Debug, thiserror::Error)]
#[error(
    "No endpoint has `watch`, so there is no webhook to register. Name the repos in the attribute: \
     #[webhook_endpoint(watch = \"dataset:me/data\")]"
)]
struct NothingWatched;

/// The error of a program whose public URL is not known.
#[derive(Debug, thiserror::Error)]
#[error(
    "The public URL of the server is not known. Name it with --public-url, or start the server first: it remembers the \
     URL of its share link."
)]
struct NoPublicUrl;

/// The error of a webhook whose secret is not known here.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path} has no secret here, but its webhook {id} has one, so nothing was changed. Set WEBHOOK_SECRET to the secret \
     of the server, or delete the webhook with `webhooks remove {id}`."
)]
struct UnknownSecret {
    path: String,
    id: String,
}

/// The error of a new secret that cannot be stored.
#[derive(Debug, thiserror::Error)]
#[error("A new secret cannot be stored{at}: {reason}. Set a secret with WEBHOOK_SECRET instead.")]
struct SecretNotStored {
    /// ` in FILE`, or nothing.
    at: String,
    reason: String,
}

/// The error of an account that someone else has changed while the plan was shown.
#[derive(Debug, thiserror::Error)]
#[error(
    "The webhooks of the account have changed meanwhile, so nothing was changed. Run the command again."
)]
struct ChangedMeanwhile;

/// The plan of a command, and what it was made from.
pub(in crate::cli) struct Draft<'a> {
    pub(in crate::cli) program: &'a ProgramContext,
    pub(in crate::cli) url: &'a ServerUrl,
    pub(in crate::cli) endpoints: Arc<[WebhookEndpoint]>,
    pub(in crate::cli) now: SystemTime,
}

pub(super) async fn sync(
    program: &ProgramContext,
    args: &SyncArgs,
    dialog: &mut Dialog<'_>,
) -> Result<ExitCode, CommandError> {
    if !program.endpoints.iter().any(WebhookEndpoint::is_watching) {
        return Err(CommandError::setup(NothingWatched));
    }
    check_secrets(&program.endpoints, program.on_space).map_err(CommandError::setup)?;
    let url = program.public_url.as_ref().ok_or_else(|| CommandError::setup(NoPublicUrl))?;
    let mut endpoints = program.endpoints.clone();
    let new_secret = add_missing_secret(&mut endpoints).map_err(CommandError::failed)?;
    let endpoints = endpoints.into();
    let draft = Draft { program, url, endpoints, now: SystemTime::now() };

    let shown = draft.plan().await?;
    // Its name helps the person to notice another account. Without it, the plan is as good.
    let account = program.hub.whoami().await.ok();
    dialog.print(&plan_text(&shown, &url.url, account.as_ref().map(|account| &*account.name)))?;
    check_unknown_secret(&shown, new_secret.is_some())?;
    let new_secret = new_secret.filter(|_| shown.steps.iter().any(|it| sends_secret(&it.action)));
    let secret_file = new_secret.as_ref().map(|_| secret_file(program)).transpose()?;
    if let Some(file) = secret_file {
        dialog.print(&format!(
            "\nThe endpoints get a new secret, which is stored in {}, readable only for you. A server of this program on \
             this machine uses it when it starts, unless the code or WEBHOOK_SECRET sets one. A server on another \
             machine needs it in WEBHOOK_SECRET.\n",
            file.path().display()
        ))?;
    }
    if args.dry_run {
        dialog.note("\nNothing was changed, because of --dry-run.\n");
        return Ok(ExitCode::SUCCESS);
    }
    if !shown.has_changes() {
        dialog.note("\nThere is nothing to change.\n");
    } else {
        dialog.note("\n");
        if let Err(code) = dialog.confirm("Change this on the Hub?", args.yes) {
            return Ok(code);
        }
        if draft.plan().await? != shown {
            return Err(CommandError::failed(ChangedMeanwhile));
        }
    }
    if let (Some(file), Some(secret)) = (secret_file, &new_secret) {
        store(file, secret)?;
    }
    draft.apply(&shown, dialog).await
}

impl Draft<'_> {
    pub(in crate::cli) async fn plan(&self) -> Result<RegistrationPlan, CommandError> {
        let state = &*self.program.state;
        let account = self.program.hub.webhooks().await?;
        let mut remembered = RememberedWebhooks::load(state).await.map_err(CommandError::failed)?;
        // Not stored yet, because a plan stores nothing.
        remembered.claim_created(&account, self.now);
        let input = PlanInput {
            endpoints: Arc::clone(&self.endpoints),
            public_url: self.url.clone(),
            account: account.into(),
            remembered,
            mode: RegistrationMode::Sync,
            now: self.now,
            running: BTreeSet::new(),
        };
        plan_beside_others(input, None, state).await.map_err(CommandError::failed)
    }

    async fn apply(
        &self,
        plan: &RegistrationPlan,
        dialog: &mut Dialog<'_>,
    ) -> Result<ExitCode, CommandError> {
        let mut lines = String::new();
        let errors = self.carry_out(plan, |step, id| lines += &done_line(step, id)).await;
        dialog.print(&lines)?;
        for error in &errors {
            dialog.note(&format!("error: {}\n", escaped(&error.to_string())));
        }
        Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Carries out the plan. `report` gets each step that changes something, with the id of its webhook.
    pub(in crate::cli) async fn carry_out(
        &self,
        plan: &RegistrationPlan,
        report: impl FnMut(&PlannedStep, &str),
    ) -> Vec<StepError> {
        let registrar = Registrar {
            lease: None,
            hub: &self.program.hub,
            state: &*self.program.state,
            mode: RegistrationMode::Sync,
            url_kind: self.url.kind,
        };
        registrar.apply(plan, self.now, report).await
    }
}

/// Checks that a new secret is not made while a webhook has one that is not known here: the server may check that one,
/// or would check the new one.
fn check_unknown_secret(plan: &RegistrationPlan, is_new: bool) -> Result<(), CommandError> {
    let unknown = plan.steps.iter().find_map(|step| match (&step.action, &step.id) {
        (StepAction::LeaveAlone(LeaveReason::UnknownSecret), Some(id)) => {
            Some(UnknownSecret { path: step.path.clone(), id: id.clone() })
        }
        _ => None,
    });
    unknown.filter(|_| is_new).map_or(Ok(()), |error| Err(CommandError::setup(error)))
}

/// Returns the file for a new secret.
fn secret_file(program: &ProgramContext) -> Result<&SecretFile, CommandError> {
    program.secret_file.as_ref().ok_or_else(|| {
        CommandError::setup(SecretNotStored {
            at: String::new(),
            reason: "this user has no home folder".to_owned(),
        })
    })
}

/// Stores a new secret, before the Hub gets it.
fn store(file: &SecretFile, secret: &WebhookSecret) -> Result<(), CommandError> {
    file.create(secret.reveal()).map_err(|error| {
        CommandError::setup(SecretNotStored {
            at: format!(" in {}", file.path().display()),
            reason: error.to_string(),
        })
    })
}
