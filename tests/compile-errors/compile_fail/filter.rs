use webhooks_runtime::webhook_endpoint;

#[webhook_endpoint(on = "discusion")]
async fn unknown_scope() {}

#[webhook_endpoint(on = ["craete repo", "archive repo"])]
async fn unknown_actions() {}

#[webhook_endpoint(on = "create repo.content")]
async fn never_occurs() {}

#[webhook_endpoint(on = ["delete discussion.comment", "create"])]
async fn never_occurs_and_no_scope() {}

#[webhook_endpoint(on = ["repo", "create discussion", "create  discussion"])]
async fn twice() {}

#[webhook_endpoint(watch = ["datasets:me/data", "kernel:me/data", "me/data"])]
async fn unknown_types() {}

#[webhook_endpoint(watch = ["dataset:", "org:acme/data", "model:a/b/c"])]
async fn wrong_names() {}

#[webhook_endpoint(watch = ["dataset:me/*", "org:acme model:me/tiny"])]
async fn no_list() {}

#[webhook_endpoint(watch_env = "")]
async fn no_variable() {}

#[webhook_endpoint(on = ["discussion", "repo"], branch = "main", refs = "refs/tags/*")]
async fn excluded() {}

#[webhook_endpoint(branch = ["refs/heads/main", "refs/pr/*", "v[0-9", "!main", "", "v**"])]
async fn no_branches() {}

#[webhook_endpoint(refs = "tags/*")]
async fn no_ref() {}

#[webhook_endpoint(paths = ["/data/**", "data/", "!./x", "!", "!!x", "data**", "[a"], background)]
async fn no_paths() {}

#[webhook_endpoint(paths = ["data/**", "!data/**", "data/**"], background)]
async fn path_twice() {}

#[webhook_endpoint(on = "discussion", paths = "data/**", background)]
async fn excluded_files() {}

#[webhook_endpoint(paths = "data/**")]
async fn paths_without_background() {}

#[webhook_endpoint(branch = [])]
async fn empty_list() {}

#[webhook_endpoint(branch = main, watch)]
async fn no_text() {}

#[webhook_endpoint(event = "repo", brnach = "main", files = "data/**")]
async fn unknown_keys() {}

fn main() {}
