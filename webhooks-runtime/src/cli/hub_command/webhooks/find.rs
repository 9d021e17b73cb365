//! Finds the webhook that an argument names: by its id, or, if it belongs to this program, by the first characters of
//! its id or by the endpoint that it calls.

use std::time::SystemTime;

use super::CommandError;
use super::program::ProgramContext;
use crate::endpoint::normalize;
use crate::hub::Webhook;
use crate::registration::remembered::RememberedWebhooks;

/// All webhooks of the account, each with the path of the endpoint of this program that it calls, if any.
pub(super) struct AccountWebhooks {
    pub(super) webhooks: Vec<(Webhook, Option<String>)>,
}

/// The error of a name that does not mean one webhook.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WebhookNameError {
    #[error(
        "The account has no webhook with the id {0}, and this program has none whose id begins so or for such an \
         endpoint. `webhooks list` lists all: a webhook of another program needs its whole id."
    )]
    None(String),
    #[error("{name} means several webhooks: {}. Write the whole id.", .ids.join(", "))]
    Several { name: String, ids: Vec<String> },
}

impl AccountWebhooks {
    /// Lists the webhooks of the account.
    pub(super) async fn load(program: &ProgramContext) -> Result<Self, CommandError> {
        let webhooks = program.hub.webhooks().await?;
        let remembered = RememberedWebhooks::load(&*program.state).await;
        let mut remembered = remembered.map_err(CommandError::failed)?;
        remembered.claim_created(&webhooks, SystemTime::now());
        let with_path = |webhook: Webhook| {
            let path = program.path_of(&webhook, &remembered);
            (webhook, path)
        };
        Ok(Self { webhooks: webhooks.into_iter().map(with_path).collect() })
    }

    /// Finds the webhook with this name. The first characters of an id, and an endpoint, mean only webhooks of this
    /// program.
    pub(super) fn find(
        &self,
        name: &str,
        program: &ProgramContext,
    ) -> Result<&(Webhook, Option<String>), WebhookNameError> {
        let by = |matches: &dyn Fn(&Webhook, Option<&str>) -> bool| -> Vec<_> {
            let webhooks = self.webhooks.iter();
            webhooks.filter(|(webhook, path)| matches(webhook, path.as_deref())).collect()
        };
        let path = program.path_named(name).or_else(|| normalize(name).ok());
        let exact = by(&|webhook, _| webhook.id == name);
        let of_endpoint =
            by(&|_, of_webhook| of_webhook.is_some() && of_webhook == path.as_deref());
        let starting = by(&|webhook, of_webhook| {
            of_webhook.is_some() && !name.is_empty() && webhook.id.starts_with(name)
        });
        let found = [exact, of_endpoint, starting].into_iter().find(|found| !found.is_empty());
        match found.unwrap_or_default()[..] {
            [] => Err(WebhookNameError::None(name.to_owned())),
            [webhook] => Ok(webhook),
            ref several => {
                let ids = several.iter().map(|(webhook, _)| webhook.id.clone()).collect();
                Err(WebhookNameError::Several { name: name.to_owned(), ids })
            }
        }
    }
}
