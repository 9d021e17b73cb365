//! Who may read the metrics, and where they are.

use tests::client::{ClientResponse, exchange, get, head, post};
use tests::program::Program;
use tests::programs::{free_port, quickstart, watching};

use super::metrics_url;
use super::scrape::Scrape;

const TOKEN: &str = "a-token-of-prometheus";

fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Program {
    let arguments = [&["--port", "0"], arguments].concat();
    Program::start(&quickstart(), &arguments, variables).unwrap()
}

fn get_with_token(url: &str, token: &str) -> ClientResponse {
    let header = format!("Authorization: Bearer {token}");
    exchange(url, head("GET /metrics", &[&header])).unwrap()
}

#[test]
fn without_a_setting_there_are_no_metrics() {
    let program = start(&[], &[]);
    assert_eq!(get(&program.local_url(), "/metrics").unwrap().status, 404);
    assert!(!program.stop().stdout.contains("Metrics"));
}

#[test]
fn on_the_port_of_the_server_only_the_token_opens_the_metrics() {
    let program = start(&["--metrics"], &[("WEBHOOKS_METRICS_TOKEN", TOKEN)]);
    let url = program.local_url();
    let response = get(&url, "/metrics").unwrap();
    assert_eq!((response.status, response.header("www-authenticate")), (401, Some("Bearer")));
    assert!(response.body.contains("WEBHOOKS_METRICS_TOKEN") && !response.body.contains(TOKEN));
    assert_eq!(get_with_token(&url, "a-token-of-somebody-else").status, 401);
    let response = get_with_token(&url, TOKEN);
    assert_eq!(response.status, 200);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let _ = Scrape::parse(&response.body);
    assert_eq!(post(&url, "/metrics", "{}").unwrap().status, 404);
    let ended = program.stop();
    assert!(ended.stdout.contains(&format!("* Metrics:               {url}/metrics\n")));
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(TOKEN));
}

#[test]
fn without_a_token_nobody_reads_them_on_the_port_of_the_server_and_a_warning_says_so() {
    for (arguments, variables) in
        [(&["--metrics"][..], &[][..]), (&[], &[("WEBHOOKS_METRICS", "true")])]
    {
        let program = start(arguments, variables);
        let url = program.local_url();
        for response in [get(&url, "/metrics").unwrap(), get_with_token(&url, "")] {
            assert_eq!(response.status, 401);
            assert!(response.body.contains("--metrics-port"), "{response:?}");
        }
        let ended = program.stop();
        assert!(
            ended.stderr.contains("Warning: nobody can read the metrics yet"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_port_of_their_own_serves_the_metrics_and_nothing_else() {
    let program = start(&["--metrics-port", "0"], &[]);
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    assert_ne!(url, metrics);
    let _ = Scrape::of(&metrics);
    assert_eq!(get(&url, "/metrics").unwrap().status, 404);
    for path in ["/", "/health", "/openapi.json", "/webhooks/trigger_training"] {
        assert_ne!(get(&url, path).unwrap().status, 404, "{path}");
        assert_eq!(get(&metrics, path).unwrap().status, 404, "{path}");
    }
    assert_eq!(post(&metrics, "/webhooks/trigger_training", "{}").unwrap().status, 404);
    program.stop();
    assert!(get(&metrics, "/metrics").is_err());
}

#[test]
fn a_port_of_their_own_needs_the_token_if_it_is_set() {
    let variables = [("WEBHOOKS_METRICS_TOKEN", TOKEN), ("WEBHOOKS_METRICS_PORT", "0")];
    let program = start(&[], &variables);
    let metrics = metrics_url(&program);
    assert_eq!(get(&metrics, "/metrics").unwrap().status, 401);
    assert_eq!(get_with_token(&metrics, TOKEN).status, 200);
    program.stop();
}

/// What comes through the tunnel comes from anywhere.
#[test]
fn the_metrics_on_their_own_port_are_not_in_the_tunnel() {
    let tunnel = format!("127.0.0.1:{}", free_port());
    let arguments = ["--port", "0", "--share", "--metrics-port", "0"];
    let program = Program::start(&watching(), &arguments, &[("TUNNEL", &tunnel)]).unwrap();
    let _ = metrics_url(&program);
    let public = program.public_url();
    assert_eq!(get(&public, "/metrics").unwrap().status, 404);
    assert_eq!(get(&public, "/health").unwrap().status, 200);
    program.stop();
}

#[test]
fn what_is_wrong_with_the_settings_is_an_error_at_the_start() {
    let ended = start(&["--metrics"], &[("WEBHOOKS_METRICS_TOKEN", "too short")]).wait();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("WEBHOOKS_METRICS_TOKEN must be 16 characters or more"));
    assert!(!ended.stderr.contains("too short"), "{}", ended.stderr);

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = start(&["--metrics-port", &port], &[]).wait();
    assert_eq!(ended.code, Some(1));
    let text = format!("the metrics cannot be served on 127.0.0.1:{port}: ");
    for part in [&text, "choose another port with --metrics-port"] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}
