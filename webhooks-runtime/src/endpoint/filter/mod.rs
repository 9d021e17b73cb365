//! Selects the deliveries that a function is for: the keys `on`, `watch`, `watch_env`, `branch`, `refs` and `paths` of
//! the attribute, and the same for `add_filtered_webhook`.
//!
//! - `event`, `watch`, `refs` and `paths` parse the values of one key each, and match them; `globstars` checks each `**`
//! - `conditions` decides whether a delivery matches
//! - `resolve` checks a filter, `words` describes it, and `lists` joins its values in a text
//! - `values` lists its values for a command
//! - `domains` is what a webhook on the Hub has to send for it
//! - `keys` is a filter as the attribute writes it, `error` an invalid one

mod conditions;
mod domains;
mod error;
mod event;
mod globstars;
mod keys;
mod lists;
mod paths;
mod refs;
mod resolve;
#[cfg(test)]
mod tests;
mod values;
mod watch;
mod words;

pub(crate) use conditions::{Conditions, Verdict, is_truncated};
pub(crate) use domains::EventDomains;
pub use error::FilterError;
pub use event::SCOPES;
pub use keys::FilterKeys;
pub(crate) use values::FilterValues;
pub use watch::TYPES;
pub(crate) use watch::WatchedRepo;

use event::EventPattern;
use paths::PathPattern;
use refs::RefPattern;

/// The deliveries that a function is for. Any other delivery gets a 200 response with the reason, and the function is
/// not called.
///
/// A delivery matches if it matches every key that has a value. A method that is called again adds a value, of which
/// one has to match. The attribute has the same keys: `#[webhook_endpoint(on = "repo.content", branch = "main")]`.
///
/// An invalid value is an error when the server starts. `Display` describes the filter in words.
///
/// ```
/// use webhooks_runtime::testing::{TestClient, comment_created, dataset_commit};
/// use webhooks_runtime::{Filter, WebhookPayload, WebhooksServer};
///
/// async fn retrain(payload: WebhookPayload) {
///     // train
/// }
///
/// let filter = Filter::new().watch("dataset:me/data").branch("main");
/// assert_eq!(filter.to_string(), "commits to `main` of dataset me/data");
///
/// let server = WebhooksServer::empty().add_filtered_webhook("/retrain", filter, retrain);
/// let client = TestClient::new(server)?;
/// let post = |sample| client.post("/webhooks/retrain", sample).send();
///
/// assert_eq!(post(dataset_commit().repo("me/data")).skipped(), None);
/// let other = post(dataset_commit().repo("me/other"));
/// assert_eq!(other.status(), 200);
/// assert_eq!(other.skipped(), Some("watch: the repo is not dataset:me/data"));
/// assert_eq!(post(comment_created()).skipped(), Some("on: the event is not repo.content"));
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Filter {
    conditions: Conditions,
    watch_env: Option<String>,
    /// Of values that could not be parsed.
    errors: Vec<FilterError>,
}

impl Filter {
    /// Returns a filter that every delivery matches.
    ///
    /// ```
    /// use webhooks_runtime::Filter;
    /// use webhooks_runtime::testing::dataset_commit;
    ///
    /// assert_eq!(Filter::new().skip_reason(&dataset_commit().into())?, None);
    /// # Ok::<(), webhooks_runtime::FilterError>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event: `"scope"` for any action, or `"action scope"`.
    ///
    /// | scope | actions |
    /// | --- | --- |
    /// | `repo` | `create`, `delete`, `move`, `update` |
    /// | `repo.content` | `update` |
    /// | `repo.config` | `update` |
    /// | `discussion` | `create`, `delete`, `update` |
    /// | `discussion.comment` | `create`, `update` |
    ///
    /// A scope does not include the narrower ones in this table: `repo` is not `repo.content`. A narrower one that the
    /// Hub adds later counts as an `update` of the nearest scope in the table.
    ///
    /// ```
    /// use webhooks_runtime::Filter;
    /// use webhooks_runtime::testing::{comment_created, comment_hidden, discussion_opened};
    ///
    /// let filter = Filter::new().on("discussion").on("create discussion.comment");
    /// assert_eq!(filter.to_string(), "discussions and new comments");
    ///
    /// assert_eq!(filter.skip_reason(&discussion_opened().into())?, None);
    /// assert_eq!(filter.skip_reason(&comment_created().into())?, None);
    /// assert!(filter.skip_reason(&comment_hidden().into())?.is_some()); // an update of a comment
    /// # Ok::<(), webhooks_runtime::FilterError>(())
    /// ```
    pub fn on(mut self, event: &str) -> Self {
        match EventPattern::parse(event) {
            Ok(pattern) => self.conditions.on.push(pattern),
            Err(reason) => self.errors.push(FilterError::value("on", event, reason)),
        }
        self
    }

    /// Adds a repo: `"type:name"`, with the type `model`, `dataset`, `space` or `bucket`; or all repos of an owner:
    /// `"org:name"` or `"user:name"`.
    ///
    /// ```
    /// use webhooks_runtime::Filter;
    /// use webhooks_runtime::testing::comment_created;
    ///
    /// let filter = Filter::new().watch("org:acme").watch("model:me/tiny");
    /// assert_eq!(filter.to_string(), "all events of any repo of org acme or model me/tiny");
    ///
    /// assert_eq!(filter.skip_reason(&comment_created().repo("acme/large").into())?, None);
    /// assert!(filter.skip_reason(&comment_created().repo("me/large").into())?.is_some());
    /// # Ok::<(), webhooks_runtime::FilterError>(())
    /// ```
    pub fn watch(mut self, repo: &str) -> Self {
        match WatchedRepo::parse(repo) {
            Ok(repo) => self.conditions.watch.push(repo),
            Err(reason) => self.errors.push(FilterError::value("watch", repo, reason)),
        }
        self
    }

    /// Adds the repos in an environment variable, a list with commas: `dataset:me/data,org:acme`. It is read when the
    /// server starts, and must be set. So one program can serve several teams. Another call replaces the variable.
    ///
    /// A [`TestClient`](crate::testing::TestClient) does not read it: every repo matches there, unless
    /// [`watch`](Self::watch) lists some.
    ///
    /// ```
    /// use webhooks_runtime::Filter;
    ///
    /// let filter = Filter::new().on("discussion").watch_env("BOT_WATCH");
    /// assert_eq!(filter.to_string(), "discussions of the repos in `BOT_WATCH`");
    /// ```
    pub fn watch_env(mut self, variable: &str) -> Self {
        self.watch_env = Some(variable.to_owned());
        self
    }

    /// Adds a branch by its name or a glob. In a glob, `*` matches any characters except `/`. `**` also matches `/`,
    /// and is a whole segment: `release/**`, but not `release**`. `?` matches one ASCII character except `/`, `[0-9]`
    /// one of several ASCII characters, and `{main,dev}` one of two texts.
    ///
    /// It restricts only the scope `repo.content`, and is its only scope if [`on`](Self::on) has none. It matches a
    /// delivery with a new commit on the branch, and never tags, pull requests, or the deletion of a branch.
    ///
    /// ```
    /// use webhooks_runtime::Filter;
    /// use webhooks_runtime::testing::{dataset_commit, tag_deleted};
    ///
    /// let filter = Filter::new().branch("main").branch("release/*");
    /// assert_eq!(filter.skip_reason(&dataset_commit().branch("release/2").into())?, None);
    /// assert_eq!(
    ///     filter.skip_reason(&tag_deleted().into())?.as_deref(),
    ///     Some("branch: no commit to main or release/*")
    /// );
    /// # Ok::<(), webhooks_runtime::FilterError>(())
    /// ```
    pub fn branch(mut self, name: &str) -> Self {
        match RefPattern::parse_branch(name) {
            Ok(pattern) => self.conditions.branch.push(pattern),
            Err(reason) => self.errors.push(FilterError::value("branch", name, reason)),
        }
        self
    }

    /// Adds a ref by its full name or a glob, such as `refs/tags/*`, whether it was created, changed or deleted.
    ///
    /// It restricts the scope `repo.content` like [`branch`](Self::branch). With both, one of them has to match.
    ///
    /// ```
    /// use webhooks_runtime::Filter;
    /// use webhooks_runtime::testing::{dataset_commit, tag_deleted};
    ///
    /// let filter = Filter::new().refs("refs/tags/*");
    /// assert_eq!(filter.skip_reason(&tag_deleted().into())?, None);
    /// assert_eq!(
    ///     filter.skip_reason(&dataset_commit().into())?.as_deref(),
    ///     Some("refs: no change of refs/tags/*")
    /// );
    /// # Ok::<(), webhooks_runtime::FilterError>(())
    /// ```
    pub fn refs(mut self, name: &str) -> Self {
        match RefPattern::parse_ref(name) {
            Ok(pattern) => self.conditions.refs.push(pattern),
            Err(reason) => self.errors.push(FilterError::value("refs", name, reason)),
        }
        self
    }

    /// Adds files by a glob of their paths, such as `data/**`. A `!` before the glob negates it: `!README.md`.
    ///
    /// Of the globs that match the path of a file, the last one decides. If all globs are negated, every other file
    /// matches. A delivery matches if it changes at least one file that matches. With [`branch`](Self::branch) or
    /// [`refs`](Self::refs), only the changes of matching refs count. It restricts the scope `repo.content` like
    /// these.
    ///
    /// Only a background endpoint can have it, since the Hub has to be asked for the changed files of a commit: write
    /// `#[webhook_endpoint(paths = "data/**", background)]`. The server does not start if an endpoint of
    /// [`add_filtered_webhook`](crate::WebhooksServer::add_filtered_webhook) has it. [`skip_reason`](Self::skip_reason)
    /// does not ask the Hub. It knows the files of a bucket's delivery, and matches every commit.
    ///
    /// ```
    /// use webhooks_runtime::Filter;
    /// use webhooks_runtime::testing::bucket_files;
    ///
    /// let filter = Filter::new().paths("data/**").paths("!data/README.md");
    /// assert_eq!(filter.to_string(), "content changes that touch `data/**` but not `data/README.md`");
    ///
    /// let reason = |path: &str| filter.skip_reason(&bucket_files().added([path]).into());
    /// assert_eq!(reason("data/train.parquet")?, None);
    /// assert_eq!(
    ///     reason("data/README.md")?.as_deref(),
    ///     Some("paths: no changed file matches data/** and !data/README.md")
    /// );
    /// # Ok::<(), webhooks_runtime::FilterError>(())
    /// ```
    pub fn paths(mut self, glob: &str) -> Self {
        match PathPattern::parse(glob) {
            Ok(pattern) => self.conditions.paths.push(pattern),
            Err(reason) => self.errors.push(FilterError::value("paths", glob, reason)),
        }
        self
    }
}
