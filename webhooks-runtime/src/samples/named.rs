//! Lists the samples by name, for interfaces where a person chooses one.

use super::{
    bucket_files, comment_created, comment_hidden, dataset_commit, discussion_opened,
    pull_request_merged, repo_made_private, repo_moved, tag_deleted,
};
use crate::payload::WebhookPayload;

/// A sample delivery, with its name. See [`samples`].
///
/// ```
/// use webhooks_runtime::testing::samples;
///
/// let sample = &samples()[0];
/// assert_eq!(sample.name, "dataset-commit");
/// assert_eq!(sample.description, "A commit to the main branch of a dataset");
/// assert_eq!(sample.payload.repo.repo_type, "dataset");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NamedSample {
    /// The name of its constructor in kebab case, such as `dataset-commit`.
    pub name: &'static str,
    /// A short description of the event.
    pub description: &'static str,
    /// The payload that the Hub would send.
    pub payload: WebhookPayload,
}

/// Returns all samples, in the order of [the table](crate::testing).
///
/// A test can send each of them, to check that a bot accepts every kind of delivery:
///
/// ```standalone_crate
/// use webhooks_runtime::testing::{TestClient, samples};
/// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint]
/// async fn triage(payload: WebhookPayload) -> String {
///     payload.event.scope.to_string()
/// }
///
/// let client = TestClient::new(WebhooksServer::new()).unwrap();
/// for sample in samples() {
///     let response = client.post(triage::PATH, sample.payload).send();
///     assert_eq!(response.status(), 200, "{}", sample.name);
/// }
/// ```
#[must_use]
pub fn samples() -> Vec<NamedSample> {
    let named = |name, description, payload| NamedSample { name, description, payload };
    vec![
        named(
            "dataset-commit",
            "A commit to the main branch of a dataset",
            dataset_commit().into(),
        ),
        named("tag-deleted", "A deleted tag of a dataset", tag_deleted().into()),
        named(
            "bucket-files",
            "A file added to a bucket, and another one deleted",
            bucket_files().into(),
        ),
        named("repo-moved", "A renamed model", repo_moved().into()),
        named(
            "repo-made-private",
            "A model whose visibility changed to private",
            repo_made_private().into(),
        ),
        named(
            "discussion-opened",
            "A new discussion about a model, with its first comment",
            discussion_opened().into(),
        ),
        named(
            "pull-request-merged",
            "A pull request merged into the main branch of a model",
            pull_request_merged().into(),
        ),
        named(
            "comment-created",
            "A comment in a discussion about a model",
            comment_created().into(),
        ),
        named("comment-hidden", "A comment hidden by a moderator", comment_hidden().into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::samples;

    #[test]
    fn every_public_constructor_of_a_sample_is_in_the_list_in_the_order_of_the_source() {
        let constructors: Vec<String> = include_str!("constructors.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("pub fn ")?.split_once("() -> Sample "))
            .map(|(name, _)| name.replace('_', "-"))
            .collect();
        let listed: Vec<&str> = samples().iter().map(|sample| sample.name).collect();
        assert_eq!(listed, constructors);
        assert!(!listed.is_empty());
    }
}
