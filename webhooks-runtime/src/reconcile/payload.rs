//! Makes the payload of a delivery that the Hub did not send.

use actix_web::web::Bytes;
use serde_json::{Value, json};

use crate::hub::{Hub, RepoId, RepoInfo};
use crate::payload::RepoType;

/// A ref that has moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct MovedRef<'a> {
    pub(super) ref_name: &'a str,
    pub(super) old: &'a str,
    pub(super) new: &'a str,
}

/// Returns the payload of a commit, as the Hub would have sent it. The ids of the owner and of the webhook are unknown.
pub(super) fn payload(hub: &Hub, repo: &RepoId, info: &RepoInfo, moved: MovedRef<'_>) -> Bytes {
    let RepoId { repo_type, name } = repo;
    let on_web = match repo_type {
        RepoType::Dataset => format!("datasets/{name}"),
        RepoType::Space => format!("spaces/{name}"),
        _ => name.clone(),
    };
    let id = info.other.get("_id").and_then(Value::as_str).unwrap_or_default();
    let address = hub.address();
    let payload = json!({
        "event": { "action": "update", "scope": "repo.content" },
        "repo": {
            "type": repo_type.as_str(),
            "name": name,
            "id": id,
            "private": info.private,
            "url": {
                "web": format!("{address}/{on_web}"),
                "api": format!("{address}/api/{repo_type}s/{name}"),
            },
            "owner": { "id": "" },
            "headSha": info.sha,
            "tags": info.tags,
        },
        "webhook": { "id": "", "version": 3 },
        "updatedRefs": [{ "ref": moved.ref_name, "oldSha": moved.old, "newSha": moved.new }],
    });
    payload.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::WebhookPayload;
    use crate::testing::HubStub;

    #[test]
    fn the_payload_is_one_of_the_hub() {
        let info = json!({ "id": "me/data", "_id": "621f", "sha": "b", "private": true });
        let info: RepoInfo = serde_json::from_value(info).unwrap();
        let repo = RepoId::dataset("me/data");
        let moved = MovedRef { ref_name: "refs/heads/main", old: "a", new: "b" };
        let body = payload(&HubStub::new().hub(), &repo, &info, moved);
        // Strictly, with all fields that the Hub documents.
        let payload: WebhookPayload = serde_json::from_slice(&body).unwrap();
        assert_eq!(RepoId::from(&payload), repo);
        assert!(payload.repo.private);
        assert_eq!(payload.repo.url.web, "https://hub.test/datasets/me/data");
        let refs = payload.updated_refs.unwrap();
        assert_eq!(
            (refs[0].old_sha.as_deref(), refs[0].new_sha.as_deref()),
            (Some("a"), Some("b"))
        );
    }
}
