//! A bot that commits to the dataset that it watches, and whose webhooks do not arrive.

use serde_json::json;
use tests::background::Place;
use tests::client::post;
use tests::hub::TestHub;
use tests::on_both_stores;
use tests::payloads::dataset_commit;
use tests::program::Program;
use tests::programs::hub_bot;

use super::{REPO, ask, between_polls, variables};

on_both_stores! {
    a_bot_does_not_find_its_own_commit
    a_missed_commit_before_the_bot_s_own_is_found
}

/// The start of the requests for the commits of the dataset.
const COMMITS: &str = "GET /api/datasets/me/data/commits/";

fn start(place: &Place, hub: &TestHub) -> Program {
    let arguments = ["--port", "0", "--store", &place.store()];
    let bot = Program::start(&hub_bot(), &arguments, &variables(hub)).unwrap();
    let _ = bot.local_url();
    ask(hub, 1);
    bot
}

/// Commits data, which the function `count` is for. It commits the number of rows, and then opens a discussion.
fn push(hub: &TestHub, branch: &str, text: &str) -> String {
    hub.push(REPO, branch, &[("data/train.csv", Some(text.as_bytes()))])
}

fn a_bot_does_not_find_its_own_commit(place: &Place) {
    let hub = TestHub::start();
    hub.create_repo(REPO);
    let bot = start(place, &hub);
    push(&hub, "main", "seed\n42\n");
    let _ = hub.wait_for_comments(REPO, 1, 1);
    // The bot's own commit is compared, and then seen.
    hub.wait_for_requests(COMMITS, 1);
    ask(&hub, 4);
    assert_eq!(place.kept().len(), 1);
    let commits = hub.requests().into_iter().map(|request| request.first_line());
    assert_eq!(commits.filter(|line| line.starts_with(COMMITS)).count(), 0);
    let ended = bot.stop();
    assert_eq!((ended.code, ended.stdout.matches("count runs").count()), (Some(0), 1));
    hub.assert_no_faults();
}

fn a_missed_commit_before_the_bot_s_own_is_found(place: &Place) {
    let hub = TestHub::start();
    hub.create_repo(REPO);
    let first = hub.head(REPO, "main").unwrap();
    let bot = start(place, &hub);
    let missed = between_polls(&hub, || {
        let missed = push(&hub, "main", "seed\n42\n");
        let other = push(&hub, "other", "seed\n");
        let mut body = dataset_commit();
        body["repo"]["name"] = json!("me/data");
        let created = json!({ "ref": "refs/heads/other", "oldSha": null, "newSha": other });
        body["updatedRefs"] = json!([created]);
        let response = post(&bot.local_url(), "/webhooks/count", &body.to_string()).unwrap();
        assert_eq!(response.status, 202);
        // The bot commits to `main`, too.
        let _ = hub.wait_for_comments(REPO, 1, 1);
        missed
    });
    let _ = hub.wait_for_comments(REPO, 2, 1);
    ask(&hub, 4);
    let kept = place.kept();
    assert_eq!(kept.len(), 2);
    let webhook_id = format!("reconcile:{REPO}:refs/heads/main:{first}..{missed}:");
    let is_made = |id: &Option<String>| id.as_ref().is_some_and(|id| id.starts_with(&webhook_id));
    assert!(kept.iter().any(|delivery| is_made(&delivery.webhook_id)), "{kept:?}");
    assert_eq!(bot.stop().stdout.matches("count runs").count(), 2);
    hub.assert_no_faults();
}
