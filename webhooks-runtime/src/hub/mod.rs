//! The Hub's API: a client that acts with the token of an account.
//!
//! [`Hub::from_env`] finds the token as the Hub's other tools do. A function of an endpoint takes a [`Hub`] as an
//! argument.
//!
//! ```
//! use webhooks_runtime::hub::Commit;
//! use webhooks_runtime::{Hub, HubError, WebhookPayload};
//!
//! /// Proposes a license when somebody asks for one.
//! async fn propose_license(hub: &Hub, payload: &WebhookPayload) -> Result<(), HubError> {
//!     let commit = Commit::new("Add a license").add("LICENSE", "MIT License …").pull_request(true);
//!     let commit = hub.commit(payload, "main", &commit).await?;
//!     let url = commit.pull_request_url.unwrap_or(commit.commit_url);
//!     hub.reply(payload, &format!("What about {url}?")).await?;
//!     Ok(())
//! }
//! ```
//!
//! # Calls
//!
//! | about | calls |
//! | --- | --- |
//! | accounts | [`whoami`](Hub::whoami), [`organization_members`](Hub::organization_members), [`repo_members`](Hub::repo_members) |
//! | discussions and pull requests | [`discussions`](Hub::discussions), [`discussion`](Hub::discussion), [`discussion_without_diff`](Hub::discussion_without_diff), [`create_discussion`](Hub::create_discussion), [`find_or_create_discussion`](Hub::find_or_create_discussion), [`create_pull_request`](Hub::create_pull_request), [`set_discussion_status`](Hub::set_discussion_status), [`rename_discussion`](Hub::rename_discussion), [`merge_pull_request`](Hub::merge_pull_request) |
//! | comments | [`reply`](Hub::reply), [`comment`](Hub::comment), [`upsert_comment`](Hub::upsert_comment), [`update_comment`](Hub::update_comment), [`edit_comment`](Hub::edit_comment), [`hide_comment`](Hub::hide_comment) |
//! | repos | [`repo_info`](Hub::repo_info), [`repo_info_at`](Hub::repo_info_at), [`refs`](Hub::refs), [`repos`](Hub::repos), [`create_repo`](Hub::create_repo), [`delete_repo`](Hub::delete_repo) |
//! | files | [`files`](Hub::files), [`file_text`](Hub::file_text), [`file_bytes`](Hub::file_bytes), [`file_start`](Hub::file_start), [`changed_files`](Hub::changed_files), [`commit`](Hub::commit), [`mirror_files`](Hub::mirror_files) |
//! | Spaces | [`duplicate_space`](Hub::duplicate_space), [`set_space_secret`](Hub::set_space_secret), [`delete_space_secret`](Hub::delete_space_secret), [`space_variables`](Hub::space_variables), [`set_space_variable`](Hub::set_space_variable), [`delete_space_variable`](Hub::delete_space_variable), [`space_runtime`](Hub::space_runtime), [`restart_space`](Hub::restart_space), [`pause_space`](Hub::pause_space), [`set_space_hardware`](Hub::set_space_hardware) |
//! | Jobs | [`run_job`](Hub::run_job) |
//! | webhooks | [`webhooks`](Hub::webhooks), [`webhook`](Hub::webhook), [`create_webhook`](Hub::create_webhook), [`update_webhook`](Hub::update_webhook), [`enable_webhook`](Hub::enable_webhook), [`disable_webhook`](Hub::disable_webhook), [`delete_webhook`](Hub::delete_webhook), [`replay_webhook`](Hub::replay_webhook) |
//! | models | [`router_token`](Hub::router_token) |
//! | anything else | [`request`](Hub::request) |
//!
//! # Retries
//!
//! A call waits and is sent again when the Hub's rate limit is reached (429), for the time that the Hub names. When the
//! Hub is unavailable (502, 503, 504) or the connection is lost, the Hub may have processed the call. Then only a call
//! whose repetition changes nothing is sent again: one that reads, deletes or replaces. A comment, a commit or a Job is
//! not. There are at most 3 retries, which wait at most 30 s in total. After that, the call returns a [`HubError`], whose
//! [`retry_after`](HubError::retry_after) is the wait that the Hub names.
//!
//! A call takes at most 30 s for each attempt; one that transfers files, 10 minutes.
//!
//! # Large files
//!
//! This client keeps files in memory, and does not upload those that a repo keeps as large files (LFS), such as the
//! weights of a model. For these, use the crate [`hf-hub`](https://docs.rs/hf-hub) beside it. It finds the same token.
//! [`Hub::mirror_files`] copies large files as well, because the Hub itself copies them.
//! [`Hub::remember_commit`] keeps the commit from coming back to your own endpoints.
//!
//! ```ignore
//! use hf_hub::HFClient;
//! use hf_hub::repository::AddSource;
//! use webhooks_runtime::{Hub, WebhookPayload, webhook_endpoint};
//!
//! #[webhook_endpoint(watch = "dataset:me/data", on = "repo.content", branch = "main", background)]
//! async fn retrain(payload: WebhookPayload, hub: Hub) -> anyhow::Result<()> {
//!     let weights = train_on(&payload).await?; // the path of a file
//!
//!     let model = HFClient::new()?.model("me", "tiny");
//!     let upload = model.upload_file().source(AddSource::file(weights)).path_in_repo("model.safetensors");
//!     let commit = upload.send().await?;
//!     if let Some(oid) = &commit.commit_oid {
//!         hub.remember_commit(oid);
//!     }
//!
//!     hub.create_discussion("me/tiny", "Retrained", "On the newest data.").await?;
//!     Ok(())
//! }
//! ```

// A call is in the module of what it is about, with its types. `client` has the `Hub` itself, `access` its way to the Hub, `request` and `response` one
// exchange, `pages` reads lists, `retry` sends again, `transport` is the way to the Hub, `path` and `lenient` write and read its values.

mod access;
mod account;
mod activity;
mod address;
mod argument;
mod changed_files;
mod client;
mod commit_log;
mod commits;
mod discussions;
mod error;
mod files;
mod jobs;
mod lenient;
mod optional;
mod organizations;
mod pages;
mod path;
mod recent_commits;
mod rejection;
mod repo_id;
mod repos;
mod request;
mod response;
mod retry;
mod router;
mod spaces;
mod token;
pub(crate) mod transport;
mod webhooks;

pub use self::account::{Account, Organization};
pub(crate) use self::activity::OwnActivity;
pub use self::client::Hub;
pub(crate) use self::commit_log::CommitLog;
pub use self::commits::{Commit, CommitInfo};
pub use self::discussions::{
    Comment, Discussion, DiscussionDetails, DiscussionEvent, DiscussionEventKind, DiscussionQuery,
    NewDiscussion, code_span,
};
pub use self::error::HubError;
pub use self::files::{ChangedFile, FileChange, RepoFile};
pub use self::jobs::{HubJob, HubJobStatus, JobSpec};
pub use self::optional::OptionalExtension;
pub use self::rejection::HubRejection;
pub use self::repo_id::RepoId;
pub use self::repos::{NewRepo, RepoInfo, RepoRef, RepoRefs, RepoVisibility};
pub use self::request::HubRequest;
pub use self::response::HubResponse;
pub(crate) use self::spaces::{SpaceLog, SpaceSecretInfo, SpaceStatus};
pub use self::spaces::{SpaceRuntime, SpaceStage};
pub(crate) use self::token::login_token;
pub(crate) use self::webhooks::WebhookTarget;
pub use self::webhooks::{WatchedItem, Webhook, WebhookDomain, WebhookSpec, WebhookState};
