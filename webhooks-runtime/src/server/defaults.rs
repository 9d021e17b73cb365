//! What the doc comments of the settings call a default is the default. The guide's table is made of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::WebhooksServer;
use crate::config::environment::Environment;
use crate::config::exposure::Exposure;
use crate::config::host::Host;
use crate::config::settings::{PartialSettings, Ports, Settings};

/// The doc comment of a method, in one line, up to its first block of code.
fn documented(method: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server");
    let sources = fs::read_dir(folder).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        fs::read_to_string(path).ok().filter(|source| source.contains("impl WebhooksServer"))
    });
    let found = sources.filter_map(|source| {
        let start = [format!("\n    pub fn {method}("), format!("\n    pub fn {method}<")];
        let at = start.iter().find_map(|start| source.find(start))?;
        let above = source[..at].lines().rev().map_while(|line| {
            let line = line.trim_start();
            (line.starts_with("///") || line.starts_with('#')).then_some(line)
        });
        let mut lines: Vec<_> = above.filter_map(|line| line.strip_prefix("///")).collect();
        lines.reverse();
        let prose = lines.into_iter().map(str::trim).take_while(|line| !line.starts_with("```"));
        Some(prose.collect::<Vec<_>>().join(" "))
    });
    let found: Vec<_> = found.collect();
    assert_eq!(found.len(), 1, "{method}: {found:?}");
    found[0].clone()
}

/// What a method's doc comment says the default is.
fn stated(method: &str) -> String {
    let documented = documented(method);
    let default = documented.split("Default: ").nth(1).unwrap_or_else(|| panic!("{method}"));
    default.split(". ").next().unwrap_or_default().trim().trim_end_matches('.').to_owned()
}

/// What a server has where nobody says anything.
fn settings(shared: bool, variables: &[(&'static str, &'static str)]) -> Settings {
    let server = WebhooksServer::empty();
    let environment = Environment::from_iter(variables.iter().copied());
    let mut errors = Vec::new();
    let given = server.given.clone();
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
    assert_eq!(stated("workers"), "one for each core");
    assert_eq!(here.workers, std::thread::available_parallelism().map_or(1, usize::from));
}

#[test]
fn the_limits_are_the_documented_ones() {
    let server = WebhooksServer::empty();
    assert_eq!(stated("body_limit"), format!("{} MiB", server.limits.body as f64 / 1_048_576.0));
    assert_eq!(stated("request_timeout"), seconds(server.limits.request_timeout));
    assert_eq!(stated("shutdown_timeout"), seconds(server.limits.shutdown_timeout));
    assert!(documented("secret_in_query").contains("Off by default"));
    assert!(!server.secret_in_query);
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
    let stated_share = stated("share");
    let (yes, no) = stated_share.split_once("; no ").unwrap();
    assert!(yes.starts_with("yes for [`launch`]") && no.starts_with("on a Space"), "{yes} {no}");
    assert!(matches!(settings(true, &[]).reach, Exposure::Link { renew: false, .. }));
    assert!(matches!(settings(true, &SPACE).reach, Exposure::At(_)));
    assert!(no.ends_with("for [`start`](Self::start)"), "{no}");
    assert_eq!(settings(false, &[]).reach, Exposure::Local);
}
