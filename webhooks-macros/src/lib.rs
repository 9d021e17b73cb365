//! The attribute of `webhooks-runtime`, which re-exports it. Depend on that crate, not on this one.
//!
//! Tokens in, tokens out, one stage per file:
//!
//! - `args`, `background`, `queue`, `filter` and `item` parse, with the shared helpers in `parse`
//! - `conditions` expands a function twice where a `#[cfg]` changes its signature
//! - `check` applies every rule; `source` searches the source file for what tokens do not show
//! - `expand` generates the code; `paths` has every path of the runtime in it
//! - `errors` collects all errors, so that they are reported together

mod args;
mod background;
mod check;
mod conditions;
mod errors;
mod expand;
mod filter;
mod item;
mod parse;
mod paths;
mod queue;
mod source;

use proc_macro::TokenStream;

/// Registers a function as a webhook endpoint, at `/webhooks/` and its name.
///
/// ```
/// use webhooks_runtime::{WebhookPayload, webhook_endpoint};
///
/// /// Starts a training run when a dataset changes.
/// #[webhook_endpoint(watch = "dataset:me/data", branch = "main")]
/// async fn trigger_training(payload: WebhookPayload) {
///     // train
/// }
/// ```
///
/// The function stays an ordinary function, which a test can call. Its doc comment is shown on the landing page.
/// The attribute also defines a type of the same name:
///
/// - `trigger_training::PATH` is the path, `"/webhooks/trigger_training"`
/// - `trigger_training::endpoint()` returns the [`Endpoint`], to add it to a server
/// - `trigger_training::launch()` starts a server with all endpoints of the program, and blocks
///
/// # Signature
///
/// The function is an `async fn`, or a `fn`, which runs on a pool of threads so that it may block. It takes up to 12
/// arguments ([`EndpointArg`]), of which any number may read the body. It returns nothing, `web::Json<T>`,
/// `serde_json::Value`, any `Responder` of actix-web, or a `Result` of these ([`EndpointReply`],
/// [`EndpointError`]).
///
/// # Options
///
/// | option | meaning |
/// | --- | --- |
/// | `"/say_hello"`, `path = "/say_hello"` | the path, below `/webhooks`; `/webhooks/x`, `/x`, `x` and `x/` are the same |
/// | `on = "repo.content"` | the events to call the function for: a scope, or an action and a scope (`"create discussion.comment"`), or a list of these |
/// | `watch = "dataset:me/data"` | the repos to call it for: a type and a name (`model`, `dataset`, `space`, `bucket`), an owner (`"org:acme"`, `"user:me"`), or a list of these |
/// | `watch_env = "BOT_WATCH"` | the environment variable with a list of such repos, separated by commas; the program doesn't start without it |
/// | `branch = "main"` | the branches with a new commit to call it for: a name, a glob (`"release/*"`), or a list of these |
/// | `refs = "refs/tags/*"` | the refs that were created, changed or deleted to call it for: a full name, a glob, or a list of these |
/// | `paths = ["data/**", "!README.md"]` | the changed files to call it for, in the background: a glob of their paths, or a list of these; the last one that matches a file decides, and `!` negates it |
/// | `own = true` | a function that takes a `Hub` also gets the comments, discussions and commits that the program made itself; default `false` |
/// | `secret_env = "TRAINING_SECRET"` | the environment variable of this endpoint's own secret; the program doesn't start without it |
/// | `background` | a delivery gets a 202 response as soon as it is stored; the function runs later, and again when it fails |
/// | `background(attempts = 5)` | the same, with any of these options: |
/// | `attempts = 5` | the maximum number of attempts, up to 1000; default 5 |
/// | `timeout = "2h"` | the maximum time for one attempt, up to 365 days; default `"24h"` |
/// | `concurrency = 1` | the most deliveries that run at the same time, in all replicas together, up to 10,000; default 16 |
/// | `backoff = "10s..30m"` | the wait after the first failed attempt, doubled after each further one, and the longest wait, up to 30 days; `"10s"` waits the same time after each; default `"10s..30m"` |
/// | `dedup_window = "2m"` | for how long after its arrival another delivery with its id is a duplicate and does not run, up to 7 days; default `"2m"` |
/// | `key = "repo"` | what groups deliveries, of which one per key runs at a time, in all replicas together: `"repo"`, `"discussion"`, `"ref"`, or a function, `key = by_owner`, from `&WebhookPayload` to `String` |
/// | `latest` | with `key`: a newer delivery replaces the queued ones of its key, and brings their changes; `latest = "cancel"` also stops a running one |
/// | `debounce = "5m..30m"` | with `key`: like `latest`, and a delivery runs once no other one of its key has arrived for the first time, at the latest after the second, up to 30 days; `"5m"` waits at most six times as long |
/// | `crate = my_name` | the name of `webhooks-runtime` in your crate, when you renamed it |
///
/// ```
/// use webhooks_runtime::{WebhookPayload, webhook_endpoint};
///
/// #[webhook_endpoint(path = "/training", secret_env = "TRAINING_SECRET")]
/// async fn trigger_training(payload: WebhookPayload) -> Result<(), std::io::Error> {
///     Ok(())
/// }
///
/// assert_eq!(trigger_training::PATH, "/webhooks/training");
/// ```
///
/// # Filters
///
/// `on`, `watch`, `watch_env`, `branch`, `refs` and `paths` select the deliveries that the function is for. A delivery
/// that does not match one of them gets a 200 response, `{"skipped": "branch: no commit to main"}`, and the function is
/// not called. So the Hub neither retries such a delivery nor suspends the webhook.
///
/// ```
/// use webhooks_runtime::testing::{TestClient, comment_created, dataset_commit};
/// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint(watch = "dataset:me/data", on = "repo.content", branch = "main")]
/// async fn retrain(payload: WebhookPayload) {
///     // train
/// }
///
/// let client = TestClient::new(WebhooksServer::empty().endpoint(retrain::endpoint()))?;
/// let post = |sample| client.post(retrain::PATH, sample).send();
///
/// assert_eq!(post(dataset_commit().repo("me/data")).skipped(), None);
/// assert_eq!(
///     post(dataset_commit().repo("me/data").branch("dev")).skipped(),
///     Some("branch: no commit to main")
/// );
/// assert_eq!(post(comment_created()).skipped(), Some("on: the event is not repo.content"));
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
///
/// `on` has the scopes `repo` (`create`, `delete`, `move`, `update`), `repo.content` (`update`), `repo.config`
/// (`update`), `discussion` (`create`, `delete`, `update`) and `discussion.comment` (`create`, `update`). None of them
/// includes another. `branch` and `refs` restrict only `repo.content`, which is the default of `on` with them: of both,
/// one has to match. In a glob, `*` does not match `/`. `**` does, as a whole segment: `release/**`. [`Filter`] has the
/// details.
///
/// `paths` restricts `repo.content`, too. Only the Hub knows which files a commit changes, so it needs `background` and
/// a token, and is checked before each attempt. A delivery whose files do not match ends as done, without a call of the
/// function. If the Hub cannot be asked, the function runs: a filter never loses a delivery because of the network.
///
/// # The Hub as an argument
///
/// A function that takes a `Hub` acts on the Hub with the program's token: it comments, commits, restarts a Space. The
/// server finds the token at the start, or `WebhooksServer::hub` sets the client. Both need the Cargo feature `hub`.
///
/// Such a function does not get what the program caused itself: a comment or a discussion that the token's account
/// wrote, and a push whose commits were all made through the `Hub`, in this program, within the last hour. Other events,
/// such as a discussion that was closed, do not show who caused them, and are not skipped. The token is often your own:
/// then your own comments are skipped, too. `own = true` lets all of them through. The server does not start if `own` is
/// set for a function that takes no `Hub`.
///
/// While the account is unknown, because the Hub does not respond, comments and discussions get a 503 response, and
/// the Hub sends them again. A background delivery waits, which does not count as an attempt.
///
/// ```
/// use webhooks_runtime::testing::{HubStub, TestClient, comment_created};
/// use webhooks_runtime::{Hub, HubError, WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// /// Reports the account that it acts with.
/// #[webhook_endpoint(on = "create discussion.comment")]
/// async fn who(payload: WebhookPayload, hub: Hub) -> Result<String, HubError> {
///     Ok(hub.whoami().await?.name)
/// }
///
/// let stub = HubStub::new();
/// let server = WebhooksServer::empty().endpoint(who::endpoint()).hub(stub.hub());
/// let client = TestClient::new(server)?;
///
/// assert_eq!(client.post(who::PATH, comment_created()).send().text(), "bot");
///
/// let mut own: WebhookPayload = comment_created().into();
/// own.comment.as_mut().unwrap().author.id = HubStub::ACCOUNT_ID.to_owned();
/// let response = client.post(who::PATH, own).send();
/// assert_eq!(
///     response.skipped(),
///     Some("own: the comment was written by bot, the account of this program")
/// );
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
///
/// # Background functions
///
/// A function that takes longer than the Hub waits, or whose deliveries must not be lost, runs in the background. It
/// takes up to 12 of `WebhookPayload`, `web::Json<T>`, `web::Data<T>`, `Delivery` and `Hub` ([`BackgroundArg`]), and
/// returns nothing, a `Note`, or a `Result` of these ([`BackgroundReply`]). The future of an `async fn` is `Send`.
///
/// ```
/// use webhooks_runtime::{Delivery, Permanent, WebhookPayload, webhook_endpoint};
///
/// #[webhook_endpoint(background(attempts = 3, timeout = "2h", concurrency = 1))]
/// async fn trigger_training(payload: WebhookPayload, delivery: Delivery) -> Result<(), Permanent> {
///     tracing::info!("attempt {} of {}", delivery.attempt, delivery.max_attempts);
///     if payload.repo.private {
///         // Not retried.
///         return Err(Permanent::new("private datasets are not for training"));
///     }
///     // train
///     Ok(())
/// }
/// ```
///
/// # Deliveries that belong together
///
/// With `key`, the deliveries of one repo, discussion or ref run one after the other, in order of arrival. With `latest`,
/// the newest one replaces the ones that are still queued: five commits in a minute are one training. Its payload has the
/// changes of all of them, so none is lost: for each ref the first `old_sha` and the last `new_sha`, for each file of a
/// bucket the last action. Only updates of `repo.content` and `repo.config` replace each other. Any other event keeps its
/// place, and nothing is replaced across it.
///
/// ```
/// use webhooks_runtime::{Delivery, WebhookPayload, webhook_endpoint};
///
/// /// Trains once nobody has committed for five minutes, at the latest after half an hour.
/// #[webhook_endpoint(
///     watch = "dataset:me/data",
///     branch = "main",
///     background(key = "repo", debounce = "5m..30m", timeout = "6h")
/// )]
/// async fn retrain(payload: WebhookPayload, delivery: Delivery) {
///     tracing::info!("trains for {} deliveries", 1 + delivery.merged().len());
/// }
///
/// /// One review at a time for each owner.
/// #[webhook_endpoint(on = "create discussion", background(key = owner))]
/// async fn review(payload: WebhookPayload) {}
///
/// fn owner(payload: &WebhookPayload) -> String {
///     payload.repo.name.split('/').next().unwrap_or_default().to_owned()
/// }
/// ```
///
/// [`BackgroundArg`]: ../webhooks_runtime/trait.BackgroundArg.html
/// [`BackgroundReply`]: ../webhooks_runtime/trait.BackgroundReply.html
/// [`Endpoint`]: ../webhooks_runtime/struct.Endpoint.html
/// [`EndpointArg`]: ../webhooks_runtime/trait.EndpointArg.html
/// [`EndpointError`]: ../webhooks_runtime/trait.EndpointError.html
/// [`Filter`]: ../webhooks_runtime/struct.Filter.html
/// [`EndpointReply`]: ../webhooks_runtime/trait.EndpointReply.html
#[proc_macro_attribute]
pub fn webhook_endpoint(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::webhook_endpoint(args.into(), item.into()).into()
}
