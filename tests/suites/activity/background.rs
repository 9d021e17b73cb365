//! Background deliveries on the page.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::client::{BY_SCRIPT, ClientResponse, PAGE_TOKEN, PATIENCE, Viewer, request};
use tests::program::Program;
use tests::programs::{background, quickstart};

use super::{Events, ask, deliver, payload};

/// A program with background functions, which keeps their deliveries in a folder of its own.
pub(super) struct InBackground {
    program: Program,
    pub(super) url: String,
    pub(super) viewer: Viewer,
    file: String,
    folder: tempfile::TempDir,
}

impl InBackground {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept.db").to_str().unwrap().to_owned();
        let arguments = ["--port", "0", "--store", &file];
        let program = Program::start(&background(), &arguments, &[PAGE_TOKEN]);
        let program = program.unwrap();
        let url = program.local_url();
        Self { viewer: Viewer::of_program(&url), url, program, file, folder }
    }

    /// Stops the program, and gives its store and the folder that holds it.
    pub(super) fn stop(self) -> (tempfile::TempDir, String) {
        self.program.stop();
        (self.folder, self.file)
    }

    /// Delivers, and waits until the page says that its state is this. Gives the id.
    pub(super) fn deliver(&self, endpoint: &str, body: &str, state: &str) -> String {
        let answer = deliver(&self.url, endpoint, body);
        assert_eq!(answer.status, 202, "{answer:?}");
        let id = answer.json()["delivery"].as_str().unwrap().to_owned();
        self.wait_for(&id, state);
        id
    }

    pub(super) fn wait_for(&self, id: &str, state: &str) {
        self.wait_for_text(&format!("data-id=\"{id}\" data-state=\"{state}\""));
    }

    /// Waits until the page holds this.
    pub(super) fn wait_for_text(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.viewer.get("/").unwrap().body.contains(text) {
            assert!(Instant::now() < deadline, "{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn retry(&self, id: &str, headers: &[&str]) -> ClientResponse {
        self.viewer.request(&format!("POST /deliveries/{id}/retry"), headers, "").unwrap()
    }
}

#[test]
fn background_deliveries_are_shown_with_all_that_tells_of_them() {
    let server = InBackground::start();
    let page = server.viewer.get("/").unwrap().body;
    assert!(page.contains("No background deliveries yet.") && page.contains("All deliveries"));
    assert!(page.contains("responds at once, runs in the background"));
    assert!(page.contains("one delivery per ref at a time"));
    let done = server.deliver("quick", &payload("me/private"), "done");
    let dead = server.deliver("fails", &payload("me/private"), "dead");
    let running = server.deliver("sleeps", r#"{"milliseconds":600000}"#, "running");
    let queued = server.deliver("later", "{}", "queued");
    server.wait_for_text("the Hub is being maintained");
    let page = server.viewer.get("/").unwrap().body;
    // The dead first, then what runs, then the newest.
    let at = |id: &str| page.find(&format!("data-id=\"{id}\"")).unwrap();
    assert!(at(&dead) < at(&running) && at(&running) < at(&queued) && at(&queued) < at(&done));
    for part in ["attempt 3 of 3", "the training failed: the disk is full", "attempt 1 of 10"] {
        assert!(page.contains(part), "{part}");
    }
    // Its row says what it is about.
    let row = page[at(&dead)..].split("</summary>").next().unwrap();
    for part in
        [r#"<bdi class="event">update repo.content</bdi>"#, r#"<bdi class="repo">me/private</bdi>"#]
    {
        assert!(row.contains(part), "{part}: {row}");
    }
    let detail = |id: &str| server.viewer.get(&format!("/deliveries/{id}/detail")).unwrap().body;
    let shown = detail(&dead);
    assert!(shown.contains("<dt>Repo</dt><dd><bdi>me/private</bdi></dd>"), "{shown}");
    for part in [
        "Attempt 1, started ",
        "Attempt 3, started ",
        "<code>the training failed: the disk is full</code>",
        "<code>an-id</code>",
        "&quot;name&quot;: &quot;me/private&quot;",
        "Run again",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for other in [&running, &queued] {
        assert!(!detail(other).contains("Run again") && detail(other).contains("Cancel"));
    }
    for (ended, action) in [(&dead, "retry"), (&done, "rerun")] {
        let shown = detail(ended);
        assert!(shown.contains("Run again") && !shown.contains("Cancel"), "{shown}");
        // A dead one runs once, even if two viewers press the button.
        assert!(shown.contains(&format!("action=\"deliveries/{ended}/{action}\"")), "{shown}");
    }
    let whole = server.viewer.get(&format!("/deliveries/{dead}")).unwrap().body;
    assert!(whole.contains("<h1>Background delivery</h1>") && whole.contains("Run again"));
    for none in ["0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84", "1", "%ff"] {
        assert_eq!(server.viewer.get(&format!("/deliveries/{none}")).unwrap().status, 404);
        assert_eq!(server.retry(none, &BY_SCRIPT).status, 404);
    }
    // Where no function runs in the background, there is nothing of it.
    let program = Program::start(&quickstart(), &["--port", "0"], &[PAGE_TOKEN]);
    let program = program.unwrap();
    let viewer = Viewer::of_program(&program.local_url());
    let page = viewer.get("/").unwrap().body;
    assert!(page.contains("id=\"activity\"") && !page.contains("id=\"background\""));
    assert!(!page.contains("All deliveries") && !page.contains("runs in the background"));
    assert_eq!(viewer.get(&format!("/deliveries/{dead}")).unwrap().status, 404);
}

#[test]
fn nobody_else_sees_background_deliveries_or_runs_them_again() {
    let server = InBackground::start();
    let dead = server.deliver("gives_up", &payload("me/private"), "dead");
    for outsider in [
        ["Host: localhost", "Sec-Fetch-Site: same-origin"],
        ["Host: localhost", "Cookie: webhooks-session-7860=guessed"],
    ] {
        let page = ask(&server.url, "/", &outsider).body;
        assert!(!page.contains("id=\"background\"") && !page.contains(&dead), "{page}");
        let nothing = ask(&server.url, "/nothing", &outsider);
        for path in [format!("/deliveries/{dead}"), format!("/deliveries/{dead}/detail")] {
            let answer = ask(&server.url, &path, &outsider);
            assert_eq!((answer.status, &answer.body), (404, &nothing.body), "{path}");
        }
        assert_eq!(ask(&server.url, "/events", &outsider).status, 404);
    }
    let retry = format!("POST /deliveries/{dead}/retry");
    assert_eq!(request(&server.url, &retry, &BY_SCRIPT, "").unwrap().status, 404);
    // Not at the word of another site either.
    for headers in [&["Sec-Fetch-Site: cross-site"][..], &["Origin: https://evil.example"], &[]] {
        assert_eq!(server.retry(&dead, headers).status, 403, "{headers:?}");
    }
    let shown = server.viewer.get(&format!("/deliveries/{dead}")).unwrap().body;
    assert_eq!(shown.matches(", started ").count(), 1, "nothing was run: {shown}");
}

#[test]
fn a_dead_delivery_is_run_again_by_a_script_or_a_form() {
    let server = InBackground::start();
    let id = server.deliver("gives_up", "{}", "dead");
    let by_script = server.retry(&id, &BY_SCRIPT);
    assert_eq!(by_script.status, 200);
    let queued = json!({ "delivery": id, "state": "queued", "message": "It is queued again." });
    assert_eq!(by_script.json(), queued);
    let attempts = |count: usize| {
        let deadline = Instant::now() + PATIENCE;
        let path = format!("/deliveries/{id}/detail");
        while server.viewer.get(&path).unwrap().body.matches(", started ").count() != count {
            assert!(Instant::now() < deadline, "{count}");
            std::thread::sleep(Duration::from_millis(20));
        }
        server.wait_for(&id, "dead");
    };
    attempts(2);
    let by_form = server.retry(&id, &["Origin: http://localhost"]);
    let location = format!("../{id}");
    assert_eq!((by_form.status, by_form.header("location")), (303, Some(location.as_str())));
    attempts(3);
    // When another viewer was faster, and it is done by now.
    let done = server.deliver("quick", "{}", "done");
    let refused = server.retry(&done, &BY_SCRIPT);
    let error = "This delivery is done, and only a dead delivery can be retried.";
    assert_eq!((refused.status, refused.json()["error"].as_str()), (409, Some(error)));
}

#[test]
fn background_deliveries_are_followed_whoever_changes_them() {
    let server = InBackground::start();
    let mut events = Events::follow(&server.viewer, "/events", &[]);
    let mut until = |text: &str| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, news) = events.next("background");
            let rows = news["rows"].as_str().unwrap().to_owned();
            if rows.contains(text) {
                return rows;
            }
            assert!(Instant::now() < deadline, "{text}: {rows}");
        }
    };
    until("No background deliveries yet.");
    deliver(&server.url, "alone", r#"{"milliseconds":1500}"#);
    until("data-state=\"running\"");
    until("data-state=\"done\"");
    deliver(&server.url, "gives_up", "{}");
    until("data-state=\"dead\"");
    // By a command line, which is a process of its own.
    let purge = ["--store", &server.file, "deliveries", "purge", "--dead", "--older-than", "0s"];
    let purged = Program::start(&background(), &purge, &[]).unwrap().wait();
    assert_eq!(purged.code, Some(0), "{purged:?}");
    let rows = until("data-state=\"done\"");
    assert!(!rows.contains("data-state=\"dead\""), "{rows}");
}

#[test]
fn who_follows_many_background_deliveries_is_told_of_them_together() {
    let server = InBackground::start();
    let mut events = Events::follow(&server.viewer, "/events", &[]);
    events.next("background");
    let started = Instant::now();
    for number in 0..200 {
        let id = format!("Webhook-Id: {number}");
        request(&server.url, "POST /webhooks/quick", &[&id], "{}").unwrap();
    }
    let mut told = 0;
    loop {
        let (_, news) = events.next("background");
        told += 1;
        let rows = news["rows"].as_str().unwrap();
        let (all, done) = (rows.matches("<li ").count(), rows.matches("=\"done\"").count());
        if (all, done) == (20, 20) {
            break;
        }
    }
    // One each 300 ms at the most.
    let most = 2 + started.elapsed().as_millis() / 300;
    assert!(told <= most, "{told} events in {:?}", started.elapsed());
}
