//! What people write who expect the attribute to work in another way.

use webhooks_runtime::webhook_endpoint;
const PATH: &str = "/x";

#[webhook_endpoint(PATH)]
async fn constant() {}

#[webhook_endpoint((PATH))]
async fn constant_in_parentheses() {}

#[webhook_endpoint(path = PATH)]
async fn constant_after_key() {}

#[webhook_endpoint(concat!("/a", "b"))]
async fn macro_call() {}

#[webhook_endpoint(path = concat!("/a", "b"))]
async fn macro_call_after_key() {}

#[webhook_endpoint("https://me-bot.hf.space/webhooks/train?x=1")]
async fn url() {}

#[webhook_endpoint("https://me-bot.hf.space")]
async fn url_without_path() {}

#[webhook_endpoint("C:\\hooks\\train")]
async fn windows_path() {}

#[webhook_endpoint("hooks\\train")]
async fn backslash() {}

#[webhook_endpoint(retries = 3)]
async fn retries() {}

#[webhook_endpoint(secret = "my_secret")]
async fn secret() {}

#[webhook_endpoint(background(retries = 3))]
async fn retries_of_background() {}

#[webhook_endpoint(atempts = 3)]
async fn misspelled() {}

#[webhook_endpoint(self::PATH)]
async fn constant_of_module() {}

#[webhook_endpoint(zzz = 3)]
async fn unknown() {}

#[webhook_endpoint(backgruond)]
async fn misspelled_background() {}

#[webhook_endpoint(background(timeout = Duration::from_secs(3)))]
async fn code_for_a_duration() {}

fn main() {}
