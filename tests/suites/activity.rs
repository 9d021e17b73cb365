//! The deliveries on the page, over a socket: who may see them, what is kept, and how they are
//! followed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::client::{
    Answer, BY_SCRIPT, PAGE_TOKEN, PATIENCE, Viewer, connect, get, head, read_answer, request,
};
use tests::program::{Program, build};
use tests::proxy::nginx;
use tests::share::{ShareServer, Terms};
use webhooks_runtime::actix_web;
use webhooks_runtime::testing::{TestClient, dataset_commit};
use webhooks_runtime::{
    Blocks, HttpResponse, ServerHandle, WebhookPayload, WebhooksServer, web, webhook_endpoint,
};

#[webhook_endpoint]
async fn train(payload: WebhookPayload) -> Value {
    json!({ "training_on": payload.repo.name })
}

/// Answers with the request's id, so that it can be seen whether one was sent again as it was.
#[webhook_endpoint]
async fn echo(request: webhooks_runtime::HttpRequest, body: String) -> String {
    let id = request.headers().get("webhook-id").map(|id| id.to_str().unwrap().to_owned());
    format!("{id:?} {}", body.len())
}

/// Tells the names of the cookies that it sees, and the query.
#[webhook_endpoint]
async fn cookies(request: webhooks_runtime::HttpRequest, _: webhooks_runtime::Delivery) -> String {
    let names: Vec<_> = request
        .headers()
        .get_all("cookie")
        .flat_map(|header| header.to_str().unwrap().split("; "))
        .map(|cookie| cookie.split('=').next().unwrap())
        .collect();
    format!("{names:?} {}", request.query_string())
}

#[webhook_endpoint]
async fn stream() -> HttpResponse {
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(web::Bytes::from("piece"))]);
    HttpResponse::Ok().streaming(pieces)
}

/// What tells of deliveries: the paths that are there for those who may see them.
const PATHS: [&str; 3] = ["/events", "/activity/1", "/activity/1/detail"];

/// Returns a server with the endpoints of this suite.
fn new_server() -> WebhooksServer {
    WebhooksServer::empty()
        .endpoint(train::endpoint())
        .endpoint(echo::endpoint())
        .endpoint(cookies::endpoint())
        .endpoint(stream::endpoint())
}

async fn serve(server: WebhooksServer) -> ServerHandle {
    server.port(0).workers(1).start().await.unwrap()
}

fn payload(name: &str) -> String {
    serde_json::to_string(&dataset_commit().repo(name)).unwrap()
}

fn deliver(url: &str, path: &str, body: &str) -> Answer {
    let headers = ["Content-Type: application/json", "Webhook-Id: an-id"];
    request(url, &format!("POST /webhooks/{path}"), &headers, body).unwrap()
}

/// Gets a path with exactly these headers.
fn ask(url: &str, path: &str, headers: &[&str]) -> Answer {
    let mut stream = connect(url).unwrap();
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{lines}\r\n").as_bytes()).unwrap();
    read_answer(&mut stream).unwrap()
}

/// Whether the page shows deliveries to who asks like this.
fn sees(url: &str, headers: &[&str]) -> bool {
    let page = ask(url, "/", headers);
    assert_eq!(page.status, 200, "{page:?}");
    let shown = page.body.contains("id=\"activity\"");
    assert_eq!(page.body.contains("me/private"), shown);
    for path in ["/activity/1", "/activity/1/detail"] {
        let answer = ask(url, path, headers);
        if shown {
            assert!(answer.status == 200 && answer.body.contains("me/private"), "{answer:?}");
        } else {
            // As at any other path where nothing is.
            let nothing = ask(url, "/nothing", headers);
            assert_eq!((answer.status, &answer.body), (404, &nothing.body), "{path}");
        }
    }
    shown
}

/// A stream of server-sent events.
struct Events(BufReader<TcpStream>);

impl Events {
    fn follow(viewer: &Viewer, path: &str, headers: &[&str]) -> Self {
        let mut stream = connect(&viewer.url).unwrap();
        let headers = [headers, &[viewer.cookie.as_str()]].concat();
        stream.write_all(head(&format!("GET {path}"), &headers).as_bytes()).unwrap();
        Self(BufReader::new(stream))
    }

    /// The next event of this name: its id and its data.
    fn next(&mut self, name: &str) -> (String, Value) {
        let deadline = Instant::now() + PATIENCE;
        let (mut id, mut event) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
            assert!(Instant::now() < deadline, "no event {name}");
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.to_owned();
            } else if let Some(text) = line.strip_prefix("event: ") {
                event = text.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ").filter(|_| event == name) {
                return (id, serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The numbers of the deliveries that come next, and the id after them.
    fn deliveries(&mut self) -> (Vec<u64>, bool, String) {
        let (id, news) = self.next("deliveries");
        let rows = news["rows"].as_str().unwrap();
        let numbers = rows.split("data-number=\"").skip(1);
        let numbers = numbers.map(|rest| rest.split('"').next().unwrap().parse().unwrap());
        (numbers.collect(), news["all"] == true, id)
    }
}

// ---- who may look

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
    let program = build("quickstart", "dev");
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
    let program = build("quickstart", "dev");
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
        let program = build("quickstart", "dev");
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
    let program = build("quickstart", "dev");
    let ended = Program::start(&program, &["--port", "0"], &short).unwrap().wait();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("WEBHOOKS_PAGE_TOKEN must be 16 characters"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn through_the_share_link_nothing_is_seen_without_the_token() {
    let share_server = ShareServer::start(&Terms::default()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let address = share_server.address.to_string();
    let variables = [
        ("GRADIO_SHARE", "true"),
        ("GRADIO_SHARE_SERVER_ADDRESS", address.as_str()),
        ("XDG_STATE_HOME", home.path().to_str().unwrap()),
        PAGE_TOKEN,
    ];
    let program = build("quickstart", "dev");
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

// ---- what is kept

#[tokio::test]
async fn a_delivery_is_kept_with_all_that_tells_of_it() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let headers = ["Webhook-Id: an-id", "X-Webhook-Secret: hush"];
    request(url, "POST /webhooks/train", &headers, &payload("me/data")).unwrap();
    request(url, "POST /webhooks/train", &headers, "{ not json").unwrap();
    request(url, "POST /webhooks/train", &["X-Webhook-Secret: guessed"], &payload("me/x")).unwrap();
    request(url, "POST /webhooks/stream", &headers, "{}").unwrap();
    // Not a delivery.
    get(url, "/webhooks/train").unwrap();
    let page = viewer.get("/").unwrap().body;
    assert_eq!(page.matches("data-number=").count(), 4);
    let detail = |number: u64| viewer.get(&format!("/activity/{number}/detail")).unwrap().body;
    let first = detail(1);
    for part in [
        "an-id",
        "/webhooks/train",
        "200 OK",
        "&quot;name&quot;: &quot;me/data&quot;",
        "training_on",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    assert!(detail(2).contains("{ not json") && detail(2).contains("422"));
    let refused = detail(3);
    assert!(refused.contains("403") && refused.contains("rejected before its payload was read"));
    assert!(!refused.contains("Send again") && !refused.contains("me/x"));
    assert!(detail(4).contains("The response is a stream"));
    for answer in [page, first, refused] {
        assert!(!answer.contains("hush") && !answer.contains("guessed"));
    }
    assert_eq!(viewer.get("/activity/5/detail").unwrap().status, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_body_above_64_kib_is_cut_and_not_sent_again() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    deliver(url, "echo", &"x".repeat(64 * 1024));
    deliver(url, "echo", &"x".repeat(64 * 1024 + 1));
    assert!(viewer.get("/activity/1").unwrap().body.contains("Send again"));
    let cut = viewer.get("/activity/2").unwrap().body;
    assert!(
        cut.contains("Truncated: the first 65536 of 65537 bytes.") && !cut.contains("Send again<")
    );
    let again =
        viewer.request("POST /activity/2/again", &["Sec-Fetch-Site: same-origin"], "").unwrap();
    assert_eq!(again.status, 409);
    server.stop().await;
}

#[tokio::test]
async fn rejected_requests_push_out_no_delivery_and_are_small() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let (large, small) = (payload(&"x".repeat(60_000)), payload("me/data"));
    for number in 0..150 {
        let headers = ["X-Webhook-Secret: hush", &format!("Webhook-Id: real-{number}")[..]];
        let body = if number < 50 { &large } else { &small };
        request(url, "POST /webhooks/train", &headers, body).unwrap();
    }
    let id = format!("Webhook-Id: {}", "i".repeat(60_000));
    let first = format!("POST /webhooks/train?{}", "q".repeat(60_000));
    for _ in 0..100 {
        let rejected = request(url, &first, &[&id], "{}").unwrap();
        assert_eq!(rejected.status, 401, "{rejected:?}");
    }
    let page = viewer.get("/?all=true").unwrap().body;
    for number in 0..150 {
        assert!(page.contains(&format!(">real-{number}<")), "{number}");
    }
    assert!(page.contains(&"i".repeat(100)) && !page.contains(&"i".repeat(1000)));
    assert!(page.len() < 500_000, "{}", page.len());
    server.stop().await;
}

// ---- sending

#[tokio::test]
async fn a_delivery_is_sent_again_as_it_was_without_its_secret() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let headers = ["Webhook-Id: an-id", "X-Webhook-Secret: hush"];
    request(url, "POST /webhooks/echo", &headers, "body").unwrap();
    let again = |headers: &[&str]| viewer.request("POST /activity/1/again", headers, "").unwrap();

    let by_script = again(&["Sec-Fetch-Site: same-origin", "Accept: application/json"]);
    assert_eq!(by_script.json(), json!({ "number": 2, "status": 200 }));
    let by_form = again(&["Origin: http://localhost"]);
    assert_eq!((by_form.status, by_form.header("location")), (303, Some("../3")));
    for number in [2, 3] {
        let detail = viewer.get(&format!("/activity/{number}/detail")).unwrap().body;
        assert!(detail.contains("Some(&quot;an-id&quot;) 4"), "{detail}");
    }

    // Not at the word of another site, nor for who may not look.
    for headers in [
        &["Sec-Fetch-Site: cross-site"][..],
        &["Sec-Fetch-Site: same-site", "Origin: http://localhost"],
        &["Origin: https://evil.example"],
        &["Origin: null"],
        &[],
    ] {
        assert_eq!(again(headers).status, 403, "{headers:?}");
    }
    let outside = request(url, "POST /activity/1/again", &BY_SCRIPT, "").unwrap();
    assert_eq!(outside.status, 404);
    assert_eq!(viewer.get("/activity/4").unwrap().status, 404, "nothing was sent");
    server.stop().await;
}

#[tokio::test]
async fn what_is_sent_from_here_has_the_query_and_nothing_of_the_visitor() {
    let server = serve(new_server().secret_in_query(true)).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let id = "x".repeat(250);
    let headers = [&format!("Webhook-Id: {id}")[..]];
    request(url, "POST /webhooks/cookies?project=a%26b&secret=hush", &headers, "{}").unwrap();
    viewer.request("POST /activity/1/again", &BY_SCRIPT, "").unwrap();
    let sent = viewer.get("/activity/2/detail").unwrap().body;
    assert!(sent.contains("[] project=a%26b<") && sent.contains(&id), "{sent}");
    assert!(!sent.contains("hush"));

    let fields = "endpoint=%2Fwebhooks%2Fcookies&sample=own&payload=body&do=send";
    let form = ["Sec-Fetch-Site: same-origin"];
    let page = viewer.request("POST /trigger", &form, fields).unwrap().body;
    assert!(page.contains("<code>[]</code>") && page.contains("id=\"activity\""), "{page}");
    server.stop().await;
}

/// What the requests were that a task kept, when it looked at them at last.
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
static CAN_LOOK: AtomicBool = AtomicBool::new(false);

#[tokio::test]
async fn a_function_may_keep_its_request_and_nothing_changes_in_it() {
    async fn keeps(request: webhooks_runtime::HttpRequest) {
        actix_web::rt::spawn(async move {
            while !CAN_LOOK.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let content = request.headers().get("content-type").unwrap().to_str().unwrap();
            SEEN.lock().unwrap().push(format!("{} {content}", request.uri()));
        });
    }
    let server = WebhooksServer::empty().add_webhook("keeps", keeps).secret_in_query(true);
    let server = serve(server.webhook_secret("hush")).await;
    let viewer = Viewer::open(server.activity_url());
    let mut stream = connect(server.local_url()).unwrap();
    let mut exchange = |first: &str, headers: &[&str], body: &str| {
        let length = format!("Content-Length: {}", body.len());
        let headers: Vec<_> = headers.iter().copied().chain([&*length]).collect();
        stream.write_all((head(first, &headers) + body).as_bytes()).unwrap();
        read_answer(&mut stream).unwrap()
    };
    let by_viewer = [BY_SCRIPT[0], BY_SCRIPT[1], &viewer.cookie];
    let json = ["Content-Type: application/json"];
    let fields = "endpoint=%2Fwebhooks%2Fkeeps&sample=own&payload=body&secret=hush&do=send";
    // On one connection, which uses what it keeps of a request for the next one.
    for number in [1, 4] {
        let direct = exchange("POST /webhooks/keeps?secret=hush&a=1", &json, "{}");
        assert_eq!(direct.status, 200);
        assert_eq!(exchange("POST /trigger", &by_viewer, fields).json()["status"], 200);
        let again = exchange(&format!("POST /activity/{number}/again"), &by_viewer, "");
        assert_eq!(again.json(), json!({ "number": number + 2, "status": 200 }));
    }
    CAN_LOOK.store(true, Ordering::Relaxed);
    let started = Instant::now();
    while SEEN.lock().unwrap().len() < 6 && started.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut seen = SEEN.lock().unwrap().clone();
    seen.sort();
    let (direct, form) =
        ("/webhooks/keeps?a=1 application/json", "/webhooks/keeps application/json");
    assert_eq!(seen, [form, form, direct, direct, direct, direct]);
    server.stop().await;
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_unread_and_a_slow_one_is_not_waited_for() {
    let limit = Duration::from_millis(300);
    let server = serve(new_server().webhook_secret("hush").request_timeout(limit)).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    for (origin, status) in
        [("Origin: https://evil.example", 403), ("Origin: http://localhost", 400)]
    {
        let mut stream = connect(url).unwrap();
        let headers = ["Content-Length: 1000", origin, &viewer.cookie];
        let head = head("POST /trigger", &headers) + "end";
        stream.write_all(head.as_bytes()).unwrap();
        let answer = read_answer(&mut stream).unwrap();
        assert_eq!(answer.status, status, "{origin}");
    }
    server.stop().await;

    let server = serve(new_server().body_limit(10_000)).await;
    let viewer = Viewer::open(server.activity_url());
    let large = format!("payload={}", "x".repeat(50_000));
    let page = ["Sec-Fetch-Site: same-origin"];
    assert_eq!(viewer.request("POST /trigger", &page, &large).unwrap().status, 400);
    server.stop().await;
}

#[tokio::test]
async fn the_form_sends_a_delivery_on_only_for_this_page() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let form = "Content-Type: application/x-www-form-urlencoded";
    let send = |origin: &str, fields: &str| {
        viewer.request("POST /trigger", &[form, origin], fields).unwrap()
    };
    let fields = |secret: &str| {
        format!("endpoint=%2Fwebhooks%2Fecho&sample=own&payload=body&secret={secret}&do=send")
    };
    let page = "Sec-Fetch-Site: same-origin";
    let right = send(page, &fields("hush"));
    assert!(right.status == 200 && right.body.contains(") 4</code>"), "{}", right.body);
    assert!(!right.body.contains("hush"));
    assert!(send(page, &fields("guessed")).body.contains("403 Forbidden"));
    assert!(send(page, &fields("")).body.contains("401 Unauthorized"));
    let nowhere = "endpoint=%2Fnowhere&sample=own&payload=body&do=send";
    assert!(send(page, nowhere).body.contains("404 Not Found"));
    for odd in [
        "endpoint=http%3A%2F%2Fevil.example&sample=own&payload=x&do=send",
        "endpoint=&sample=&payload=&do=send",
    ] {
        let answer = send(page, odd);
        assert!(answer.body.contains("There is no such endpoint."), "{}", answer.body);
    }
    assert_eq!(send(page, "what").status, 400);
    // The page's script gets JSON.
    let sent = viewer.request("POST /trigger", &BY_SCRIPT, &fields("hush")).unwrap().json();
    assert_eq!((&sent["status"], &sent["reason"]), (&json!(200), &json!("OK")));
    assert!(sent["body"].as_str().unwrap().ends_with(") 4"), "{sent}");
    // Nobody sends anything from the page who hasn't opened it with the token.
    let stranger = request(url, "POST /trigger", &[form, page], &fields("hush")).unwrap();
    assert_eq!(stranger.status, 403, "{stranger:?}");
    assert_eq!(send("Sec-Fetch-Site: cross-site", &fields("hush")).status, 403);
    assert_eq!(send("Origin: https://evil.example", &fields("hush")).status, 403);
    let loaded = "endpoint=%2Fwebhooks%2Fecho&sample=tag-deleted&payload=&do=load";
    assert!(send(page, loaded).body.contains("refs/tags/v1.0"));
    server.stop().await;
}

// ---- following

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_followed_without_a_gap() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    deliver(url, "echo", "1");
    let mut events = Events::follow(&viewer, "/events", &[]);
    assert_eq!(events.deliveries().0, [1]);
    deliver(url, "echo", "2");
    let (more, all, id) = events.deliveries();
    assert_eq!((more, all), (vec![2], false));
    drop(events);
    deliver(url, "echo", "3");
    deliver(url, "echo", "4");
    let mut events = Events::follow(&viewer, "/events", &[&format!("Last-Event-ID: {id}")]);
    assert_eq!(events.deliveries().0, [4, 3]);
    let mut events = Events::follow(&viewer, &format!("/events?after={id}"), &[]);
    assert_eq!(events.deliveries().0, [4, 3]);
    // Of another run of the program, or of none.
    for other in ["0-2", "what"] {
        let mut events = Events::follow(&viewer, "/events", &[&format!("Last-Event-ID: {other}")]);
        let (rows, all, _) = events.deliveries();
        assert_eq!((rows, all), (vec![4, 3, 2, 1], true));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_learns_the_public_url_when_it_comes() {
    let share_server = ShareServer::start(&Terms::default()).unwrap();
    let server = new_server().share(true).share_server(share_server.address.to_string());
    let server = serve(server).await;
    let viewer = Viewer::open(server.activity_url());
    let mut events = Events::follow(&viewer, "/events", &[]);
    let (_, address) = events.next("address");
    assert_eq!(address["base"].as_str(), server.public_url().as_deref());
    let page = viewer.get("/").unwrap().body;
    assert!(page.contains(&server.public_url().unwrap()));
    server.stop().await;
}

/// nginx asks for it on every request when it is configured as its guide to WebSockets says.
#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_where_a_proxy_asks_for_an_upgrade() {
    let server = serve(new_server()).await;
    let viewer = Viewer::open(server.activity_url());
    let headers = ["Connection: Upgrade", "Upgrade: websocket"];
    let mut events = Events::follow(&viewer, "/events", &headers);
    let mut line = String::new();
    while line.trim_end() != "content-type: text/event-stream" {
        line.clear();
        assert!(events.0.read_line(&mut line).unwrap() > 2, "no such header");
        assert!(!line.starts_with("transfer-encoding"), "{line}");
    }
    events.deliveries();
    deliver(server.local_url(), "echo", "x");
    assert_eq!(events.deliveries().0, [1]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_deliveries_are_told_together() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let mut events = Events::follow(&viewer, "/events", &[]);
    events.deliveries();
    for _ in 0..1000 {
        deliver(url, "echo", "x");
    }
    let (mut told, mut last) = (0, 0);
    while last < 1000 {
        let (numbers, _, _) = events.deliveries();
        assert!(numbers.len() <= 200);
        last = numbers[0];
        told += 1;
    }
    assert!(told < 100, "{told} events");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_does_not_hold_up_the_stop() {
    let server = serve(new_server()).await;
    let viewer = Viewer::open(server.activity_url());
    let mut events = Events::follow(&viewer, "/events", &[]);
    events.deliveries();
    let stopped = Instant::now();
    server.stop().await;
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());

    let program = build("quickstart", "dev");
    let program = Program::start(&program, &["--port", "0"], &[PAGE_TOKEN]).unwrap();
    let viewer = Viewer::of_program(&program.local_url());
    let mut events = Events::follow(&viewer, "/events", &[]);
    events.deliveries();
    assert_eq!(program.stop().code, Some(0));
}

// ---- what runs in the background

/// A program with background functions, which keeps their deliveries in a folder of its own.
struct InBackground {
    _program: Program,
    url: String,
    viewer: Viewer,
    file: String,
    _folder: tempfile::TempDir,
}

impl InBackground {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept.db").to_str().unwrap().to_owned();
        let arguments = ["--port", "0", "--store", &file];
        let program =
            Program::start(&build("fixture-background", "dev"), &arguments, &[PAGE_TOKEN]);
        let program = program.unwrap();
        let url = program.local_url();
        Self { viewer: Viewer::of_program(&url), url, _program: program, file, _folder: folder }
    }

    /// Delivers, and waits until the page says that its state is this. Gives the id.
    fn deliver(&self, endpoint: &str, body: &str, state: &str) -> String {
        let answer = deliver(&self.url, endpoint, body);
        assert_eq!(answer.status, 202, "{answer:?}");
        let id = answer.json()["delivery"].as_str().unwrap().to_owned();
        self.wait_for(&id, state);
        id
    }

    fn wait_for(&self, id: &str, state: &str) {
        self.wait_for_text(&format!("data-id=\"{id}\" data-state=\"{state}\""));
    }

    /// Waits until the page holds this.
    fn wait_for_text(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.viewer.get("/").unwrap().body.contains(text) {
            assert!(Instant::now() < deadline, "{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn retry(&self, id: &str, headers: &[&str]) -> Answer {
        self.viewer.request(&format!("POST /deliveries/{id}/retry"), headers, "").unwrap()
    }
}

#[test]
fn background_deliveries_are_shown_with_all_that_tells_of_them() {
    let server = InBackground::start();
    let page = server.viewer.get("/").unwrap().body;
    assert!(page.contains("No background deliveries yet.") && page.contains("All deliveries"));
    assert!(page.contains("responds at once, runs in the background"));
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
    for other in [&done, &running, &queued] {
        assert!(!detail(other).contains("Run again"));
    }
    let whole = server.viewer.get(&format!("/deliveries/{dead}")).unwrap().body;
    assert!(whole.contains("<h1>Background delivery</h1>") && whole.contains("Run again"));
    for none in ["0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84", "1", "%ff"] {
        assert_eq!(server.viewer.get(&format!("/deliveries/{none}")).unwrap().status, 404);
        assert_eq!(server.retry(none, &BY_SCRIPT).status, 404);
    }
    // Where no function runs in the background, there is nothing of it.
    let program = Program::start(&build("quickstart", "dev"), &["--port", "0"], &[PAGE_TOKEN]);
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
    assert_eq!(by_script.json(), json!({ "delivery": id, "state": "queued" }));
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
    let done = server.deliver("quick", "{}", "done");
    let refused = server.retry(&done, &BY_SCRIPT);
    let error = "This delivery is done, and only dead deliveries can be run again.";
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
    let purged = Program::start(&build("fixture-background", "dev"), &purge, &[]).unwrap().wait();
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
