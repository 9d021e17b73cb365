mod chat;
#[cfg(test)]
mod tests;

use webhooks_runtime::hub::Comment;
use webhooks_runtime::serde_json::{Value, json};
use webhooks_runtime::{
    Hub, Note, WebhookPayload, WebhooksServer, web, webhook_endpoint, webhooks_main,
};

use chat::Chat;

/// The most replies in one discussion. Two bots that mention each other stop here.
const MAX_REPLIES: usize = 20;

/// The most comments that the model reads: the newest.
const MAX_COMMENTS: usize = 30;

/// Replies to a comment that mentions the bot.
#[webhook_endpoint(
    watch_env = "BOT_WATCH",
    on = ["create discussion", "create discussion.comment"],
    background(key = "discussion", attempts = 5, timeout = "5m", concurrency = 4)
)]
async fn reply(payload: WebhookPayload, hub: Hub, chat: web::Data<Chat>) -> anyhow::Result<Note> {
    let bot = hub.whoami().await?.name;
    let comment = payload.new_comment().filter(|comment| mentions(comment.content, &bot));
    let (Some(comment), Some(discussion)) = (comment, &payload.discussion) else {
        return Ok(Note("the bot is not mentioned"));
    };
    anyhow::ensure!(comment.id.bytes().all(|it| it.is_ascii_alphanumeric()), "invalid comment id");
    let details = hub.discussion(&payload, discussion.num).await?;
    let comments = details.comments();
    let own = comments.iter().filter(|comment| comment.author.as_ref() == Some(&bot));
    // Each reply ends with such a link. An earlier attempt may have replied, and failed afterwards.
    let link = format!("(#{})", comment.id);
    if own.clone().any(|reply| reply.content.ends_with(&link)) {
        return Ok(Note("there is a reply already"));
    }
    if own.count() >= MAX_REPLIES {
        return Ok(Note(format!("the discussion has {MAX_REPLIES} replies already")));
    }
    let messages = messages(&details.discussion.title, &comments, &bot);
    let model = chat.model.clone();
    let answer = web::block(move || chat.complete(&messages)).await??;
    // As a quote, the text of a model does not pass for anything else.
    let quote: String = answer.split(['\n', '\r']).map(|line| format!("> {line}\n")).collect();
    hub.reply(&payload, &format!("{quote}\n{model}, in reply to [this comment]{link}")).await?;
    Ok(Note(format!("replied with {} characters", answer.chars().count())))
}

/// Returns whether a text mentions an account, outside of quotes.
fn mentions(text: &str, account: &str) -> bool {
    let is_separator = |c: char| !c.is_ascii_alphanumeric() && !"@-_.".contains(c);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('>'));
    let mut words = lines.flat_map(|line| line.split(is_separator));
    words.any(|word| word.trim_end_matches('.').strip_prefix('@') == Some(account))
}

/// Returns a discussion as the messages of a chat.
fn messages(title: &str, comments: &[Comment], bot: &str) -> Vec<Value> {
    let instruction = format!(
        "You are {bot}, a bot in a discussion on the Hugging Face Hub. Reply to the last comment \
         that mentions @{bot}, briefly and in its language. If you do not know, say so."
    );
    let mut messages = vec![
        json!({ "role": "system", "content": instruction }),
        json!({ "role": "user", "content": format!("Title of the discussion: {title}") }),
    ];
    for Comment { author, content, .. } in &comments[comments.len().saturating_sub(MAX_COMMENTS)..]
    {
        let (role, text) = if author.as_deref() == Some(bot) {
            let quote = content.lines().filter_map(|line| line.strip_prefix("> "));
            ("assistant", quote.collect::<Vec<_>>().join("\n"))
        } else {
            ("user", format!("{}: {content}", author.as_deref().unwrap_or("someone")))
        };
        messages.push(json!({ "role": role, "content": format!("{text:.4000}") }));
    }
    messages
}

fn server() -> anyhow::Result<WebhooksServer> {
    Ok(WebhooksServer::new().data(Chat::from_env()?))
}

webhooks_main!(server());
