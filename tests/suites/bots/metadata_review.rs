//! `metadata-review`: one report for each model, which follows the card and is silent otherwise.

use tests::hub::{TestDiscussion, Trouble};
use tests::programs::metadata_review;

use super::{BotHome, texts};

const TINY: &str = "model:me/tiny";
const COMPLETE: &str = "---\nlicense: mit\nlanguage: [en, ko]\ntags:\n- translation\n---\n# Tiny\n";

fn home() -> BotHome {
    let mut home = BotHome::new(metadata_review(), TINY);
    home.hub.create_org("acme");
    home.set("REVIEW_WATCH", "org:acme, user:me");
    home
}

/// Commits a card, waits until the bot has reviewed it as the delivery of this number, and returns what it did.
fn push(home: &BotHome, card: &str, number: usize) -> String {
    home.hub.push(TINY, "main", &[("README.md", Some(card.as_bytes()))]);
    home.wait_for(number, "done")[0]["note"].as_str().unwrap().to_owned()
}

fn report(home: &BotHome) -> TestDiscussion {
    let [report] = <[_; 1]>::try_from(home.hub.discussions(TINY)).unwrap();
    report
}

#[test]
fn a_report_is_opened_edited_closed_and_opened_again() {
    let home = home();
    let bot = home.start();
    let webhook = &home.hub.webhooks()[0];
    assert_eq!(
        (&webhook.watched, &webhook.domains),
        (&vec!["org:acme".into(), "user:me".into()], &vec!["repo".into()])
    );
    let note = push(&home, "---\nlanguage: English\n---\n# Tiny\n", 1);
    assert_eq!(note, "opened discussion 1");
    let opened = report(&home);
    let [shown] = <[_; 1]>::try_from(texts("metadata-review")).unwrap();
    assert_eq!((opened.title.as_str(), opened.author.as_str()), ("Metadata review", "me"));
    assert_eq!(opened.comments[0].text, shown.trim_end());

    // Another text of the card, and other files and branches, change nothing.
    let note = push(&home, "---\nlanguage: English\n---\n# Tiny, again\n", 2);
    assert_eq!(note, "nothing has changed in discussion 1");
    home.hub.push(TINY, "draft", &[("README.md", Some(COMPLETE.as_bytes()))]);
    assert_eq!(report(&home), opened);

    assert_eq!(push(&home, &COMPLETE.replace("license: mit\n", ""), 3), "updated discussion 1");
    let edited = report(&home);
    assert_eq!((edited.status, edited.comments.len()), ("open", 1));
    let id = &opened.comments[0].id;
    assert_eq!(&edited.comments[0].id, id);
    assert!(!edited.comments[0].text.contains("`tags`"), "{edited:?}");

    assert_eq!(push(&home, COMPLETE, 4), "updated discussion 1");
    let closed = report(&home);
    assert_eq!((closed.status, closed.comments.len()), ("closed", 2));
    assert!(closed.comments[1].text.starts_with("All good now"), "{closed:?}");
    let note = push(&home, &COMPLETE.replace("Tiny", "Small"), 5);
    assert_eq!(note, "nothing has changed in discussion 1");
    assert_eq!(report(&home), closed);

    assert_eq!(push(&home, "# Tiny\n", 6), "updated discussion 1");
    assert_eq!(report(&home).status, "open");

    // Its metadata is complete, but it is not read.
    let large = format!("{COMPLETE}{}", "x".repeat(2_000_000));
    assert_eq!(push(&home, &large, 7), "updated discussion 1");
    assert!(report(&home).comments[0].text.contains("larger than 1 MB"));
    home.stop(bot);
}

#[test]
fn models_and_datasets_without_a_card_are_reported_and_complete_ones_and_spaces_are_not() {
    let home = home();
    for repo in ["model:me/small", "dataset:me/data", "space:me/demo"] {
        home.hub.create_repo(repo);
    }
    let bot = home.start();
    home.hub.push("model:me/small", "main", &[("README.md", Some(COMPLETE.as_bytes()))]);
    home.hub.push("dataset:me/data", "main", &[("train.csv", Some(b"1\n"))]);
    home.hub.push("space:me/demo", "main", &[("app.py", Some(b"1"))]);
    home.hub.push(TINY, "main", &[("config.json", Some(b"{}"))]);
    home.wait_for(4, "done");
    assert_eq!(home.hub.discussions("model:me/small"), []);
    assert_eq!(home.hub.discussions("space:me/demo"), []);
    assert!(home.hub.discussions("dataset:me/data")[0].comments[0].text.contains("no card"));
    assert!(report(&home).comments[0].text.contains("There is no card"));
    home.stop(bot);
}

#[test]
fn an_account_that_may_not_open_discussions_costs_one_attempt() {
    let home = home();
    let create = "POST /api/models/me/tiny/discussions";
    home.hub.trouble_at(create, 1, Trouble::Status(403));
    let bot = home.start();
    home.hub.push(TINY, "main", &[("README.md", Some(b"# Tiny\n"))]);
    let [delivery] = <[_; 1]>::try_from(home.wait_for(1, "dead")).unwrap();
    assert_eq!(delivery["attempts"], 1, "{delivery:#?}");
    home.stop(bot);
}
