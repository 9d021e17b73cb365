mod card;
#[cfg(test)]
mod tests;

use webhooks_runtime::hub::{DiscussionQuery, OptionalExtension};
use webhooks_runtime::{
    DiscussionStatus, Hub, HubError, MarkPermanent, Note, RepoId, RepoType, WebhookPayload,
    webhook_endpoint, webhooks_main,
};

/// The title of the report, by which the bot finds it again.
const TITLE: &str = "Metadata review";

/// Reviews the metadata of a card when the model or dataset changes. Spaces are left alone.
#[webhook_endpoint(
    watch_env = "REVIEW_WATCH",
    on = "repo.content",
    branch = "main",
    background(key = "repo", latest, concurrency = 4, attempts = 5, timeout = "5m")
)]
async fn review(payload: WebhookPayload, hub: Hub) -> anyhow::Result<Note> {
    if !matches!(payload.repo.repo_type, RepoType::Model | RepoType::Dataset) {
        return Ok(Note("neither a model nor a dataset"));
    }
    // The newest card, not that of the commit: another commit may be on main by now.
    let card = hub.file_start(&payload, "main", "README.md", 1_000_001).await.optional()?;
    let problems = match &card {
        Some(card) if card.len() > 1_000_000 => vec!["The card is larger than 1 MB.".to_owned()],
        Some(card) => card::problems(&String::from_utf8_lossy(card)),
        None => vec!["There is no card: add a `README.md`.".to_owned()],
    };
    match publish(&hub, &RepoId::from(&payload), &problems).await {
        // The token may not write here, or the repo has no discussions: a retry changes nothing.
        Err(error) if error.status() == Some(403) => Err(error.permanent().into()),
        done => Ok(Note(done?)),
    }
}

/// Opens the report, or updates it. Returns what was done.
async fn publish(hub: &Hub, repo: &RepoId, problems: &[String]) -> Result<String, HubError> {
    let text = report(repo, problems);
    let query = DiscussionQuery::new().pull_requests(false).author(hub.whoami().await?.name);
    let Some(discussions) = hub.discussions(repo, &query).await.optional()? else {
        return Ok(format!("{repo} is gone"));
    };
    let Some(discussion) = discussions.into_iter().find(|it| it.title == TITLE) else {
        if problems.is_empty() {
            return Ok("all good, nothing to report".to_owned());
        }
        let opened = hub.create_discussion(repo, TITLE, &text).await?;
        return Ok(format!("opened discussion {}", opened.num));
    };
    let num = discussion.num;
    // A report that a person has hidden stays as it is.
    let shown = hub.discussion(repo, num).await?.first_comment();
    let Some(shown) = shown.filter(|it| !it.hidden && it.content.trim() != text) else {
        return Ok(format!("nothing has changed in discussion {num}"));
    };
    // The status first: if the edit fails, the next attempt still finds another text.
    let (status, comment) = match problems {
        [] => (DiscussionStatus::Closed, "All good now: the metadata is complete. Thank you!"),
        // Of a complete card, so the bot closed it. What a person has closed stays closed.
        _ if shown.content.trim() == report(repo, &[]) => {
            (DiscussionStatus::Open, "The metadata has problems again: see the report above.")
        }
        _ => (discussion.status.clone(), ""),
    };
    if status != discussion.status {
        hub.set_discussion_status(repo, num, status, Some(comment)).await?;
    }
    hub.edit_comment(repo, num, &shown.id, &text).await?;
    Ok(format!("updated discussion {num}"))
}

/// Returns the report in Markdown.
fn report(repo: &RepoId, problems: &[String]) -> String {
    if problems.is_empty() {
        return "The metadata of this card is complete.".to_owned();
    }
    let page = if repo.repo_type == RepoType::Dataset { "datasets-cards" } else { "model-cards" };
    let list: String = problems.iter().map(|problem| format!("- {problem}\n")).collect();
    format!(
        "The [metadata](https://huggingface.co/docs/hub/{page}) of this card can be improved:\n\n\
         {list}\nThis report is updated when the card changes."
    )
}

webhooks_main!();
