mod card;
#[cfg(test)]
mod tests;

use webhooks_runtime::hub::{DiscussionEventKind, DiscussionQuery, OptionalExtension};
use webhooks_runtime::{
    DiscussionStatus, Hub, HubError, Note, RepoId, WebhookPayload, webhook_endpoint, webhooks_main,
};

/// The title of the report, by which the bot finds it again.
const TITLE: &str = "Metadata review";

/// Reviews the metadata of a model card when the model changes.
#[webhook_endpoint(
    watch_env = "REVIEW_WATCH",
    on = "repo.content",
    branch = "main",
    background(key = "repo", latest, attempts = 5, timeout = "5m")
)]
async fn review(payload: WebhookPayload, hub: Hub) -> anyhow::Result<Note> {
    // An owner's webhook is also triggered by datasets and Spaces.
    if payload.repo.repo_type != "model" {
        return Ok(Note("not a model"));
    }
    // The newest card, not that of the commit: another commit may be on main by now.
    let card = hub.file_bytes(&payload, "main", "README.md").await.optional()?;
    let problems = match &card {
        Some(card) => card::problems(&String::from_utf8_lossy(card)),
        None => vec!["There is no model card: add a `README.md`.".to_owned()],
    };
    Ok(Note(publish(&hub, &RepoId::from(&payload), &problems).await?))
}

/// Opens the report, or updates it. Returns what was done.
async fn publish(hub: &Hub, model: &RepoId, problems: &[String]) -> Result<String, HubError> {
    let text = report(problems);
    let query = DiscussionQuery::new().pull_requests(false).author(hub.whoami().await?.name);
    let discussions = hub.discussions(model, &query).await?;
    let Some(discussion) = discussions.into_iter().find(|it| it.title == TITLE) else {
        if problems.is_empty() {
            return Ok("all good, nothing to report".to_owned());
        }
        let opened = hub.create_discussion(model, TITLE, &text).await?;
        return Ok(format!("opened discussion {}", opened.num));
    };
    let num = discussion.num;
    let details = hub.discussion(model, num).await?;
    // The first comment is the report. One that a person has hidden stays as it is.
    let first = details.events.iter().find_map(|event| match &event.kind {
        DiscussionEventKind::Comment { content, hidden, .. } => Some((event, content, *hidden)),
        _ => None,
    });
    let Some((first, shown, false)) = first.filter(|(_, content, _)| content.trim() != text) else {
        return Ok(format!("nothing has changed in discussion {num}"));
    };
    // The status first: if the edit fails, the next attempt still finds another text.
    let change = match problems {
        [] => {
            Some((DiscussionStatus::Closed, "All good now: the metadata is complete. Thank you!"))
        }
        // Of a complete card, so the bot closed it. What a person has closed stays closed.
        _ if shown.trim() == report(&[]) => {
            Some((DiscussionStatus::Open, "The metadata has problems again: see the report above."))
        }
        _ => None,
    };
    if let Some((status, comment)) = change.filter(|(status, _)| *status != discussion.status) {
        hub.set_discussion_status(model, num, status, Some(comment)).await?;
    }
    hub.edit_comment(model, num, &first.id, &text).await?;
    Ok(format!("updated discussion {num}"))
}

/// Returns the report in Markdown.
fn report(problems: &[String]) -> String {
    if problems.is_empty() {
        return "The metadata of this model card is complete.".to_owned();
    }
    let list: String = problems.iter().map(|problem| format!("- {problem}\n")).collect();
    format!(
        "The [metadata](https://huggingface.co/docs/hub/model-cards#model-card-metadata) of this \
         model card can be improved:\n\n{list}\nThis report is updated when the card changes."
    )
}

webhooks_main!();
