mod copy;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, env};

use webhooks_runtime::hub::{DiscussionQuery, HubError, NewRepo};
use webhooks_runtime::{
    DeliveryStore, DiscussionStatus, EnqueueError, Hub, RepoId, RepoType, WebhookPayload,
    WebhooksServer, serde_json::json, web, webhook_endpoint, webhooks_main,
};

struct Config {
    /// The authors who are trusted beside the owner of the Space, separated by commas.
    trusted_authors: String,
    /// The settings of a copy with secrets, and of one without.
    trusted: NewRepo,
    untrusted: NewRepo,
}

/// Brings the copies of pull requests up to date. `own`: the token may be that of their author.
#[webhook_endpoint(
    watch_env = "CI_SPACES",
    on = ["repo.content", "discussion", "create discussion.comment"],
    refs = "refs/pr/*",
    own = true,
    background(key = "repo", attempts = 5, timeout = "10m")
)]
async fn sync(payload: WebhookPayload, hub: Hub, config: web::Data<Config>) -> anyhow::Result<()> {
    let space = RepoId::from(&payload);
    let nums = match &payload.discussion {
        Some(discussion) => [discussion.num].into(),
        None if payload.event.scope == "repo.content" => payload.pull_requests_pushed().collect(),
        None => all(&hub, &space).await?,
    };
    let mut result = Ok(());
    for num in nums {
        // One that fails stops no other.
        result = result.and(copy::sync(&hub, &config, &space, num).await);
    }
    result
}

/// Returns the pull requests that are open or have a copy.
async fn all(hub: &Hub, space: &RepoId) -> Result<BTreeSet<u64>, HubError> {
    let query = DiscussionQuery::new().pull_requests(true).status(DiscussionStatus::Open);
    let open = hub.discussions(space, &query).await?;
    let spaces = hub.repos(RepoType::Space, space.owner().unwrap_or_default()).await?;
    let prefix = copy::name(space, "");
    let copied = spaces.iter().filter_map(|it| it.name.strip_prefix(&prefix)?.parse().ok());
    Ok(open.iter().map(|it| it.num).chain(copied).collect())
}

/// Looks for what the bot has missed, at each start: an event of no pull request in particular.
async fn recover(store: DeliveryStore) -> Result<(), EnqueueError> {
    let spaces = env::var("CI_SPACES").unwrap_or_default();
    for space in spaces.split(',').filter_map(|it| it.trim().strip_prefix("space:")) {
        let event = json!({ "action": "update", "scope": "repo" });
        let repo = json!({ "type": "space", "name": space });
        sync::enqueue(&store, json!({ "event": event, "repo": repo })).await?;
    }
    Ok(())
}

fn config() -> Config {
    let mut untrusted = NewRepo::new().hardware("cpu-basic");
    if let Ok(visibility) = env::var("CI_VISIBILITY") {
        untrusted = untrusted.visibility(visibility.into());
    }
    // With a prefix, so that no other secret of the bot gets into a copy.
    let secrets = env::vars_os().filter_map(|(name, value)| {
        Some((name.to_str()?.strip_prefix("CI_SECRET_")?.to_owned(), value.into_string().ok()?))
    });
    let trusted = untrusted.clone().hardware(env::var("CI_HARDWARE").unwrap_or("cpu-basic".into()));
    let trusted = secrets.fold(trusted, |copy, (name, value)| copy.secret(name, value));
    Config { trusted_authors: env::var("TRUSTED_AUTHORS").unwrap_or_default(), trusted, untrusted }
}

webhooks_main!(WebhooksServer::new().data(config()).on_start(recover));
