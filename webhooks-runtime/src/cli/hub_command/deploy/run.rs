//! Goes the way from the project to the registered webhooks.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use super::args::Deploy;
use super::printer::DeployPrinter;
use super::text::{plan_json, plan_text};
use super::values::{self, HF_TOKEN};
use super::webhook_secret::{SecretStorage, StorageError, WEBHOOK_SECRET};
use super::{environment, register};
use crate::cli::hub_command::webhooks::CommandError;
use crate::cli::hub_command::webhooks::dialog::{Answer, Dialog};
use crate::cli::hub_command::webhooks::program::NoFolder;
use crate::config::addresses::PublicUrl;
use crate::config::environment::Environment;
use crate::config::settings::PartialSettings;
use crate::deploy::apply::{prepare, public_url, upload};
use crate::deploy::error::DeployError;
use crate::deploy::event::DeployEvent;
use crate::deploy::files::ProjectFiles;
use crate::deploy::follow::SpaceRun;
use crate::deploy::plan::{DeployPlan, SpaceSettings};
use crate::deploy::project::CargoProject;
use crate::deploy::snapshot::SpaceSnapshot;
use crate::hub::{Hub, RepoId, login_token};
use crate::server::hub::{RegistrationTarget, hub_of};
use crate::server::{WebhooksServer, first_signal};
use crate::text::escaped;

/// The error of webhooks that the Hub refused.
#[derive(Debug, thiserror::Error)]
#[error("The Space runs, but not all of its webhooks are registered. Run the command again.")]
struct NotAllRegistered;

/// What is deployed, and where to.
struct SpaceDeployment<'a> {
    args: &'a Deploy,
    hub: Hub,
    space: RepoId,
    project: CargoProject,
    files: ProjectFiles,
    secrets: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
}

/// What is changed at the Space, and what follows.
struct DeployDraft {
    plan: DeployPlan,
    target: RegistrationTarget,
    storage: SecretStorage,
}

pub(super) fn run(
    args: &Deploy,
    program: &str,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
    printer: &mut DeployPrinter,
) -> Result<ExitCode, CommandError> {
    let secrets = values::secrets(&args.secrets, &Environment::default());
    let secrets = secrets.map_err(CommandError::setup)?;
    let variables = values::variables(&args.variables).map_err(CommandError::setup)?;
    values::check_names(&secrets, &variables).map_err(CommandError::setup)?;
    printer.hide(secrets.values());
    let project = CargoProject::find(program).map_err(CommandError::setup)?;
    let files = ProjectFiles::collect(&project).map_err(CommandError::setup)?;
    let server = server().map_err(CommandError::Setup)?;
    let hub = hub_of(&server).map_err(CommandError::setup)?;
    let space = RepoId::space(&args.space);
    let deployment = SpaceDeployment { args, hub, space, project, files, secrets, variables };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CommandError::failed)?;
    let ended = runtime.block_on(deployment.run(server, &mut Dialog::of_terminal(), printer));
    // Does not wait for a call that a signal has interrupted.
    runtime.shutdown_background();
    ended
}

impl SpaceDeployment<'_> {
    async fn run(
        &self,
        server: WebhooksServer,
        dialog: &mut Dialog<'_>,
        printer: &mut DeployPrinter,
    ) -> Result<ExitCode, CommandError> {
        let snapshot = SpaceSnapshot::read(&self.hub, &self.space, self.args.force).await?;
        let mut draft = self.draft(server, snapshot.as_ref()).await?;
        printer.hide(draft.plan.secrets.values());
        let (space, root) = (&self.space.name, self.project.root.display().to_string());
        let text = plan_text(space, &root, &draft.plan, &self.files, self.args.dry_run);
        printer.print(&text, &plan_json(space, &draft.plan, &self.files));
        self.offer_token(&mut draft, snapshot.as_ref(), dialog, printer)?;
        if self.args.dry_run {
            dialog.note("\nNothing was changed, because of --dry-run.\n");
            return Ok(ExitCode::SUCCESS);
        }
        if draft.plan.has_changes() {
            dialog.note("\n");
            if let Err(code) = dialog.confirm("Deploy this to the Hub?", self.args.yes) {
                return Ok(code);
            }
        } else {
            dialog.note("\nThere is nothing to change.\n");
        }
        self.carry_out_unless_stopped(draft, printer).await
    }

    /// Carries the draft out until a signal stops that. Before, a signal ends the process: nothing is changed yet.
    async fn carry_out_unless_stopped(
        &self,
        draft: DeployDraft,
        printer: &mut DeployPrinter,
    ) -> Result<ExitCode, CommandError> {
        let signal = first_signal().map_err(CommandError::failed)?;
        let stopped = tokio::select! {
            ended = self.carry_out(draft, printer) => Err(ended),
            Ok(signal) = signal => Ok(signal),
        };
        match stopped {
            Ok(signal) => {
                printer.stopped(&signal);
                Ok(signal.exit_code().into())
            }
            Err(ended) => ended,
        }
    }

    /// Decides what to change, and checks the settings that the program will find on the Space.
    async fn draft(
        &self,
        server: WebhooksServer,
        snapshot: Option<&SpaceSnapshot>,
    ) -> Result<DeployDraft, CommandError> {
        let args = self.args;
        let settings = SpaceSettings {
            visibility: args.visibility.clone(),
            hardware: args.hardware.clone(),
            secrets: self.secrets.clone(),
            variables: self.variables.clone(),
            force: args.force,
        };
        let plan = DeployPlan::new(&args.space, snapshot, &self.files.files, settings);
        let mut plan = plan.map_err(CommandError::failed)?;
        let project = server.project();
        let storage = SecretStorage::of(&project, &args.space);
        let storage = storage.ok_or_else(|| CommandError::setup(NoFolder))?;
        let given = self.secrets.get(WEBHOOK_SECRET);
        let secret = storage.secret(snapshot, given).await?;
        let value = secret.value.as_deref();
        let environment =
            environment::on_space(&args.space, snapshot, &self.secrets, &self.variables, value);
        let flags = PartialSettings::default();
        let target = RegistrationTarget::in_environment(server, flags, &environment);
        let mut target = target.map_err(CommandError::setup)?;
        target.check().map_err(CommandError::setup)?;
        let mut secrets = target.endpoints.iter().filter_map(|endpoint| endpoint.secret.as_ref());
        if let Some(value) = secret.value.filter(|_| secret.is_to_be_set)
            && secrets.any(|secret| secret.reveal() == value)
        {
            plan.secrets.insert(WEBHOOK_SECRET.to_owned(), value);
        }
        Ok(DeployDraft { plan, target, storage })
    }

    /// Asks whether to copy the token, if the program needs one and the Space has none.
    fn offer_token(
        &self,
        draft: &mut DeployDraft,
        snapshot: Option<&SpaceSnapshot>,
        dialog: &mut Dialog<'_>,
        printer: &mut DeployPrinter,
    ) -> Result<(), CommandError> {
        let has_token = draft.plan.secrets.contains_key(HF_TOKEN)
            || snapshot.is_some_and(|snapshot| snapshot.secrets.contains_key(HF_TOKEN));
        if has_token || draft.target.need_token.is_empty() {
            return Ok(());
        }
        let paths = draft.target.need_token.join(", ");
        let may_ask = !self.args.yes && !self.args.dry_run && !self.args.json;
        let question = format!(
            "The Space has no HF_TOKEN, which {paths} needs to act on the Hub. Copy your token to it as a secret?"
        );
        if may_ask && dialog.ask(&format!("\n{question}")) == Answer::Yes {
            let token = login_token(&Environment::default())?;
            printer.hide([&token]);
            draft.plan.secrets.insert(HF_TOKEN.to_owned(), token);
            return Ok(());
        }
        let message = format!(
            "The Space has no HF_TOKEN, so that the program does not start: {paths} acts on the Hub. Add --secret \
             HF_TOKEN to copy your token."
        );
        printer.report(&DeployEvent::Warning { message: &message });
        Ok(())
    }

    async fn carry_out(
        &self,
        draft: DeployDraft,
        printer: &mut DeployPrinter,
    ) -> Result<ExitCode, CommandError> {
        let DeployDraft { plan, target, storage } = draft;
        let mut report = |event: DeployEvent<'_>| printer.report(&event);
        if let Some(secret) = plan.secrets.get(WEBHOOK_SECRET) {
            storage.store(secret).await?;
        }
        prepare(&self.hub, &self.space, &plan, &mut report).await?;
        // Before the upload, which may fail: the next deployment needs the secret.
        if plan.secrets.contains_key(WEBHOOK_SECRET) {
            let secrets = self.hub.space_secrets(&self.space).await?;
            if let Some(info) = secrets.get(WEBHOOK_SECRET) {
                storage.remember(&info.updated_at).await?;
            }
        }
        let files = &self.files.files;
        let commit = upload(&self.hub, &self.space, &plan, files, &mut report).await?;
        let of_space = public_url(&self.hub, &self.space).await?;
        let url = (!plan.private).then_some(of_space.as_str());
        let run = SpaceRun { hub: &self.hub, space: &self.space, commit: commit.as_deref(), url };
        run.follow(&mut report).await?;
        let errors = match register::obstacle(&target.endpoints, plan.private) {
            Some(reason) => {
                report(DeployEvent::NotRegistered { reason });
                Vec::new()
            }
            None => {
                let url = webhook_url(target.public_url.as_ref(), &of_space)
                    .ok_or_else(|| DeployError::NoAddress { space: self.space.name.clone() })?;
                let access = (self.hub.clone(), storage.state);
                register::register(target.endpoints, access, url, &mut report).await?
            }
        };
        for error in &errors {
            let message = escaped(&error.to_string()).into_owned();
            report(DeployEvent::Warning { message: &message });
        }
        if !errors.is_empty() {
            return Err(CommandError::failed(NotAllRegistered));
        }
        report(DeployEvent::Done { space: &self.space.name, url: &of_space });
        Ok(ExitCode::SUCCESS)
    }
}

/// Returns the URL that the Hub calls: that of the settings, such as a domain of your own, or else that of the Space.
fn webhook_url(setting: Option<&PublicUrl>, of_space: &str) -> Option<PublicUrl> {
    let own = setting.filter(|url| url.as_str() != environment::url_of_space());
    own.cloned().or_else(|| PublicUrl::parse(of_space).ok())
}

impl From<DeployError> for CommandError {
    fn from(error: DeployError) -> Self {
        match error {
            DeployError::Hub(error) => error.into(),
            error => Self::failed(error),
        }
    }
}

impl From<StorageError> for CommandError {
    fn from(error: StorageError) -> Self {
        Self::setup(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_in_the_settings_overrides_that_of_the_space() {
        let of_space = "https://me-bot.hf.space";
        let url = |setting: &str| {
            let setting = PublicUrl::parse(setting).ok();
            webhook_url(setting.as_ref(), of_space).unwrap().as_str().to_owned()
        };
        assert_eq!(url(&environment::url_of_space()), of_space);
        assert_eq!(url(""), of_space);
        assert_eq!(url("https://bot.example.com"), "https://bot.example.com");
    }
}
