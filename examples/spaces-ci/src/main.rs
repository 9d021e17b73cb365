mod copy;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, env};

use webhooks_runtime::hub::{DiscussionQuery, HubError, NewRepo, OptionalExtension};
use webhooks_runtime::{DeliveryStore, DiscussionStatus, EnqueueError, Hub, RepoId, RepoType};
use webhooks_runtime::{WebhookPayload, WebhooksServer, serde_json::json, web};
use webhooks_runtime::{webhook_endpoint, webhooks_main};

struct Config {
    /// The authors who are trusted beside the owner of the Space, separated by commas.
    authors: String,
    /// The settings of a copy with secrets, and of one without.
    trusted: NewRepo,
    untrusted: NewRepo,
}

/// Brings the copies of pull requests up to date. `own`: the token may be that of their author.
#[webhook_endpoint(
    watch_env = "CI_SPACES",
    on = ["repo.content", "discussion", "create discussion.comment", "delete repo"],
    refs = "refs/pr/*",
    own = true,
    background(key = "discussion", concurrency = 4, attempts = 10, timeout = "10m")
)]
async fn sync(
    payload: WebhookPayload,
    hub: Hub,
    store: DeliveryStore,
    config: web::Data<Config>,
) -> anyhow::Result<()> {
    let space = RepoId::from(&payload);
    if let Some(num) = payload.discussion_num() {
        return copy::sync(&hub, &config, &space, num).await;
    }
    for num in all(&hub, &space).await? {
        enqueue(&store, &space.name, Some(num)).await?;
    }
    Ok(())
}

/// Returns the pull requests that are open or have a copy. Those of a deleted Space may have one.
async fn all(hub: &Hub, space: &RepoId) -> Result<BTreeSet<u64>, HubError> {
    let query = DiscussionQuery::new().pull_requests(true).status(DiscussionStatus::Open);
    let open = hub.discussions(space, &query).await.optional()?.unwrap_or_default();
    let spaces = hub.repos(RepoType::Space, space.owner().unwrap_or_default()).await?;
    let prefix = copy::name(space, "");
    let copied = spaces.iter().filter_map(|it| it.name.strip_prefix(&prefix)?.parse().ok());
    // The Hub counts from 1.
    Ok(open.iter().map(|it| it.num).chain(copied).filter(|num| *num > 0).collect())
}

/// Enqueues a delivery for one pull request or for all of a Space. Each delivery has its attempts.
async fn enqueue(store: &DeliveryStore, space: &str, num: Option<u64>) -> Result<(), EnqueueError> {
    let event = json!({ "action": "update", "scope": "repo" });
    let repo = json!({ "type": "space", "name": space });
    let discussion = num.map(|num| json!({ "num": num }));
    sync::enqueue(store, json!({ "event": event, "repo": repo, "discussion": discussion })).await?;
    Ok(())
}

/// Looks for what the bot has missed, at each start.
async fn recover(store: DeliveryStore) -> Result<(), EnqueueError> {
    let spaces = env::var("CI_SPACES").unwrap_or_default();
    for space in spaces.split(',').filter_map(|it| it.trim().strip_prefix("space:")) {
        enqueue(&store, space, None).await?;
    }
    Ok(())
}

fn config() -> anyhow::Result<Config> {
    let mut untrusted = NewRepo::new().hardware("cpu-basic").variables_from_env("CI_VARIABLE_");
    if let Ok(visibility) = env::var("CI_VISIBILITY") {
        let is_known = ["public", "private"].contains(&visibility.as_str());
        anyhow::ensure!(is_known, "CI_VISIBILITY must be public or private");
        untrusted = untrusted.visibility(visibility.into());
    }
    // With a prefix, so that no other secret of the bot gets into a copy.
    let trusted = untrusted.clone().secrets_from_env("CI_SECRET_");
    let trusted = trusted.hardware(env::var("CI_HARDWARE").unwrap_or("cpu-basic".into()));
    Ok(Config { authors: env::var("TRUSTED_AUTHORS").unwrap_or_default(), trusted, untrusted })
}

webhooks_main!(config().map(|config| WebhooksServer::new().data(config).on_start(recover)));
