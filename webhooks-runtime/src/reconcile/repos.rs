//! Asks the Hub for the repos that an endpoint watches, and for their refs.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::observe::is_compared;
use crate::endpoint::filter::{Conditions, WatchedRepo};
use crate::hub::{Hub, HubError, RepoId};
use crate::payload::RepoType;

/// How many repos of an owner are compared, of each type: those that changed last.
const MOST_OF_OWNER: usize = 20;

/// The types of repos with refs, and their paths. A bucket has none.
const TYPES: [(RepoType, &str); 3] = [
    (RepoType::Model, "/api/models"),
    (RepoType::Dataset, "/api/datasets"),
    (RepoType::Space, "/api/spaces"),
];

#[derive(Deserialize)]
struct ListedRepo {
    id: String,
}

/// Returns the repos to compare: one, or those of an owner that changed last.
pub(super) async fn repos(hub: &Hub, watched: &WatchedRepo) -> Result<Vec<RepoId>, HubError> {
    let name = match watched {
        WatchedRepo::Repo { repo_type: RepoType::Bucket, .. } => return Ok(Vec::new()),
        WatchedRepo::Repo { repo_type, name } => {
            return Ok(vec![RepoId::new(repo_type.clone(), name)]);
        }
        WatchedRepo::Owner { name, .. } => name,
    };
    let mut repos = Vec::new();
    for (repo_type, path) in TYPES {
        let list = hub
            .request("GET", path)
            .query("author", name)
            .query("sort", "lastModified")
            .query("limit", &MOST_OF_OWNER.to_string());
        let listed: Vec<ListedRepo> = list.send().await?.json()?;
        let listed = listed.into_iter().take(MOST_OF_OWNER);
        repos.extend(listed.map(|listed| RepoId::new(repo_type.clone(), listed.id)));
    }
    Ok(repos)
}

/// Returns the commit of each branch and tag of a repo that the filter of an endpoint selects.
pub(super) async fn refs(
    hub: &Hub,
    repo: &RepoId,
    conditions: &Conditions,
) -> Result<BTreeMap<String, String>, HubError> {
    let refs = hub.refs(repo).await?;
    let all = refs.branches.into_iter().chain(refs.tags);
    let compared = all.filter(|it| is_compared(&it.ref_name, conditions));
    Ok(compared.map(|it| (it.ref_name, it.target_commit)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    #[tokio::test]
    async fn of_an_owner_the_repos_that_changed_last_are_compared() {
        let stub = HubStub::new();
        let many: Vec<_> = (0..30).map(|at| json!({ "id": format!("acme/m{at}") })).collect();
        stub.on("GET", "/api/models").respond(many);
        stub.on("GET", "/api/datasets").respond(json!([{ "id": "acme/data" }]));
        stub.on("GET", "/api/spaces").respond(json!([]));
        let owner = WatchedRepo::Owner { kind: "org", name: "acme".to_owned() };
        let found = repos(&stub.hub(), &owner).await.unwrap();
        assert_eq!(found.len(), MOST_OF_OWNER + 1);
        assert_eq!(found[0], RepoId::model("acme/m0"));
        assert_eq!(found[MOST_OF_OWNER], RepoId::dataset("acme/data"));
        let name = "me/files".to_owned();
        let bucket = WatchedRepo::Repo { repo_type: RepoType::Bucket, name };
        assert_eq!(repos(&stub.hub(), &bucket).await.unwrap(), []);
    }
}
