//! The setting of the URL.

use tests::background::{self, Place, accepted};
use tests::program::{Ended, Program};
use tests::receiver::AlertReceiver;

use super::{INTERVAL, TOKEN, alert_url};

fn start_with(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
    let store = place.store();
    let arguments = [&["--port", "0", "--store", &store], arguments].concat();
    Program::start(background::program(), &arguments, variables).unwrap()
}

fn rejected(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let ended = start_with(place, arguments, variables).wait();
    for output in [&ended.stdout, &ended.stderr] {
        assert!(!output.contains(TOKEN), "{output}");
    }
    ended
}

#[test]
fn an_invalid_url_is_an_error_that_does_not_show_it() {
    let place = Place::file();
    let error = "The URL for alerts must be a URL like https://hooks.slack.com/services/…";
    for url in [
        TOKEN,
        &format!("hooks.example.com/{TOKEN}"),
        &format!("ftp://example.com/{TOKEN}"),
        &format!("https:///{TOKEN}"),
        &format!("https://example.com:{TOKEN}/"),
        &format!("https://exa mple.com/{TOKEN}"),
    ] {
        let by_flag = rejected(&place, &["--alert-url", url], &[]);
        let by_variable = rejected(&place, &[], &[("WEBHOOKS_ALERT_URL", url)]);
        for ended in [by_flag, by_variable] {
            assert_eq!(ended.code, Some(1), "{url}");
            assert!(ended.stderr.contains(error), "{url}: {}", ended.stderr);
        }
    }
    // With other errors.
    let ended = rejected(&place, &["--alert-url", TOKEN], &[("GRADIO_SERVER_PORT", "http")]);
    assert!(ended.stderr.contains(error) && ended.stderr.contains("GRADIO_SERVER_PORT"));
}

#[test]
fn a_flag_overrides_the_variable_and_an_empty_variable_is_none() {
    let (place, chosen, other) = (Place::file(), AlertReceiver::start(), AlertReceiver::start());
    let (chosen_url, other_url) = (alert_url(&chosen), alert_url(&other));
    let variable = ("WEBHOOKS_ALERT_URL", &*other_url);
    let program = start_with(&place, &["--alert-url", &chosen_url], &[variable, INTERVAL]);
    let _ = accepted(&program.local_url(), "gives_up", None, 0);
    let _ = chosen.wait_for("dead_delivery", 1);
    program.stop();
    assert!(other.posts().is_empty());

    let program = start_with(&place, &[], &[("WEBHOOKS_ALERT_URL", "")]);
    let _ = program.local_url();
    assert!(!program.stop().stdout.contains("Alerts:"));
}
