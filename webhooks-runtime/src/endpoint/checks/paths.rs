//! Skips the commits that touch none of the files of `paths`. Only the Hub knows the files of a commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::{Decision, DeliveryCheck, Stage};
use crate::endpoint::filter::{Conditions, is_truncated};
use crate::payload::{TolerantPayload, WebhookPayloadRepo};

/// How long asking for the files of a delivery may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The most refs of one delivery whose files are asked for.
const MAX_REFS: usize = 20;

/// The most files that a note names, and the longest path in it, in characters.
const MAX_NAMED: usize = 3;
const MAX_PATH: usize = 100;

/// Compares two commits.
pub(crate) trait ChangedFiles: Send + Sync {
    /// Returns the paths of the files that differ between two commits. A file that was renamed has two.
    ///
    /// # Errors
    ///
    /// Returns a description of the problem if the Hub cannot be asked.
    fn changed_files<'a>(
        &'a self,
        repo: &'a WebhookPayloadRepo,
        old: &'a str,
        new: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, String>>;
}

/// The check of a background endpoint with `paths`.
///
/// The delivery of a bucket lists its files, so the filter has decided already. If the files of a commit cannot be
/// determined, the function runs: no delivery is lost because of the network.
pub(crate) struct PathsCheck {
    pub(crate) conditions: Conditions,
    pub(crate) hub: Arc<dyn ChangedFiles>,
}

impl DeliveryCheck for PathsCheck {
    fn check<'a>(&'a self, delivery: &'a TolerantPayload, stage: Stage) -> BoxFuture<'a, Decision> {
        Box::pin(async move {
            if stage == Stage::Arrival || !self.conditions.restricts_files_of(&delivery.payload) {
                return Decision::Run(None);
            }
            let late = |_| Decision::Run(Some(unknown(&format!("it took longer than {LIMIT:?}"))));
            timeout(LIMIT, self.decide(delivery)).await.unwrap_or_else(late)
        })
    }
}

impl PathsCheck {
    async fn decide(&self, TolerantPayload { payload, deviations }: &TolerantPayload) -> Decision {
        let listed: BTreeSet<_> =
            self.conditions.selected_files(payload).map(str::to_owned).collect();
        if payload.updated_files.is_some() {
            let is_complete =
                !is_truncated(payload) && deviations.dropped_at("updatedFiles").is_none();
            return if !listed.is_empty() {
                Decision::Run(Some(matching(&listed)))
            } else if is_complete {
                Decision::Skip(self.conditions.no_path())
            } else {
                Decision::Run(Some(unknown("the delivery does not list every file")))
            };
        }
        let refs: Vec<_> = self.conditions.matching_refs(payload).collect();
        if refs.is_empty()
            || refs.len() > MAX_REFS
            || deviations.dropped_at("updatedRefs").is_some()
        {
            return Decision::Run(Some(unknown("the delivery does not name every commit")));
        }
        for updated in refs {
            let name = &updated.ref_name;
            let (Some(old), Some(new)) = (&updated.old_sha, &updated.new_sha) else {
                let what = if updated.old_sha.is_none() { "created" } else { "deleted" };
                let name = shortened(name);
                return Decision::Run(Some(format!("paths: {name} was {what}")));
            };
            let files = match self.hub.changed_files(&payload.repo, old, new).await {
                Ok(files) => files,
                Err(error) => return Decision::Run(Some(unknown(&error))),
            };
            let selected = files.into_iter().filter(|path| self.conditions.selects(path));
            let selected: BTreeSet<_> = selected.collect();
            if !selected.is_empty() {
                return Decision::Run(Some(matching(&selected)));
            }
        }
        Decision::Skip(self.conditions.no_path())
    }
}

/// Names the files that match.
fn matching(files: &BTreeSet<String>) -> String {
    let named: Vec<_> = files.iter().take(MAX_NAMED).map(|path| shortened(path)).collect();
    let more = files.len().saturating_sub(MAX_NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("paths: {}{more} changed", named.join(", "))
}

/// Says why the function runs although the files are unknown.
fn unknown(reason: &str) -> String {
    format!("paths: the function ran because the changed files are unknown: {reason}")
}

/// Returns a name of a bounded length, and without line breaks.
fn shortened(name: &str) -> String {
    let escaped: String = name.chars().flat_map(char::escape_debug).collect();
    if escaped.chars().count() <= MAX_PATH {
        return escaped;
    }
    escaped.chars().take(MAX_PATH).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::future::ready;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::environment::Environment;
    use crate::endpoint::Filter;
    use crate::endpoint::extract::body::parse_payload;
    use crate::samples::{bucket_files, comment_created, dataset_commit};

    /// Answers each comparison in order.
    #[derive(Default)]
    struct Answers {
        answers: Mutex<Vec<Result<Vec<String>, String>>>,
        asked: Mutex<Vec<String>>,
    }

    impl ChangedFiles for Answers {
        fn changed_files<'a>(
            &'a self,
            repo: &'a WebhookPayloadRepo,
            old: &'a str,
            new: &'a str,
        ) -> BoxFuture<'a, Result<Vec<String>, String>> {
            self.asked.lock().unwrap().push(format!("{} {old}..{new}", repo.name));
            Box::pin(ready(self.answers.lock().unwrap().remove(0)))
        }
    }

    /// Checks a delivery, and returns the decision and the comparisons that were asked for.
    async fn check(
        filter: Filter,
        body: &Value,
        answers: &[Result<&[&str], &str>],
    ) -> (Decision, Vec<String>) {
        let owned = |answer: &Result<&[&str], &str>| match answer {
            Ok(files) => Ok(files.iter().map(|file| (*file).to_owned()).collect()),
            Err(error) => Err((*error).to_owned()),
        };
        let hub = Arc::new(Answers {
            answers: Mutex::new(answers.iter().map(owned).collect()),
            ..Answers::default()
        });
        let conditions = filter.resolve(&Environment::default(), &mut Vec::new());
        let delivery = parse_payload(body.to_string().as_bytes()).unwrap();
        let check = PathsCheck { conditions, hub: Arc::clone(&hub) as Arc<dyn ChangedFiles> };
        assert_eq!(check.check(&delivery, Stage::Arrival).await, Decision::Run(None));
        let decision = check.check(&delivery, Stage::Attempt).await;
        (decision, std::mem::take(&mut hub.asked.lock().unwrap()))
    }

    fn data() -> Filter {
        Filter::new().paths("data/**").paths("!**/*.md")
    }

    /// A delivery with these refs: name, old and new commit.
    fn refs(refs: &[(&str, Option<&str>, Option<&str>)]) -> Value {
        let mut body = json!(dataset_commit().repo("me/data"));
        let updated = |(name, old, new): &_| json!({ "ref": name, "oldSha": old, "newSha": new });
        body["updatedRefs"] = refs.iter().map(updated).collect();
        body
    }

    fn main(old: &'static str, new: &'static str) -> Value {
        refs(&[("refs/heads/main", Some(old), Some(new))])
    }

    fn run(note: &str) -> Decision {
        Decision::Run(Some(note.to_owned()))
    }

    fn skip() -> Decision {
        Decision::Skip("paths: no changed file matches data/** and !**/*.md".into())
    }

    #[tokio::test]
    async fn a_commit_runs_if_it_touches_a_file_that_matches() {
        let files = ["README.md", "data/b.csv", "data/a.csv", "data/README.md"];
        let (decision, asked) = check(data(), &main("1", "2"), &[Ok(&files)]).await;
        assert_eq!(decision, run("paths: data/a.csv, data/b.csv changed"));
        assert_eq!(asked, ["me/data 1..2"]);
        let (decision, _) = check(data(), &main("1", "2"), &[Ok(&["README.md"])]).await;
        assert_eq!(decision, skip());
        let (decision, _) = check(data(), &main("1", "2"), &[Ok(&[])]).await;
        assert_eq!(decision, skip());
    }

    #[tokio::test]
    async fn the_note_names_a_few_files_and_counts_the_others() {
        let files = ["data/1", "data/2\n", "data/3", "data/4", "data/5"];
        let (decision, _) = check(data(), &main("1", "2"), &[Ok(&files)]).await;
        assert_eq!(decision, run(r"paths: data/1, data/2\n, data/3 and 2 more changed"));
        let long = format!("data/{}", "x".repeat(500));
        let (decision, _) = check(data(), &main("1", "2"), &[Ok(&[&long])]).await;
        let Decision::Run(Some(note)) = decision else { panic!("{decision:?}") };
        assert!(note.chars().count() < 120, "{note}");
    }

    #[tokio::test]
    async fn the_function_runs_when_the_hub_cannot_be_asked() {
        let (decision, _) = check(data(), &main("1", "2"), &[Err("502 Bad Gateway")]).await;
        let note = "paths: the function ran because the changed files are unknown: 502 Bad Gateway";
        assert_eq!(decision, run(note));
    }

    #[tokio::test]
    async fn a_ref_that_was_created_or_deleted_runs_without_asking() {
        for (old, new, note) in [
            (None, Some("2"), "paths: refs/heads/main was created"),
            (Some("1"), None, "paths: refs/heads/main was deleted"),
        ] {
            let (decision, asked) =
                check(data(), &refs(&[("refs/heads/main", old, new)]), &[]).await;
            assert_eq!((decision, asked.len()), (run(note), 0));
        }
    }

    #[tokio::test]
    async fn only_the_refs_that_match_the_branch_count() {
        let both = refs(&[
            ("refs/heads/dev", Some("1"), Some("2")),
            ("refs/heads/main", Some("3"), Some("4")),
        ]);
        let (decision, asked) = check(data().branch("main"), &both, &[Ok(&["x"])]).await;
        assert_eq!((decision, asked), (skip(), vec!["me/data 3..4".to_owned()]));
        let (decision, asked) = check(data(), &both, &[Ok(&["x"]), Ok(&["data/x"])]).await;
        assert_eq!((decision, asked.len()), (run("paths: data/x changed"), 2));
    }

    #[tokio::test]
    async fn other_events_are_not_restricted() {
        let filter = data().on("discussion.comment").on("repo.content");
        let (decision, asked) = check(filter, &json!(comment_created()), &[]).await;
        assert_eq!((decision, asked.len()), (Decision::Run(None), 0));
    }

    #[tokio::test]
    async fn the_files_of_a_bucket_are_in_the_delivery_unless_it_is_truncated() {
        let added = |path: &str| json!(bucket_files().added([path]));
        let (decision, _) = check(data(), &added("data/a.bin"), &[]).await;
        assert_eq!(decision, run("paths: data/a.bin changed"));
        let (decision, _) = check(data(), &added("a.bin"), &[]).await;
        assert_eq!(decision, skip());
        let mut truncated = added("a.bin");
        truncated["updatedFilesTruncated"] = json!(true);
        let (decision, _) = check(data(), &truncated, &[]).await;
        let note = "paths: the function ran because the changed files are unknown: the delivery does not list every \
                    file";
        assert_eq!(decision, run(note));
    }
}
