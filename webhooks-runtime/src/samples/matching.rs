//! Chooses a sample that matches an endpoint's filter, so that sending it calls the function.

use super::sample::make_consistent;
use super::{NamedSample, samples};
use crate::endpoint::filter::{Conditions, Verdict, WatchedRepo};
use crate::payload::{Deviations, EventAction, WebhookPayload};

/// Returns the first sample that matches, about a watched repo. If none matches, returns the first one.
///
/// A sample that matches with its own refs is preferred: for `refs/tags/*`, that is a new tag.
pub(crate) fn matching(filter: Option<&Conditions>) -> Option<NamedSample> {
    let first = || Some(about(samples().into_iter().next()?, watched(filter).first()));
    let Some(filter) = filter else { return first() };
    let candidates = || {
        samples().into_iter().flat_map(|sample| {
            let repos = watched(Some(filter)).iter().map(Some);
            let unchanged = repos.len() == 0;
            repos.chain(unchanged.then_some(None)).map(move |repo| about(sample.clone(), repo))
        })
    };
    let matches = |sample: &NamedSample| {
        filter.evaluate(&sample.payload, &Deviations::default()) == Verdict::Match
    };
    let changed = || candidates().map(|sample| fitted(sample, filter));
    candidates().find(matches).or_else(|| changed().find(matches)).or_else(first)
}

/// Returns the sample with this name, about a watched repo. It is not made to match otherwise, so that a sample which
/// a person chose shows what the filter does.
pub(crate) fn named(name: &str, filter: Option<&Conditions>) -> Option<NamedSample> {
    let sample = samples().into_iter().find(|sample| sample.name == name)?;
    let about_each = || watched(filter).iter().map(|repo| about(sample.clone(), Some(repo)));
    let changed = about_each().find(|changed| changed.payload.repo != sample.payload.repo);
    Some(changed.unwrap_or(sample))
}

fn watched(filter: Option<&Conditions>) -> &[WatchedRepo] {
    filter.map_or(&[], Conditions::watched_repos)
}

/// Sets the repo of a sample, where it can have such a repo.
fn about(mut sample: NamedSample, repo: Option<&WatchedRepo>) -> NamedSample {
    let payload = &mut sample.payload;
    match repo {
        Some(WatchedRepo::Repo { repo_type, name }) => {
            // A bucket has no commits, and a Git repo no files of a bucket.
            let is_bucket = payload.repo.repo_type == "bucket";
            if is_bucket == (repo_type == "bucket") {
                payload.repo.repo_type = repo_type.clone();
                rename(payload, name.clone());
            }
        }
        Some(WatchedRepo::Owner { name: owner, .. }) => {
            let name = payload.repo.name.rsplit('/').next().unwrap_or_default();
            let name = format!("{owner}/{name}");
            rename(payload, name);
        }
        None => {}
    }
    sample
}

/// Sets the ref of a commit, or the file of a bucket, to one that matches the filter.
fn fitted(mut sample: NamedSample, filter: &Conditions) -> NamedSample {
    let payload = &mut sample.payload;
    if payload.event.matches(EventAction::Update, "repo.content")
        && let Some(name) = filter.example_ref()
        && let Some([updated, ..]) = payload.updated_refs.as_deref_mut()
        && updated.new_sha.is_some()
    {
        // The head is that of the main branch.
        payload.repo.head_sha.clone_from(&updated.old_sha);
        updated.ref_name = name;
    }
    if let Some([file, ..]) = payload.updated_files.as_deref_mut()
        && let Some(path) = filter.example_path()
    {
        file.path = path;
    }
    sample
}

fn rename(payload: &mut WebhookPayload, name: String) {
    if let Some(moved_to) = &mut payload.moved_to {
        moved_to.name = format!("{name}-renamed");
    }
    payload.repo.name = name;
    make_consistent(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Environment;
    use crate::endpoint::Filter;

    fn chosen(filter: &Filter) -> NamedSample {
        let conditions = filter.resolve(&Environment::default(), &mut Vec::new());
        let sample = matching(Some(&conditions)).unwrap();
        let reason = filter.skip_reason(&sample.payload).unwrap();
        assert_eq!(reason, None, "{filter} {}", sample.name);
        sample
    }

    #[test]
    fn the_sample_matches_and_is_about_the_watched_repo() {
        for (filter, name, repo) in [
            (Filter::new(), "dataset-commit", "me/dataset"),
            (Filter::new().watch("space:me/app"), "dataset-commit", "me/app"),
            (Filter::new().on("create discussion.comment"), "comment-created", "me/model"),
            (Filter::new().on("move repo").watch("user:you"), "repo-moved", "you/model"),
            (Filter::new().watch("bucket:me/logs"), "bucket-files", "me/logs"),
            (Filter::new().branch("release/*"), "dataset-commit", "me/dataset"),
            (Filter::new().refs("refs/pr/**"), "pull-request-pushed", "me/model"),
            (Filter::new().refs("refs/tags/*"), "tag-created", "me/dataset"),
            (Filter::new().refs("refs/convert/*"), "dataset-commit", "me/dataset"),
            (
                Filter::new().watch("bucket:me/logs").watch("model:me/tiny").on("discussion"),
                "discussion-opened",
                "me/tiny",
            ),
            (Filter::new().watch("org:acme").on("discussion"), "discussion-opened", "acme/model"),
            (Filter::new().paths("data/**"), "dataset-commit", "me/dataset"),
            (Filter::new().paths("data/**").watch("bucket:me/logs"), "bucket-files", "me/logs"),
            (Filter::new().paths("!data/**").watch("bucket:me/logs"), "bucket-files", "me/logs"),
        ] {
            let sample = chosen(&filter);
            let repo = repo.split_once('/').unwrap();
            assert_eq!(sample.name, name, "{filter}");
            let owner = sample.payload.repo.name.split('/').next();
            if filter.to_string().contains(" of ") {
                assert_eq!(owner, Some(repo.0), "{filter}");
            }
            assert!(sample.payload.repo.url.web.ends_with(&sample.payload.repo.name));
        }
        let commit = chosen(&Filter::new().branch("release/*")).payload;
        assert_eq!(commit.updated_refs.unwrap()[0].ref_name, "refs/heads/release/1");
    }

    #[test]
    fn a_sample_that_is_named_keeps_its_ref() {
        let filter = Filter::new().watch("dataset:me/data").branch("main");
        let conditions = filter.resolve(&Environment::default(), &mut Vec::new());
        let sample = named("branch-commit", Some(&conditions)).unwrap().payload;
        assert_eq!(sample.repo.name, "me/data");
        assert_eq!(filter.skip_reason(&sample).unwrap().unwrap(), "branch: no commit to main");
    }

    #[test]
    fn without_a_matching_sample_the_first_one_is_about_the_watched_repo() {
        let filter = Filter::new().on("repo.config").watch("bucket:me/logs");
        let conditions = filter.resolve(&Environment::default(), &mut Vec::new());
        assert_eq!(matching(Some(&conditions)).unwrap().name, "dataset-commit");
        assert_eq!(matching(None).unwrap(), samples().remove(0));
    }
}
