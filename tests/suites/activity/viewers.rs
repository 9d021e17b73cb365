//! Who may see the deliveries on the page.

use serde_json::json;
use tests::client::{BY_SCRIPT, PAGE_TOKEN, Viewer, get, request};
use tests::program::Program;
use tests::programs::quickstart;
use tests::proxy::nginx;
use tests::share::{Terms, TestShareServer};
use webhooks_runtime::testing::{TestClient, dataset_commit};
use webhooks_runtime::{Blocks, WebhooksServer};

use super::{PATHS, ask, deliver, new_server, payload, sees, serve, train};

#[tokio::test]
async fn nobody_sees_deliveries_without_the_cookie_wherever_they_seem_to_be() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    deliver(url, "train", &payload("me/private"));
    for host in ["127.0.0.1", "localhost:7860", "[::1]:1", "evil.example", "192.168.0.2:7860"] {
        assert!(!sees(url, &[&format!("Host: {host}")]), "{host}");
    }
    let page = get(url, "/").unwrap().body;
    assert!(page.contains("/webhooks/train") && page.contains("?token=…"), "{page}");
    assert!(!page.contains("<form"), "{page}");
    assert_eq!(get(url, "/events").unwrap().status, 404);
    for path in ["/activity/1/again", "/trigger"] {
        let answer = request(url, &format!("POST {path}"), &BY_SCRIPT, "").unwrap();
        assert!([403, 404].contains(&answer.status), "{path}: {answer:?}");
    }
    server.stop().await;
}

#[test]
#[ignore = "needs nginx"]
fn through_a_proxy_that_adds_no_header_nothing_is_seen_without_the_token() {
    let program = quickstart();
    let program = Program::start(&program, &["--port", "0"], &[PAGE_TOKEN]).unwrap();
    deliver(&program.local_url(), "trigger_training", &payload("me/private"));
    let folder = tempfile::tempdir().unwrap();
    let pass = format!("location / {{ proxy_pass {}; }}", program.local_url());
    let (proxy, url) = nginx(folder.path(), &pass);
    let host = url.replace("http://", "Host: ");
    assert!(!sees(&url, &[&host]));
    let again = request(&url, "POST /activity/1/again", &["Sec-Fetch-Site: same-origin"], "");
    assert_eq!(again.unwrap().status, 404);
    let viewer = Viewer::of_program(&url);
    assert!(sees(&url, &[&host, &viewer.cookie]));
    let again = viewer.request("POST /activity/1/again", &BY_SCRIPT, "").unwrap();
    assert_eq!(again.json(), json!({ "number": 2, "status": 200 }));
    proxy.stop();
    program.stop();
}

#[tokio::test]
async fn the_token_is_exchanged_for_a_cookie_that_opens_them() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    deliver(url, "train", &payload("me/private"));
    let opening = server.activity_url().unwrap();
    let path = opening.strip_prefix(url).unwrap();
    let elsewhere = "Host: bot.example";
    let answer = ask(url, path, &[elsewhere]);
    // The URL with the token is never a page, so that it stays in no history.
    assert_eq!((answer.status, answer.header("location")), (303, Some("./?opened")));
    assert_eq!(answer.body, "");
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let token = path.rsplit('=').next().unwrap();
    assert!(!cookie.contains(token), "the cookie is not the token");
    assert!(sees(url, &[elsewhere, &cookie]));
    assert!(sees(url, &[elsewhere, &cookie, "X-Forwarded-For: 10.0.0.1"]));
    let opened = ask(url, "/?opened", &[elsewhere, &cookie]);
    assert_eq!((opened.status, opened.header("location")), (303, Some("./")));
    // On redirects that another site's link began, browsers don't send the cookie.
    let opened = ask(url, "/?opened", &[elsewhere]);
    assert_eq!((opened.status, opened.header("refresh")), (200, Some("0; url=./")));
    assert!(!sees(url, &[elsewhere, &cookie[..cookie.len() - 1]]));
    // Another server of this host has set a cookie of the same name.
    let name = cookie.split('=').next().unwrap();
    assert!(sees(url, &[elsewhere, &format!("{name}=other"), &cookie]));
    // A wrong token is told nothing, not even that there is one.
    let wrong = ask(url, "/?token=guessed", &[elsewhere]);
    assert_eq!((wrong.status, wrong.header("set-cookie")), (200, None));
    assert_eq!(wrong.body, ask(url, "/", &[elsewhere]).body);
    server.stop().await;
}

#[tokio::test]
async fn the_url_that_opens_the_page_is_the_public_one() {
    let server = serve(new_server().public_url("https://hooks.example")).await;
    assert!(server.activity_url().unwrap().starts_with("https://hooks.example/?token="));
    server.stop().await;

    let space = [("SPACE_ID", "me/bot"), ("SPACE_HOST", "me-bot.hf.space"), PAGE_TOKEN];
    let program = quickstart();
    let program =
        Program::start(&program, &["--host", "127.0.0.1", "--port", "0"], &space).unwrap();
    let url = program.local_url();
    deliver(&url, "trigger_training", &payload("me/private"));
    // A log that others can read has no token.
    let line = program.wait_for("/?token=");
    assert!(line.ends_with("https://me-bot.hf.space/?token=$WEBHOOKS_PAGE_TOKEN"), "{line}");
    let answer = ask(&url, &format!("/?token={}", PAGE_TOKEN.1), &["Host: me-bot.hf.space"]);
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("; Secure"), "{cookie}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    assert!(sees(&url, &["Host: me-bot.hf.space", &cookie]));
    let ended = program.stop();
    assert!(!(ended.stderr + &ended.stdout).contains(PAGE_TOKEN.1), "the token is in no log");
}

#[test]
fn a_token_that_is_set_opens_every_replica_and_every_start() {
    let start = || {
        let program = quickstart();
        Program::start(&program, &["--port", "0"], &[PAGE_TOKEN]).unwrap()
    };
    let [one, other] = [start(), start()];
    for program in [&one, &other] {
        deliver(&program.local_url(), "trigger_training", &payload("me/private"));
    }
    let viewer = Viewer::of_program(&one.local_url());
    assert!(sees(&other.local_url(), &["Host: localhost", &viewer.cookie]));
    one.stop();
    other.stop();
    let short = [("WEBHOOKS_PAGE_TOKEN", "short")];
    let program = quickstart();
    let ended = Program::start(&program, &["--port", "0"], &short).unwrap().wait();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("WEBHOOKS_PAGE_TOKEN must be 16 characters"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn through_the_share_link_nothing_is_seen_without_the_token() {
    let share_server = TestShareServer::start(&Terms::default()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let address = share_server.address.to_string();
    let variables = [
        ("GRADIO_SHARE", "true"),
        ("GRADIO_SHARE_SERVER_ADDRESS", address.as_str()),
        ("XDG_STATE_HOME", home.path().to_str().unwrap()),
        PAGE_TOKEN,
    ];
    let program = quickstart();
    let program = Program::start(&program, &["--port", "0"], &variables).unwrap();
    let (local, public) = (program.local_url(), program.public_url());
    deliver(&local, "trigger_training", &payload("me/private"));
    let host = public.split("//").nth(1).unwrap();
    let through = format!("http://{}", share_server.public);
    let host_line = format!("Host: {host}");
    assert!(!sees(&through, &[&host_line]));
    assert_eq!(ask(&through, "/events", &[&host_line]).status, 404);
    let answer = ask(&through, &format!("/?token={}", PAGE_TOKEN.1), &[&host_line]);
    let cookie =
        format!("Cookie: {}", answer.header("set-cookie").unwrap().split(';').next().unwrap());
    assert!(sees(&through, &[&host_line, &cookie]));
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_the_block_keeps_no_deliveries() {
    for ui in [Blocks::new().endpoints(), Blocks::new()] {
        let server = serve(new_server().ui(ui)).await;
        deliver(server.local_url(), "train", &payload("me/private"));
        assert!(!sees(server.local_url(), &["Host: localhost"]));
        assert_eq!(get(server.local_url(), "/events").unwrap().status, 404);
        assert_eq!(get(server.local_url(), "/activity/1").unwrap().status, 404);
        assert_eq!(server.activity_url(), None);
        server.stop().await;
    }
}

#[test]
fn in_a_test_there_are_none() {
    let client = TestClient::new(WebhooksServer::empty().endpoint(train::endpoint())).unwrap();
    client.post(train::PATH, dataset_commit()).send();
    assert!(!client.get("/").send().text().contains("id=\"activity\""));
    for path in PATHS {
        assert_eq!(client.get(path).send().status(), 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_no_delivery_is_answered_as_any_path_at_which_nothing_is() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    let nothing = ask(url, "/nothing", &["Host: bot.example"]);
    for path in [
        "/activity/abc",
        "/activity/abc/detail",
        "/activity/%ff",
        "/activity/99999999999999999999",
        "/events",
        "/activity/1/",
    ] {
        let answer = ask(url, path, &["Host: bot.example"]);
        assert_eq!((answer.status, &answer.body), (404, &nothing.body), "{path}");
        assert_eq!(answer.header("content-type"), nothing.header("content-type"));
    }
    let again = request(url, "POST /activity/abc/again", &["Sec-Fetch-Site: same-origin"], "");
    assert_eq!(again.unwrap().body, nothing.body);
    server.stop().await;
}
