use webhooks_runtime::{WebhookPayload, webhook_endpoint};

fn by_owner(payload: &WebhookPayload) -> String {
    payload.repo.name.split('/').next().unwrap_or_default().to_owned()
}

#[webhook_endpoint(background(key = "repos"))]
async fn similar_word() {}

#[webhook_endpoint(background(key = "branch"))]
async fn word_by_meaning() {}

#[webhook_endpoint(background(key = "by_owner"))]
async fn function_in_quotes() {}

#[webhook_endpoint(background(key = "the repo"))]
async fn no_word() {}

#[webhook_endpoint(background(key = 1))]
async fn other_kind_of_value() {}

#[webhook_endpoint(background(key = |payload| payload.repo.name.clone()))]
async fn closure() {}

#[webhook_endpoint(background(key = by_owner(payload)))]
async fn call() {}

#[webhook_endpoint(background(key))]
async fn no_value() {}

#[webhook_endpoint(key = "repo")]
async fn without_background() {}

#[webhook_endpoint(background(latest))]
async fn latest_without_key() {}

#[webhook_endpoint(background(latest, debounce = "5m"))]
async fn both_without_key() {}

#[webhook_endpoint(background(key = "discussion", latest))]
async fn latest_discussion() {}

#[webhook_endpoint(background(debounce = "5m", key = "discussion"))]
async fn debounced_discussion() {}

#[webhook_endpoint(background(key = "repo", latest = true))]
async fn latest_with_a_value() {}

#[webhook_endpoint(background(key = "repo", latest = "stop"))]
async fn latest_with_another_word() {}

#[webhook_endpoint(background(key = "repo", latest("cancel")))]
async fn latest_with_parentheses() {}

#[webhook_endpoint(background(key = "repo", latest = "cancel"))]
fn cancel_a_thread() {}

#[webhook_endpoint(background(key = "repo", latest, latest = "cancel"))]
async fn latest_twice() {}

#[webhook_endpoint(background(key = "repo", debounce = 5))]
async fn no_text_to_wait() {}

#[webhook_endpoint(background(key = "repo", debounce = "5m to 30m"))]
async fn no_time_to_wait() {}

#[webhook_endpoint(background(key = "repo", debounce = "30m..5m"))]
async fn the_wrong_way_round() {}

#[webhook_endpoint(background(key = "repo", debounce = "0s"))]
async fn no_wait() {}

#[webhook_endpoint(background(key = "repo", debounce = "10d"))]
async fn a_long_wait() {}

#[webhook_endpoint(background(group_by = "repo"))]
async fn other_name() {}

#[webhook_endpoint(debounce = "5m")]
async fn debounce_without_background() {}

#[webhook_endpoint(latest)]
async fn latest_outside_of_background() {}

fn main() {}
