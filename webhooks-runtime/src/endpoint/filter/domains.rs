//! The domains of a webhook on the Hub that a filter needs.

use super::conditions::Conditions;
use crate::payload::EventScope;

/// The domains in which the Hub groups events: a webhook gets the events of its domains.
/// <https://huggingface.co/docs/hub/webhooks>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventDomains {
    pub(crate) repo: bool,
    pub(crate) discussion: bool,
}

impl EventDomains {
    /// Every event.
    pub(crate) const ALL: Self = Self { repo: true, discussion: true };
}

impl Conditions {
    /// Returns the domains that can have an event that matches.
    pub(crate) fn domains(&self) -> EventDomains {
        if self.on.is_empty() {
            // Branches, tags and files change only in `repo.content`. Without `on`, the filter skips every other event, so
            // that each delivery of a discussion would be in vain.
            let is_content = self.restricts_refs() || self.restricts_paths();
            return EventDomains { discussion: !is_content, ..EventDomains::ALL };
        }
        let is_of_discussion = |scope: &EventScope| {
            matches!(scope, EventScope::Discussion | EventScope::DiscussionComment)
        };
        EventDomains {
            repo: self.on.iter().any(|pattern| !is_of_discussion(&pattern.scope)),
            discussion: self.on.iter().any(|pattern| is_of_discussion(&pattern.scope)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Environment;
    use crate::endpoint::filter::{Filter, SCOPES};

    #[test]
    fn a_domain_that_is_not_needed_has_only_events_that_the_filter_skips() {
        use crate::samples::{
            comment_created, comment_hidden, dataset_commit, discussion_opened, repo_created,
        };
        let samples = [
            dataset_commit(),
            repo_created(),
            discussion_opened(),
            comment_created(),
            comment_hidden(),
        ];
        for filter in [
            Filter::new(),
            Filter::new().branch("main"),
            Filter::new().refs("refs/heads/*"),
            Filter::new().paths("**"),
            Filter::new().on("repo.content").on("discussion").branch("main"),
            Filter::new().on("create discussion.comment"),
        ] {
            let (repo, discussion) = domains(&filter);
            let mut matches = (false, false);
            for sample in samples.clone() {
                let payload = sample.into();
                let is_match = filter.skip_reason(&payload).unwrap().is_none();
                match payload.discussion {
                    Some(_) => matches.1 |= is_match,
                    None => matches.0 |= is_match,
                }
            }
            assert_eq!(matches, (repo, discussion), "{filter}");
        }
    }

    fn domains(filter: &Filter) -> (bool, bool) {
        let mut errors = Vec::new();
        let conditions = filter.resolve(&Environment::from_iter([]), &mut errors);
        assert!(errors.is_empty(), "{errors:?}");
        let EventDomains { repo, discussion } = conditions.domains();
        (repo, discussion)
    }

    #[test]
    fn the_domains_are_those_of_the_scopes_in_on() {
        for (on, expected) in [
            (&["repo"][..], (true, false)),
            (&["repo.content"], (true, false)),
            (&["update repo.config"], (true, false)),
            (&["discussion"], (false, true)),
            (&["create discussion.comment"], (false, true)),
            (&["repo.content", "create discussion"], (true, true)),
        ] {
            let filter = on.iter().fold(Filter::new(), |filter, event| filter.on(event));
            assert_eq!(domains(&filter), expected, "{on:?}");
        }
        for (scope, _) in SCOPES {
            let of_discussion = scope.starts_with("discussion");
            assert_eq!(domains(&Filter::new().on(scope)), (!of_discussion, of_discussion));
        }
    }

    #[test]
    fn without_on_a_webhook_needs_both_domains_or_for_refs_and_files_only_that_of_repos() {
        assert_eq!(domains(&Filter::new().watch("dataset:me/data")), (true, true));
        assert_eq!(domains(&Filter::new().branch("main")), (true, false));
        assert_eq!(domains(&Filter::new().refs("refs/tags/*")), (true, false));
        assert_eq!(domains(&Filter::new().paths("data/**")), (true, false));
        let mixed = Filter::new().on("repo.content").on("discussion").branch("main");
        assert_eq!(domains(&mixed), (true, true));
    }
}
