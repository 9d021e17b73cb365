mod chat;
#[cfg(test)]
mod tests;

use chat::Chat;
use pulldown_cmark::{Event, Parser, Tag, TagEnd, TextMergeStream};
use webhooks_runtime::{
    Hub, MarkPermanent, Note, WebhookPayload, WebhooksServer, hub::Comment, serde_json::Value,
    serde_json::json, web, webhook_endpoint, webhooks_main,
};

/// The most replies in one discussion. Two bots that mention each other stop here.
const MAX_REPLIES: usize = 20;
/// The most comments that the model reads: the newest, and 2,000 characters of each.
const MAX_COMMENTS: usize = 20;

/// Replies to a comment that mentions the bot.
#[webhook_endpoint(
    watch_env = "BOT_WATCH",
    on = ["create discussion", "create discussion.comment"],
    background(key = "discussion", attempts = 5, timeout = "5m", concurrency = 4)
)]
async fn reply(payload: WebhookPayload, hub: Hub, chat: web::Data<Chat>) -> anyhow::Result<Note> {
    let bot = hub.whoami().await?.name;
    let comment = payload.new_comment().filter(|it| mentions(it.content, &format!("@{bot}")));
    let (Some(comment), Some(discussion)) = (comment, &payload.discussion) else {
        return Ok(Note("the bot is not mentioned"));
    };
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
    let Some(at) = comments.iter().position(|it| it.id == comment.id) else {
        let is_hidden = details.events.iter().any(|event| event.id == comment.id);
        anyhow::ensure!(is_hidden, "the Hub does not list the comment yet");
        return Ok(Note("the comment is hidden"));
    };
    // The comments after it have their own deliveries.
    let messages = messages(&details.discussion.title, &comments[..=at], &bot);
    let model = chat.model.clone();
    let answer = web::block(move || chat.complete(&messages)).await??;
    // As a quote, the text of a model does not pass for anything else.
    let text: String = answer.split(['\n', '\r']).map(|line| format!("> {line}\n")).collect();
    let note = Note(format!("replied with {} characters", answer.chars().count()));
    match hub.reply(&payload, &format!("{text}\n{model}, in reply to [this comment]{link}")).await {
        // The token may not write here. Another attempt would ask the model in vain.
        Err(error) if error.status() == Some(403) => Err(error.permanent().into()),
        reply => Ok(reply.map(|_| note)?),
    }
}

/// Returns whether a text in Markdown has this mention, outside of quotes and code.
fn mentions(text: &str, mention: &str) -> bool {
    let is_mention = |word: &str| word.trim_end_matches('.').eq_ignore_ascii_case(mention);
    let is_separator = |c: char| !c.is_ascii_alphanumeric() && !"@-_./".contains(c);
    let mut depth = 0;
    TextMergeStream::new(Parser::new(text)).any(|event| {
        depth += match event {
            Event::Start(Tag::BlockQuote(_) | Tag::CodeBlock(_)) => 1,
            Event::End(TagEnd::BlockQuote(_) | TagEnd::CodeBlock) => -1,
            _ => 0,
        };
        matches!(event, Event::Text(text) if depth == 0 && text.split(is_separator).any(is_mention))
    })
}

/// Returns a discussion as the messages of a chat, in which the user and the assistant take turns.
fn messages(title: &str, comments: &[Comment], bot: &str) -> Vec<Value> {
    let instruction = format!(
        "You are {bot}, a bot in a discussion on the Hugging Face Hub. Reply to the last comment, \
         briefly and in its language. If you do not know, say so."
    );
    let mut messages = vec![("system", instruction), ("user", format!("Title: {title:.200}"))];
    for Comment { author, content, .. } in comments.iter().rev().take(MAX_COMMENTS).rev() {
        let quote: Vec<_> = content.lines().filter_map(|line| line.strip_prefix("> ")).collect();
        let (role, text) = match author.as_deref() {
            Some(author) if author == bot && !quote.is_empty() => ("assistant", quote.join("\n")),
            author => ("user", format!("{}: {content}", author.unwrap_or("someone"))),
        };
        match messages.last_mut() {
            Some((last, message)) if *last == role => *message += &format!("\n\n{text:.2000}"),
            _ => messages.push((role, format!("{text:.2000}"))),
        }
    }
    messages.iter().map(|(role, content)| json!({ "role": role, "content": content })).collect()
}

webhooks_main!(Chat::from_env().map(|chat| WebhooksServer::new().data(chat)));
