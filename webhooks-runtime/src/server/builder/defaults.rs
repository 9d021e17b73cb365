//! Tests that the defaults in the table of settings are those of a server.

use std::time::Duration;

use super::WebhooksServer;
use crate::config::environment::Environment;
use crate::config::exposure::Exposure;
use crate::config::host::Host;
use crate::config::ports::Ports;
use crate::config::settings::{PartialSettings, Settings};
use crate::config::table::SETTINGS;

/// Returns the default of a method's setting, as the table has it.
fn stated(method: &str) -> &'static str {
    let setting = SETTINGS.iter().find(|setting| setting.method == Some(method));
    setting.unwrap_or_else(|| panic!("{method} is not in the table")).default
}

/// The settings of a server for which nothing is set.
fn settings(shared: bool, variables: &[(&'static str, &'static str)]) -> Settings {
    let server = WebhooksServer::empty();
    let environment = Environment::from_iter(variables.iter().copied());
    let mut errors = Vec::new();
    let given = server.settings.clone();
    let settings = Settings::resolve(
        PartialSettings::default(),
        given,
        shared,
        &Host::with_terminal(&environment),
        &server.limits,
        &environment,
        &mut errors,
    );
    assert!(errors.is_empty(), "{errors:?}");
    settings
}

const SPACE: [(&str, &str); 2] = [("SPACE_ID", "me/bot"), ("SPACE_HOST", "me-bot.hf.space")];

#[test]
fn the_address_to_listen_on_is_the_documented_one() {
    let (here, space) = (settings(true, &[]), settings(true, &SPACE));
    assert_eq!(stated("host"), format!("`{}`, on a Space `{}`", here.host, space.host));
    let (Ports::FirstFreeOf(ports), Ports::One(port)) = (here.ports, space.ports) else {
        panic!("a range, and one port on a Space");
    };
    let (first, last) = (ports.start(), ports.end());
    assert_eq!(stated("port"), format!("the first free one of {first}–{last}, on a Space {port}"));
    assert_eq!(stated("workers"), "one per core");
    assert_eq!(here.workers, std::thread::available_parallelism().map_or(1, usize::from));
}

#[test]
fn the_limits_are_the_documented_ones() {
    let server = WebhooksServer::empty();
    assert_eq!(stated("body_limit"), format!("{} MiB", server.limits.body as f64 / 1_048_576.0));
    assert_eq!(stated("request_timeout"), seconds(server.limits.request_timeout));
    assert_eq!(stated("shutdown_timeout"), seconds(server.limits.shutdown_timeout));
    assert_eq!(stated("secret_in_query"), if server.secret_in_query { "on" } else { "off" });
}

#[test]
fn webhooks_are_not_registered_unless_a_setting_says_so() {
    assert_eq!(stated("register"), if settings(true, &[]).register { "yes" } else { "no" });
    assert_eq!((stated("reconcile"), settings(true, &[]).reconcile), ("never", None));
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[test]
fn background_deliveries_are_kept_as_documented() {
    use crate::jobs::StoreUrl;

    let server = WebhooksServer::empty();
    let days = server.parts.background.retain_done.as_secs_f64() / (24.0 * 60.0 * 60.0);
    assert_eq!(stated("keep_done"), format!("{days} days"));
    let days = server.parts.background.retain_dead.as_secs_f64() / (24.0 * 60.0 * 60.0);
    assert_eq!(stated("keep_dead"), format!("{days} days"));
    let gibibytes = server.parts.background.limits.bytes as f64 / f64::from(1 << 30);
    assert_eq!(stated("store_limit"), format!("{gibibytes} GiB"));
    let millions = server.parts.background.limits.deliveries as f64 / 1e6;
    assert_eq!(stated("backlog_limit"), format!("{millions} million"));
    assert_eq!(stated("store_connections"), server.parts.background.connections.to_string());
    assert_eq!(stated("lease"), seconds(server.parts.background.lease));
    let StoreUrl::File(file) = StoreUrl::default(false) else { panic!("a file") };
    assert!(stated("store").starts_with(&format!("`{}` in the working directory", file.display())));
    assert_eq!(settings(true, &[]).store, None);
}

#[test]
fn a_public_url_is_made_as_documented() {
    let stated = stated("share");
    assert_eq!(
        stated,
        "yes in a terminal, except on a Space, in a Job, in a container, in CI and with `PORT`; no for `start`"
    );
    // A fixed set of variables counts as a terminal.
    assert!(matches!(settings(true, &[]).exposure, Exposure::Link { renew: false, .. }));
    assert!(matches!(settings(true, &SPACE).exposure, Exposure::At(_)));
    assert_eq!(settings(true, &[("CI", "true")]).exposure, Exposure::Local);
    assert_eq!(settings(true, &[("container", "podman")]).exposure, Exposure::Local);
    assert_eq!(settings(false, &[]).exposure, Exposure::Local);
}
