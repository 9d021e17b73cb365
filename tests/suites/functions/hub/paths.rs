//! Only the commits that touch one of the paths run.

use super::*;

/// A diff in which these files changed.
fn diff(files: &[&str]) -> String {
    let change = |file: &&str| {
        format!(
            "diff --git a/{file} b/{file}\nindex 1..2 100644\n--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n-a\n+b\n"
        )
    };
    files.iter().map(change).collect()
}

#[test]
fn a_commit_runs_only_if_it_touches_one_of_the_paths() {
    let retrain = |files: &[&str]| {
        let stub = HubStub::new();
        let mut payload: WebhookPayload = dataset_commit().repo("me/data").into();
        let updated = &mut payload.updated_refs.as_mut().unwrap()[0];
        updated.old_sha = Some("1".repeat(40));
        updated.new_sha = Some("2".repeat(40));
        let (old, new) = ("1".repeat(40), "2".repeat(40));
        stub.on("GET", &format!("/api/datasets/me/data/compare/{old}..{new}")).text(&diff(files));
        client(retrains::endpoint(), &stub).post(retrains::PATH, payload).send()
    };
    let touched = retrain(&["README.md", "data/train.csv"]);
    assert_eq!((touched.skipped(), touched.cause()), (None, None));
    assert_eq!(touched.note(), Some("paths: data/train.csv changed"));
    let other = retrain(&["README.md", "data/README.md"]);
    // Accepted, and skipped before the attempt.
    assert_eq!(other.status(), 202);
    let reason = "paths: no changed file matches data/** and !**/*.md";
    assert_eq!((other.skipped(), other.note()), (Some(reason), None));
    let bucket = send(retrains::endpoint(), bucket_files().added(["x.csv"]));
    assert_eq!((bucket.status().as_u16(), bucket.skipped()), (200, Some(reason)));
    assert_eq!(send(retrains::endpoint(), bucket_files().added(["data/x.csv"])).skipped(), None);
}

#[test]
fn a_commit_runs_when_the_hub_cannot_be_asked() {
    let response = send(retrains::endpoint(), dataset_commit());
    assert_eq!((response.status().as_u16(), response.skipped()), (202, None));
    assert_eq!(response.cause(), None);
    let note = response.note().unwrap();
    let reason = "paths: the function ran because the changed files are unknown: ";
    assert!(note.starts_with(reason), "{note}");
    // The line that the test lacks.
    assert!(note.contains(r#"stub.on("GET", "/api/datasets/"#), "{note}");
}

#[test]
fn a_function_that_fails_has_a_note_and_a_cause() {
    let payload = bucket_files().added(["data/x.csv"]);
    let response = send(gives_up::endpoint(), payload);
    assert_eq!(response.cause(), Some("no GPU is free"));
    assert_eq!(response.note(), Some("paths: data/x.csv changed"));
}
