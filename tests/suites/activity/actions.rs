//! What a viewer does to background deliveries and their endpoints: cancel, run again, pause.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::client::{BY_SCRIPT, ClientResponse, PATIENCE, Viewer, request};
use webhooks_runtime::{Blocks, WebhooksServer, webhook_endpoint};

use super::background::InBackground;
use super::{Events, ask, payload, serve};

/// What a browser without scripts sends with a form.
const BY_FORM: [&str; 1] = ["Sec-Fetch-Site: same-origin"];

const LONG: &str = r#"{"milliseconds":600000}"#;

impl InBackground {
    fn act(&self, path: &str, headers: &[&str]) -> ClientResponse {
        self.viewer.request(&format!("POST {path}"), headers, "").unwrap()
    }

    fn detail(&self, id: &str) -> String {
        self.viewer.get(&format!("/deliveries/{id}/detail")).unwrap().body
    }

    fn pause(&self, function: &str) {
        let paused =
            self.act(&format!("/endpoints/pause?endpoint=/webhooks/{function}"), &BY_SCRIPT);
        assert_eq!(paused.status, 200, "{paused:?}");
    }
}

fn error(response: &ClientResponse) -> String {
    response.json()["error"].as_str().unwrap().to_owned()
}

#[test]
fn queued_and_running_deliveries_are_cancelled() {
    let server = InBackground::start();
    let running = server.deliver("alone", LONG, "running");
    let queued = server.deliver_anew("alone", LONG, "queued");
    let cancelled = server.act(&format!("/deliveries/{queued}/cancel"), &BY_SCRIPT);
    let state = json!({ "delivery": queued, "state": "cancelled", "message": "It is cancelled." });
    assert_eq!((cancelled.status, cancelled.json()), (200, state));
    server.wait_for(&queued, "cancelled");

    let stopped = server.act(&format!("/deliveries/{running}/cancel"), &BY_FORM);
    let location = format!("../{running}");
    assert_eq!((stopped.status, stopped.header("location")), (303, Some(location.as_str())));
    server.wait_for(&running, "cancelled");
    let detail = server.detail(&running);
    assert!(detail.contains("Run again") && !detail.contains(">Cancel<"), "{detail}");

    let again = server.act(&format!("/deliveries/{running}/cancel"), &BY_SCRIPT);
    let why = "This delivery is cancelled, and only a queued or running delivery can be cancelled.";
    assert_eq!((again.status, error(&again).as_str()), (409, why));
}

#[test]
fn a_running_delivery_of_a_fn_is_not_cancelled_and_the_page_says_why() {
    let server = InBackground::start();
    let id = server.deliver("computes", r#"{"milliseconds":3000}"#, "running");
    let why = "It cannot be cancelled while it runs: its function is not async";
    let detail = server.detail(&id);
    assert!(detail.contains(why) && !detail.contains("/cancel"), "{detail}");
    let path = format!("/deliveries/{id}/cancel");
    let by_script = server.act(&path, &BY_SCRIPT);
    assert_eq!(by_script.status, 409);
    assert!(error(&by_script).starts_with(why), "{by_script:?}");
    // A browser without scripts gets a page that leads back.
    let by_form = server.act(&path, &BY_FORM);
    assert_eq!(by_form.status, 409);
    assert_eq!(by_form.header("content-type"), Some("text/html; charset=utf-8"));
    for part in ["<h1>Not cancelled</h1>", why, "<a href=\"../../\">"] {
        assert!(by_form.body.contains(part), "{part}: {}", by_form.body);
    }
    server.wait_for(&id, "done");
}

#[test]
fn every_ended_delivery_is_run_again() {
    let server = InBackground::start();
    let done = server.deliver("quick", "{}", "done");
    let dead = server.deliver_anew("gives_up", "{}", "dead");
    server.pause("quick");
    let cancelled = server.deliver_anew("quick", "{}", "queued");
    server.act(&format!("/deliveries/{cancelled}/cancel"), &BY_SCRIPT);
    let [older, newer] = server.replaced();
    for id in [&done, &dead, &cancelled, &older] {
        let again = server.act(&format!("/deliveries/{id}/rerun"), &BY_SCRIPT);
        let queued = json!({ "delivery": id, "state": "queued", "message": "It is queued again." });
        assert_eq!((again.status, again.json()), (200, queued));
    }
    // Those of the paused endpoint are still queued.
    let again = server.act(&format!("/deliveries/{done}/rerun"), &BY_FORM);
    assert_eq!(again.status, 409);
    assert!(again.body.contains("<h1>Not run again</h1>"), "{}", again.body);
    server.act("/endpoints/resume?endpoint=/webhooks/quick", &BY_SCRIPT);
    for id in [&done, &cancelled, &older, &newer] {
        server.wait_for(id, "done");
    }
}

#[test]
fn a_delivery_names_what_replaced_it_and_what_it_carries() {
    let server = InBackground::start();
    let [older, newer] = server.replaced();
    let detail = server.detail(&older);
    let link = format!(
        "<dt>Superseded by</dt><dd><a href=\"deliveries/{newer}\"><code>{newer}</code></a>"
    );
    assert!(detail.contains("superseded") && detail.contains(&link), "{detail}");
    let page = server.viewer.get(&format!("/deliveries/{older}")).unwrap().body;
    assert!(page.contains(&format!("<a href=\"../deliveries/{newer}\">")), "{page}");
    let detail = server.detail(&newer);
    for part in ["the changes of 1 older delivery", "<dt>Key</dt><dd><bdi>dataset", "merged 1"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    let page = server.viewer.get("/").unwrap().body;
    for part in ["carries 1 older", "<bdi class=\"note\">merged 1</bdi>"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn a_paused_endpoint_accepts_deliveries_and_runs_none_until_it_is_resumed() {
    let server = InBackground::start();
    let mut events = Events::follow(&server.viewer, "/events", &[]);
    let mut until = |text: &str| {
        let deadline = Instant::now() + PATIENCE;
        while !events.next("pauses").1["/webhooks/quick"].as_str().unwrap().contains(text) {
            assert!(Instant::now() < deadline, "{text}");
        }
    };
    until(">Pause<");
    let pause = server.act("/endpoints/pause?endpoint=%2Fwebhooks%2Fquick", &BY_SCRIPT);
    let message = "/webhooks/quick is paused. It accepts deliveries and runs none.";
    let paused = json!({ "endpoint": "/webhooks/quick", "paused": true, "message": message });
    assert_eq!((pause.status, pause.json()), (200, paused));
    until("Paused just now");
    let id = server.deliver("quick", "{}", "queued");
    // Everyone sees it at the endpoint, and only viewers can change it.
    let outside = ask(&server.url, "/", &["Host: localhost"]).body;
    assert_eq!(outside.matches("Paused just now").count(), 1, "{outside}");
    assert!(!outside.contains("endpoints/resume") && !outside.contains("endpoints/pause"));
    let page = server.viewer.get("/").unwrap().body;
    let row = page.split(&format!("data-id=\"{id}\"")).nth(1).unwrap();
    let name = "<span class=\"name\">quick <span class=\"tag\">paused</span></span>";
    assert!(row.contains(name), "{row}");
    assert_eq!(page.matches(">Resume<").count(), 2, "at the endpoint and above the deliveries");
    assert!(server.detail(&id).contains("endpoint paused"));
    std::thread::sleep(Duration::from_millis(1500));
    server.wait_for(&id, "queued");

    let resume = server.act("/endpoints/resume?endpoint=/webhooks/quick", &BY_FORM);
    assert_eq!((resume.status, resume.header("location")), (303, Some("../#endpoints")));
    until(">Pause<");
    server.wait_for(&id, "done");
    assert!(!server.viewer.get("/").unwrap().body.contains("Paused"));
}

/// An endpoint that the program with background functions does not have.
#[webhook_endpoint(background)]
async fn elsewhere() {}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_paused_on_a_page_without_deliveries() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.db");
    let server = WebhooksServer::empty().endpoint(elsewhere::endpoint());
    let server = server.store(file.to_str().unwrap());
    let server = serve(server.ui(Blocks::new().endpoints().trigger_form())).await;
    let viewer = Viewer::open(server.activity_url());
    let button = "action=\"endpoints/pause?endpoint=%2Fwebhooks%2Felsewhere\"";
    assert!(viewer.get("/").unwrap().body.contains(button));
    let act = |path: &str| viewer.request(&format!("POST {path}"), &BY_SCRIPT, "").unwrap().status;
    assert_eq!(act("/endpoints/pause?endpoint=/webhooks/elsewhere"), 200);
    assert!(viewer.get("/").unwrap().body.contains("Paused just now"));
    assert_eq!(act("/endpoints/resume?endpoint=/webhooks/elsewhere"), 200);
    assert!(viewer.get("/").unwrap().body.contains(button));
    let unknown = "/deliveries/0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84";
    assert_eq!(act(&format!("{unknown}/rerun")), 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_paused_endpoints_of_other_programs_are_not_shown() {
    let server = InBackground::start();
    server.pause("quick");
    let (_folder, file) = server.stop();
    let server = WebhooksServer::empty().endpoint(elsewhere::endpoint()).store(file);
    let server = serve(server).await;
    let viewer = Viewer::open(server.activity_url());
    let page = viewer.get("/").unwrap().body;
    assert!(!page.contains("Paused") && !page.contains("endpoints/resume"), "{page}");
    server.stop().await;
}

#[test]
fn nobody_else_cancels_runs_again_or_pauses() {
    let server = InBackground::start();
    let id = server.deliver("alone", LONG, "running");
    let paths = [
        format!("/deliveries/{id}/cancel"),
        format!("/deliveries/{id}/rerun"),
        "/endpoints/pause?endpoint=/webhooks/alone".to_owned(),
        "/endpoints/resume?endpoint=/webhooks/alone".to_owned(),
    ];
    for path in &paths {
        let outside = request(&server.url, &format!("POST {path}"), &BY_SCRIPT, "").unwrap();
        assert_eq!(outside.status, 404, "{path}");
        for headers in [&["Sec-Fetch-Site: cross-site"][..], &["Origin: https://evil.example"], &[]]
        {
            assert_eq!(server.act(path, headers).status, 403, "{path} {headers:?}");
        }
        let get = server.viewer.get(path).unwrap();
        assert!([404, 405].contains(&get.status), "{path}: {get:?}");
    }
    let page = server.viewer.get("/").unwrap().body;
    assert!(!page.contains("Paused") && page.contains(&format!("{id}\" data-state=\"running\"")));
    for unknown in ["/webhooks/unknown", "/webhooks/answered", ""] {
        let path = format!("/endpoints/pause?endpoint={unknown}");
        assert_eq!(server.act(&path, &BY_SCRIPT).status, 404, "{unknown}");
    }
    assert_eq!(server.act("/endpoints/pause", &BY_SCRIPT).status, 404);
    let unknown = "/deliveries/0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84";
    for action in ["cancel", "rerun"] {
        assert_eq!(server.act(&format!("{unknown}/{action}"), &BY_SCRIPT).status, 404);
    }
}

impl InBackground {
    /// Delivers with a `Webhook-Id` that no other delivery has.
    fn deliver_anew(&self, endpoint: &str, body: &str, state: &str) -> String {
        let headers = ["Content-Type: application/json"];
        let accepted =
            request(&self.url, &format!("POST /webhooks/{endpoint}"), &headers, body).unwrap();
        assert_eq!(accepted.status, 202, "{accepted:?}");
        let id = accepted.json()["delivery"].as_str().unwrap().to_owned();
        self.wait_for(&id, state);
        id
    }

    /// Delivers twice, so that the second delivery replaces the first one. Gives both, once the second is done.
    fn replaced(&self) -> [String; 2] {
        let body = payload("me/data");
        self.pause("debounced");
        let older = self.deliver_anew("debounced", &body, "queued");
        let newer = self.deliver_anew("debounced", &body, "queued");
        self.wait_for(&older, "superseded");
        self.act("/endpoints/resume?endpoint=/webhooks/debounced", &BY_SCRIPT);
        self.wait_for(&newer, "done");
        [older, newer]
    }
}
