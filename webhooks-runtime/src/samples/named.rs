//! Lists the samples by name, for interfaces where a person chooses one.

use super::{
    branch_commit, bucket_files, bucket_upload, comment_created, comment_edited, comment_hidden,
    dataset_commit, discussion_closed, discussion_deleted, discussion_opened, discussion_renamed,
    model_commit, pull_request_closed, pull_request_merged, pull_request_opened,
    pull_request_pushed, repo_created, repo_deleted, repo_made_private, repo_moved, repo_updated,
    space_commit, tag_created, tag_deleted,
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
        named("model-commit", "A commit to the main branch of a model", model_commit().into()),
        named("space-commit", "A commit to the main branch of a Space", space_commit().into()),
        named("branch-commit", "A commit to another branch of a dataset", branch_commit().into()),
        named("tag-created", "A new tag of a dataset", tag_created().into()),
        named("tag-deleted", "A deleted tag of a dataset", tag_deleted().into()),
        named(
            "pull-request-pushed",
            "A commit to a pull request of a model",
            pull_request_pushed().into(),
        ),
        named(
            "bucket-files",
            "A file added to a bucket, and another one deleted",
            bucket_files().into(),
        ),
        named("bucket-upload", "Several files added to a bucket", bucket_upload().into()),
        named("repo-created", "A new model", repo_created().into()),
        named(
            "repo-updated",
            "A change of a model, not of its content, settings or name",
            repo_updated().into(),
        ),
        named("repo-moved", "A renamed model", repo_moved().into()),
        named(
            "repo-made-private",
            "A model whose visibility changed to private",
            repo_made_private().into(),
        ),
        named("repo-deleted", "A deleted model", repo_deleted().into()),
        named(
            "discussion-opened",
            "A new discussion about a model, with its first comment",
            discussion_opened().into(),
        ),
        named(
            "discussion-renamed",
            "A discussion about a model, with a new title",
            discussion_renamed().into(),
        ),
        named("discussion-closed", "A closed discussion about a model", discussion_closed().into()),
        named(
            "discussion-deleted",
            "A deleted discussion about a model",
            discussion_deleted().into(),
        ),
        named(
            "pull-request-opened",
            "A new pull request for a model, with its first comment",
            pull_request_opened().into(),
        ),
        named(
            "pull-request-merged",
            "A pull request merged into the main branch of a model",
            pull_request_merged().into(),
        ),
        named(
            "pull-request-closed",
            "A pull request for a model, closed without a merge",
            pull_request_closed().into(),
        ),
        named(
            "comment-created",
            "A comment in a discussion about a model",
            comment_created().into(),
        ),
        named("comment-edited", "A comment whose text changed", comment_edited().into()),
        named("comment-hidden", "A comment hidden by a moderator", comment_hidden().into()),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::samples;

    #[test]
    fn every_public_constructor_of_a_sample_is_in_the_list_in_the_order_of_the_source() {
        let files = [
            include_str!("constructors/content.rs"),
            include_str!("constructors/repo.rs"),
            include_str!("constructors/discussion.rs"),
        ];
        let constructors: Vec<String> = files
            .iter()
            .flat_map(|file| file.lines())
            .filter_map(|line| line.strip_prefix("pub fn ")?.split_once("() -> Sample "))
            .map(|(name, _)| name.replace('_', "-"))
            .collect();
        let listed: Vec<&str> = samples().iter().map(|sample| sample.name).collect();
        assert_eq!(listed, constructors);
        assert!(!listed.is_empty());
    }

    /// The actions that occur in each scope: <https://huggingface.co/docs/hub/webhooks#event>.
    const ACTIONS: [(&str, &[&str]); 5] = [
        ("repo", &["create", "delete", "move", "update"]),
        ("repo.content", &["update"]),
        ("repo.config", &["update"]),
        ("discussion", &["create", "delete", "update"]),
        ("discussion.comment", &["create", "update"]),
    ];

    #[test]
    fn the_samples_have_every_event_that_the_hub_documents_and_no_other() {
        let documented: BTreeSet<String> = ACTIONS
            .iter()
            .flat_map(|(scope, actions)| {
                actions.iter().map(move |action| format!("{action} {scope}"))
            })
            .collect();
        let sampled: BTreeSet<String> = samples()
            .iter()
            .map(|sample| &sample.payload.event)
            .map(|event| format!("{} {}", event.action, event.scope))
            .collect();
        assert_eq!(sampled, documented);
    }

    #[test]
    fn the_samples_have_every_status_that_a_discussion_changes_to() {
        let changes: BTreeSet<(bool, String)> = samples()
            .iter()
            .filter(|sample| sample.payload.event.matches("update", "discussion"))
            .filter_map(|sample| sample.payload.discussion.as_ref())
            .map(|discussion| (discussion.is_pull_request, discussion.status.to_string()))
            .collect();
        // The open one has a new title.
        let expected = [(false, "closed"), (false, "open"), (true, "closed"), (true, "merged")];
        let expected =
            expected.map(|(is_pull_request, status)| (is_pull_request, status.to_owned()));
        assert_eq!(changes, expected.into());
    }

    #[test]
    fn the_samples_have_commits_to_every_type_of_repo_and_kind_of_ref() {
        let (mut types, mut refs) = (BTreeSet::new(), BTreeSet::new());
        for sample in samples() {
            if sample.payload.event.scope != "repo.content" {
                continue;
            }
            types.insert(sample.payload.repo.repo_type.to_string());
            for updated in sample.payload.updated_refs.unwrap_or_default() {
                let change = match (&updated.old_sha, &updated.new_sha) {
                    (None, _) => "created",
                    (_, None) => "deleted",
                    _ => "moved",
                };
                refs.insert(format!("{} {change}", updated.ref_name));
            }
        }
        assert!(types.iter().eq(["bucket", "dataset", "model", "space"]), "{types:?}");
        let expected = [
            "refs/heads/experiments moved",
            "refs/heads/main moved",
            "refs/pr/1 moved",
            "refs/tags/v1.0 created",
            "refs/tags/v1.0 deleted",
        ];
        assert!(refs.iter().eq(expected), "{refs:?}");
    }
}
