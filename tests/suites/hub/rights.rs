//! Tokens: whose they are, and what they may do.

use serde_json::{Value, json};
use tests::client::request;
use tests::hub::{Scope, TestHub};

use super::{call, call_with};

#[test]
fn each_scope_of_a_token_is_needed() {
    let hub = TestHub::start();
    hub.create_repo("dataset:me/data");
    hub.open_discussion("dataset:me/data", "me", "Name the seed", "Which seed was used?");
    let (comment, body) =
        ("POST /api/datasets/me/data/discussions/1/comment", json!({ "comment": "42" }));
    let list = "GET /api/settings/webhooks";
    let statuses = |scopes: &[Scope]| {
        let token = hub.token_with(scopes);
        [("GET /api/whoami-v2", &Value::Null), (comment, &body), (list, &Value::Null)]
            .map(|(first, body)| call_with(&hub, &token, first, body).status)
    };
    assert_eq!(statuses(&[Scope::Read]), [200, 403, 403]);
    assert_eq!(statuses(&[Scope::Read, Scope::Write]), [200, 200, 403]);
    assert_eq!(statuses(&[Scope::Webhooks]), [403, 403, 200]);
    assert_eq!(statuses(&Scope::ALL), [200, 200, 200]);
    assert_eq!(call_with(&hub, "hf_wrong", list, &Value::Null).status, 401);
    let token = hub.token_with(&Scope::ALL);
    hub.revoke_tokens();
    assert_eq!(call_with(&hub, &token, list, &Value::Null).status, 401);
    hub.assert_no_faults();
}

#[test]
fn whoami_has_the_organizations() {
    let hub = TestHub::start();
    hub.create_org("acme");
    let whoami = call(&hub, "GET /api/whoami-v2", &Value::Null).json();
    let (me, acme) = (hub.account("me"), hub.account("acme"));
    assert_eq!((&whoami["name"], &whoami["id"]), (&json!("me"), &json!(me.id)));
    assert_eq!(whoami["orgs"][0]["name"], "acme");
    assert_eq!(whoami["orgs"][0]["id"], json!(acme.id));
}

#[test]
fn a_private_repo_is_seen_by_its_owner_only() {
    let hub = TestHub::start();
    hub.create_repo("dataset:me/data");
    let somebody = hub.account("somebody").token;
    let info = "GET /api/datasets/me/data";
    let anonymous = || request(hub.url(), info, &[], "").unwrap().status;
    assert_eq!(anonymous(), 200);
    assert_eq!(call_with(&hub, &somebody, info, &Value::Null).status, 200);
    hub.set_private("dataset:me/data", true);
    assert_eq!(anonymous(), 401);
    let hidden = call_with(&hub, &somebody, info, &Value::Null);
    assert_eq!((hidden.status, hidden.header("X-Error-Code")), (404, Some("RepoNotFound")));
    assert_eq!(call(&hub, info, &Value::Null).json()["private"], true);
}

#[test]
fn what_others_own_cannot_be_changed() {
    let hub = TestHub::start();
    hub.create_org("acme");
    for repo in ["dataset:acme/data", "dataset:somebody/data", "space:somebody/bot"] {
        hub.create_repo(repo);
    }
    let delete = |owner: &str| {
        let body = json!({ "name": "data", "organization": owner, "type": "dataset" });
        call(&hub, "DELETE /api/repos/delete", &body).status
    };
    assert_eq!((delete("somebody"), delete("acme"), delete("nobody")), (403, 200, 404));
    let pair = json!({ "key": "HF_TOKEN", "value": "hush" });
    assert_eq!(call(&hub, "POST /api/spaces/somebody/bot/secrets", &pair).status, 403);
    let webhook = hub.create_webhook("somebody", "http://bot.example", &["user:somebody"]);
    let first = format!("DELETE /api/settings/webhooks/{webhook}");
    assert_eq!(call(&hub, &first, &Value::Null).status, 404);
    assert_eq!(call(&hub, "GET /api/settings/webhooks", &Value::Null).json(), json!([]));
    // Anyone may take part in a public discussion.
    let opened = json!({ "title": "Hello", "description": "Hello", "pullRequest": false });
    let first = "POST /api/datasets/somebody/data/discussions";
    assert_eq!(call(&hub, first, &opened).json()["num"], 1);
    hub.assert_no_faults();
}
