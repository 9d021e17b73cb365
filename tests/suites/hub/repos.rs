//! Repos: files, refs, differences, pull requests, pages of discussions.

use serde_json::{Value, json};
use tests::client::{ClientResponse, request};
use tests::hub::TestHub;

use super::call;

/// A Hub with a dataset.
fn hub() -> TestHub {
    let hub = TestHub::start();
    hub.create_repo("dataset:me/data");
    hub
}

fn get(hub: &TestHub, path: &str) -> ClientResponse {
    call(hub, &format!("GET {path}"), &Value::Null)
}

#[test]
fn a_large_file_comes_from_another_origin_that_takes_no_token() {
    let hub = hub();
    let head = hub.push("dataset:me/data", "main", &[("a.parquet", Some(b"PAR1"))]);
    let redirect = get(&hub, "/datasets/me/data/resolve/main/a.parquet");
    assert_eq!((redirect.status, redirect.header("X-Repo-Commit")), (302, Some(head.as_str())));
    let location = redirect.header("Location").unwrap();
    let path = location.find("/65d0").unwrap();
    let (origin, path) = location.split_at(path);
    assert_ne!(origin, hub.url());
    let first = format!("GET {path}");
    assert_eq!(request(origin, &first, &[], "").unwrap().body, "PAR1");
    hub.assert_no_faults();
    let token = format!("Authorization: Bearer {}", hub.token());
    assert_eq!(request(origin, &first, &[&token], "").unwrap().status, 400);
    let unsigned = first.split('?').next().unwrap();
    assert_eq!(request(origin, unsigned, &[], "").unwrap().status, 403);
    assert_eq!(hub.file_requests().len(), 3);
    let faults = hub.faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].contains("authorization went to another origin"), "{faults:?}");
}

#[test]
fn a_missing_repo_revision_or_file_has_its_code() {
    let hub = hub();
    for (path, code) in [
        ("/api/datasets/me/other", "RepoNotFound"),
        ("/api/datasets/me/data/revision/other", "RevisionNotFound"),
        ("/datasets/me/data/resolve/other/README.md", "RevisionNotFound"),
        ("/datasets/me/data/resolve/main/other", "EntryNotFound"),
    ] {
        let answer = get(&hub, path);
        assert_eq!((answer.status, answer.header("X-Error-Code")), (404, Some(code)), "{path}");
    }
    hub.assert_no_faults();
}

#[test]
fn a_model_of_early_days_has_no_owner_in_its_name() {
    let hub = TestHub::start();
    hub.create_repo("model:gpt2");
    hub.push("model:gpt2", "main", &[("config.json", Some(b"{}"))]);
    assert_eq!(get(&hub, "/api/models/gpt2").json()["id"], "gpt2");
    assert_eq!(get(&hub, "/gpt2/resolve/main/config.json").body, "{}");
    assert_eq!(get(&hub, "/api/models/gpt2/discussions").json()["count"], 0);
    hub.assert_no_faults();
}

#[test]
fn a_comparison_is_what_git_prints() {
    let hub = hub();
    let old = hub.push(
        "dataset:me/data",
        "main",
        &[("a.txt", Some(b"one\n")), ("b.txt", Some(b"two")), ("c.bin", Some(b"\0"))],
    );
    let new = hub.push(
        "dataset:me/data",
        "main",
        &[
            ("a.txt", Some(b"one\ntwo\n")),
            ("b.txt", None),
            ("moved/b.txt", Some(b"two")),
            ("c.bin", None),
            ("\u{e4} \"x\".txt", Some(b"")),
        ],
    );
    let diff = get(&hub, &format!("/api/datasets/me/data/compare/{old}..{new}?raw=true")).body;
    let headers: Vec<_> = diff.lines().filter(|line| line.starts_with("diff --git")).collect();
    let expected = [
        "diff --git a/a.txt b/a.txt",
        "diff --git a/b.txt b/moved/b.txt",
        r#"diff --git "a/\303\244 \"x\".txt" "b/\303\244 \"x\".txt""#,
        "diff --git a/c.bin b/c.bin",
    ];
    assert_eq!(headers, expected, "{diff}");
    for part in [
        "\n--- a/a.txt\n+++ b/a.txt\n@@ -1,1 +1,2 @@\n-one\n+one\n+two\n",
        "similarity index 100%\nrename from b.txt\nrename to moved/b.txt\n",
        "deleted file mode 100644\n",
        "Binary files a/c.bin and /dev/null differ\n",
    ] {
        assert!(diff.contains(part), "{part}: {diff}");
    }
    assert_eq!(get(&hub, "/api/datasets/me/data/compare/main..main?raw=true").body, "");
}

#[test]
fn a_pull_request_is_a_draft_until_it_is_opened_and_has_a_ref_that_is_merged() {
    let hub = hub();
    let opened =
        json!({ "title": "Name the seed", "description": "It was 42.", "pullRequest": true });
    let discussions = "POST /api/datasets/me/data/discussions";
    let num = call(&hub, discussions, &opened).json()["num"].clone();
    assert_eq!((num, hub.discussions("dataset:me/data")[0].status), (json!(1), "draft"));
    hub.push("dataset:me/data", "refs/pr/1", &[("seed.txt", Some(b"42\n"))]);
    let open = json!({ "status": "open" });
    call(&hub, &format!("{discussions}/1/status"), &open);
    let details = get(&hub, "/api/datasets/me/data/discussions/1?diff=1").json();
    assert_eq!(details["status"], "open");
    assert!(details["diff"].as_str().unwrap().contains("+42\n"), "{details}");
    let kinds = details["events"].as_array().unwrap();
    let kinds: Vec<_> = kinds.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["comment", "commit", "status-change"]);
    assert_eq!(hub.file("dataset:me/data", "main", "seed.txt"), None);
    assert_eq!(call(&hub, &format!("{discussions}/1/merge"), &Value::Null).status, 200);
    assert_eq!(hub.file("dataset:me/data", "main", "seed.txt").unwrap(), b"42\n");
    assert_eq!(call(&hub, &format!("{discussions}/1/merge"), &Value::Null).status, 400);
    hub.assert_no_faults();
}

#[test]
fn discussions_come_in_pages_newest_first() {
    let hub = hub();
    for num in 1..=12 {
        hub.open_discussion(
            "dataset:me/data",
            if num == 3 { "somebody" } else { "me" },
            "Hello",
            "Hello",
        );
    }
    let page = |query: &str| {
        let page = get(&hub, &format!("/api/datasets/me/data/discussions?{query}")).json();
        let nums = page["discussions"].as_array().unwrap().iter().map(|it| it["num"].as_u64());
        (page["count"].as_u64().unwrap(), nums.collect::<Option<Vec<_>>>().unwrap())
    };
    assert_eq!(page("p=0"), (12, vec![12, 11, 10, 9, 8, 7, 6, 5, 4, 3]));
    assert_eq!(page("p=1"), (12, vec![2, 1]));
    assert_eq!(page("author=somebody"), (1, vec![3]));
    assert_eq!(page("type=pull_request"), (0, vec![]));
    let closed = json!({ "status": "closed" });
    call(&hub, "POST /api/datasets/me/data/discussions/2/status", &closed);
    assert_eq!(page("status=closed"), (1, vec![2]));
}
