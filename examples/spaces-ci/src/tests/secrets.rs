//! Who gets the secrets.

use super::*;

/// Returns whether the new copy has the secrets.
fn has_secrets(stub: &HubStub) -> bool {
    let changes = changes(stub);
    let (_, body) = changes.iter().find(|(call, _)| call.ends_with("/duplicate")).unwrap();
    body["secrets"][0]["key"] == "API_KEY"
}

#[test]
fn only_trusted_authors_get_secrets() {
    for (author, trusted) in [("me", true), ("linus", true), ("ada", false), ("Linus2", false)] {
        let stub = hub(author, "draft", &[commit_of(author, HEAD)], None);
        assert_eq!(post(&stub, opened()).cause(), None);
        assert_eq!(has_secrets(&stub), trusted, "{author}");
    }
}

#[test]
fn an_account_without_a_name_is_not_trusted_because_no_author_is() {
    for authors in ["", "grace,"] {
        let stub = hub("", "open", &[commit_of("", HEAD)], None);
        let server = WebhooksServer::new().data(Config { authors: authors.into(), ..config() });
        let client = TestClient::new(server.hub(stub.hub())).unwrap();
        let mut event = opened();
        event.repo.repo_type = RepoType::Space;
        assert_eq!(client.post(sync::PATH, event).send().cause(), None);
        assert!(!has_secrets(&stub), "{authors:?}");
    }
}

#[test]
fn commits_of_other_accounts_get_no_secrets_in_a_pull_request_of_a_trusted_author() {
    let old = "1111111111111111111111111111111111111111";
    let nobody = json!({ "id": "e1", "type": "commit", "data": { "oid": HEAD } });
    for (events, trusted) in [
        (vec![commit_of("me", old), commit_of("linus", HEAD)], true),
        (vec![commit_of("me", old), commit(HEAD)], false),
        // The code of an older commit is in the head as well.
        (vec![commit(old), commit_of("me", HEAD)], false),
        (vec![commit_of("me", old), nobody], false),
        // Pushed after the events were read.
        (vec![commit_of("me", old)], false),
        (vec![commit(HEAD), comment("linus", &format!("/trust {HEAD}"))], true),
    ] {
        let stub = hub("me", "open", &events, None);
        assert_eq!(post(&stub, opened()).cause(), None);
        assert_eq!(has_secrets(&stub), trusted, "{events:?}");
    }
}

#[test]
fn an_approval_is_for_the_commit_that_it_names() {
    let old = "1111111111111111111111111111111111111111";
    let of_head = format!("/trust {HEAD}");
    // It begins like the commit at the head.
    let alike = format!("/trust {}0", &HEAD[..39]);
    let mut hidden = comment("me", &of_head);
    hidden["data"]["hidden"] = true.into();
    for (events, trusted) in [
        (vec![commit(HEAD), comment("me", &format!(" {of_head}\n"))], true),
        (vec![commit(HEAD), comment("ada", &of_head)], false),
        (vec![commit(HEAD), hidden], false),
        (vec![commit(HEAD), comment("me", &format!("I don't {of_head}"))], false),
        (vec![commit(HEAD), comment("me", "/trust")], false),
        (vec![commit(HEAD), comment("me", "/trust 2222222")], false),
        (vec![commit(HEAD), comment("me", &alike)], false),
        // The commit was read, and another one was pushed before the comment arrived.
        (vec![commit(old), commit(HEAD), comment("me", &format!("/trust {old}"))], false),
    ] {
        let stub = hub("ada", "open", &events, None);
        assert_eq!(post(&stub, opened()).cause(), None);
        assert_eq!(has_secrets(&stub), trusted, "{events:?}");
    }
}

#[test]
fn new_code_of_a_stranger_never_meets_the_secrets() {
    let stub = hub("ada", "open", &[commit(HEAD)], Some("space:me/demo#7, trusted: true"));
    assert_eq!(post(&stub, opened()).cause(), None);
    let calls: Vec<_> = changes(&stub).into_iter().map(|(call, _)| call).collect();
    assert_eq!(
        calls[..2],
        ["DELETE /api/repos/delete".to_owned(), format!("POST {SPACE}/duplicate")]
    );
    assert!(!has_secrets(&stub));
}
