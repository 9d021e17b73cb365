use proc_macro2::TokenStream;
use quote::quote;
use webhooks_runtime::Filter;
use webhooks_runtime::testing::dataset_commit;

use super::*;
use crate::args::Args;

/// Values on which the attribute and the runtime must agree.
const VALUES: &[&str] = &[
    "",
    " ",
    "repo",
    "repo.content",
    "update repo.content",
    " update  repo.content ",
    "create repo.content",
    "create",
    "move",
    "move repo",
    "move discussion",
    "delete discussion",
    "delete discussion.comment",
    "discussions",
    "update repo content",
    "archive repo",
    "dataset:me/data",
    "dataset:",
    "dataset:/data",
    "dataset:me/",
    "dataset:a/b/c",
    "dataset:me/my data",
    "dataset:me/*",
    "dataset:*",
    "dataset:me/a_b-c.d",
    "dataset:me/ä",
    "datasets:me/data",
    "model:gpt2",
    "model:a/b;org:c",
    "model:a/b,org:c",
    "org:acme",
    "org:acme/data",
    "org:acme model:me/tiny",
    "org:/x",
    "org:*",
    "org:a/b/c",
    "user:",
    ":me",
    "main",
    "release/*",
    "**",
    "release/**",
    "release**",
    "**fix",
    "***",
    "{main,release/**}",
    "{a,b}**",
    "{**,a}b",
    "a[**]",
    r"a\**",
    "v?",
    "v[0-9]",
    "v[0-9",
    "{a,b",
    "!main",
    "refs/heads/main",
    "refs/tags/*",
    "refs/",
    "tags/*",
    "data/**",
    "!README.md",
    "!data/**",
    "!",
    "!!data",
    "/data/**",
    "!/data/**",
    "./data",
    "data/",
    "data**",
    "!data**",
    "data/[a",
];

fn is_valid(attribute: TokenStream) -> bool {
    let mut errors = Errors::new();
    filter(&Args::parse(attribute, &mut errors).filter, &mut errors);
    errors.finish(&[]).is_none()
}

#[test]
fn the_runtime_has_the_same_rules_for_whole_filters() {
    let new = Filter::new;
    for (attribute, filter) in [
        (quote!(on = "repo", branch = "main"), new().on("repo").branch("main")),
        (quote!(on = "discussion", refs = "refs/*"), new().on("discussion").refs("refs/*")),
        (
            quote!(on = "update repo.content", branch = "main"),
            new().on("update repo.content").branch("main"),
        ),
        (
            quote!(on = ["discussion", "repo.content"], branch = "main", refs = "refs/tags/*"),
            new().on("discussion").on("repo.content").branch("main").refs("refs/tags/*"),
        ),
        (quote!(branch = "main"), new().branch("main")),
        (quote!(paths = ["data/**", "!data/x"]), new().paths("data/**").paths("!data/x")),
        (quote!(on = "discussion", paths = "data/**"), new().on("discussion").paths("data/**")),
        (quote!(on = "discussion", watch = "org:acme"), new().on("discussion").watch("org:acme")),
    ] {
        let text = attribute.to_string();
        let expected = filter.skip_reason(&dataset_commit().into()).is_ok();
        assert_eq!(is_valid(attribute), expected, "{text}");
    }
}

#[test]
fn only_the_attribute_rejects_a_value_that_is_there_twice() {
    assert!(!is_valid(quote!(watch = ["org:acme", "org:acme"])));
    let twice = Filter::new().watch("org:acme").watch("org:acme");
    assert!(twice.skip_reason(&dataset_commit().into()).is_ok());
}

#[test]
fn an_action_without_a_scope_is_an_error_that_suggests_a_valid_value() {
    for action in SCOPES.iter().flat_map(|(_, actions)| *actions) {
        assert!(ACTIONS.contains(action), "{action}");
        let error = event(action).unwrap_err();
        assert_eq!(event(error.split('"').nth(1).unwrap()), Ok(()), "{error}");
    }
}

#[test]
fn the_runtime_has_the_same_rules() {
    assert_eq!(SCOPES, webhooks_runtime::__private::SCOPES);
    assert_eq!(TYPES, webhooks_runtime::__private::TYPES);
    let payload = dataset_commit().into();
    for value in VALUES {
        let is_valid = |filter: Filter| filter.skip_reason(&payload).is_ok();
        assert_eq!(event(value).is_ok(), is_valid(Filter::new().on(value)), "on {value:?}");
        assert_eq!(repo(value).is_ok(), is_valid(Filter::new().watch(value)), "{value:?}");
        assert_eq!(branch(value).is_ok(), is_valid(Filter::new().branch(value)), "{value:?}");
        assert_eq!(git_ref(value).is_ok(), is_valid(Filter::new().refs(value)), "{value:?}");
        let is_path = is_valid(Filter::new().paths(value));
        assert_eq!(changed_path(value).is_ok(), is_path, "{value:?}");
    }
}

#[test]
fn an_unknown_value_is_named_with_all_known_ones_and_the_nearest() {
    assert_eq!(
        event("craete repo").unwrap_err(),
        "unknown action `craete`: did you mean `create`? The actions are `create`, `delete`, `move`, `update`"
    );
    assert!(event("discusion").unwrap_err().contains("did you mean `discussion`?"));
    assert!(repo("datasets:me/data").unwrap_err().contains("did you mean `dataset`?"));
    assert_eq!(
        repo("kernel:me/data").unwrap_err(),
        "unknown type `kernel`: the types are `model`, `dataset`, `space`, `bucket`, `org`, `user`"
    );
}
