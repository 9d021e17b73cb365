mod chat;
#[cfg(test)]
mod tests;

use chat::Chat;
use pulldown_cmark::{Event, Parser, Tag, TagEnd, TextMergeStream};
use webhooks_runtime::{Hub, MarkPermanent, Note, WebhookPayload, WebhooksServer, hub::Comment};
use webhooks_runtime::{serde_json::json, web, webhook_endpoint, webhooks_main};

/// The most replies in one discussion. Two bots that mention each other stop here.
const MAX_REPLIES: usize = 20;
/// The most comments that the model reads: the newest, and 2,000 characters of each.
const MAX_COMMENTS: usize = 20;
/// The end of each reply, before the id of the comment. The bot's account may write others.
const REPLY: &str = "in reply to [this comment](#";

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
    let details = hub.discussion_without_diff(&payload, discussion.num).await?;
    let comments = details.comments();
    let is_own = |it: &&Comment| it.author.as_ref() == Some(&bot) && it.content.contains(REPLY);
    let own: Vec<_> = comments.iter().filter(is_own).collect();
    // An earlier attempt may have replied, and failed afterwards.
    let end = format!("{REPLY}{})", comment.id);
    if own.iter().any(|reply| reply.content.ends_with(&end)) {
        return Ok(Note("there is a reply already"));
    }
    if own.len() >= MAX_REPLIES {
        return Ok(Note(format!("the discussion has {MAX_REPLIES} replies already")));
    }
    let Some(at) = comments.iter().position(|it| it.id == comment.id) else {
        let is_hidden = details.events.iter().any(|event| event.id == comment.id);
        anyhow::ensure!(is_hidden, "the Hub does not list the comment yet");
        return Ok(Note("the comment is hidden"));
    };
    // The comments after it have their own deliveries. In JSON, no author can pose as another one.
    let turn = |it: &Comment| json!({ "by": it.author, "text": format!("{:.2000}", it.content) });
    let newest: Vec<_> = comments[..=at].iter().rev().take(MAX_COMMENTS).rev().map(turn).collect();
    let discussion = json!({ "you": bot, "title": details.discussion.title, "comments": newest });
    let model = chat.model.clone();
    let answer = web::block(move || chat.reply_to(&discussion)).await??;
    match hub.reply(&payload, &format!("{}\n{model}, {end}", quote(&answer))).await {
        Ok(_) => Ok(Note(format!("replied with {} characters", answer.chars().count()))),
        Err(error) if error.status() != Some(403) => Err(error.into()),
        Err(_) if details.locked => Ok(Note("the discussion is locked")),
        // The token may not write here. Another attempt would ask the model in vain.
        Err(error) => Err(error.permanent().into()),
    }
}

/// Returns whether a text in Markdown has this mention, outside of quotes and code.
fn mentions(text: &str, mention: &str) -> bool {
    let is_mention = |word: &str| word.trim_end_matches('.').eq_ignore_ascii_case(mention);
    let is_separator = |c: char| !c.is_ascii_alphanumeric() && !"@-_./".contains(c);
    let mut depth = 0;
    TextMergeStream::new(Parser::new(text)).any(|event| {
        depth += i32::from(matches!(event, Event::Start(Tag::BlockQuote(_) | Tag::CodeBlock(_))));
        depth -= i32::from(matches!(event, Event::End(TagEnd::BlockQuote(_) | TagEnd::CodeBlock)));
        matches!(event, Event::Text(text) if depth == 0 && text.split(is_separator).any(is_mention))
    })
}

/// Quotes the text of a model, which strangers may dictate: it mentions nobody, except in code.
fn quote(answer: &str) -> String {
    let (mut text, mut is_code) = (answer.to_owned(), false);
    let events: Vec<_> = Parser::new(answer).into_offset_iter().collect();
    for (event, place) in events.into_iter().rev() {
        is_code ^= matches!(event, Event::Start(Tag::CodeBlock(_)) | Event::End(TagEnd::CodeBlock));
        let (Event::Text(part) | Event::Html(part) | Event::InlineHtml(part)) = event else {
            continue;
        };
        if part.contains('@') && !is_code {
            text.replace_range(place, &part.replace("@\u{2060}", "@").replace('@', "@\u{2060}"));
        }
    }
    let lines = || text.split(['\n', '\r']).map(|line| format!("> {line}\n"));
    if text == answer { lines().collect() } else { quote(&text) }
}

webhooks_main!(Chat::from_env().map(|chat| WebhooksServer::new().data(chat)));
