//! Requests of browsers: pages of other sites, and what a response may do in one.

use tests::client::{exchange, request};
use webhooks_runtime::{HttpResponse, WebhooksServer, web};

use super::{SECRET, guarded_server, new_server, open_server};

#[tokio::test]
async fn without_a_secret_pages_of_other_sites_call_no_endpoint() {
    let server = open_server().await;
    let url = server.local_url();
    let port = url.rsplit(':').next().unwrap();
    let call = |headers: &[&str]| {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let host = if headers.iter().any(|line| line.starts_with("Host:")) {
            ""
        } else {
            "Host: localhost\r\n"
        };
        let head =
            format!("POST /webhooks/quiet HTTP/1.1\r\n{host}{lines}Content-Length: 2\r\n\r\n{{}}");
        exchange(url, head).unwrap()
    };
    let rebound = format!("evil.example:{port}");
    let (origin, host) = (format!("Origin: http://{rebound}"), format!("Host: {rebound}"));
    for headers in [
        &["Sec-Fetch-Site: cross-site", "Content-Type: text/plain"][..],
        &["Sec-Fetch-Site: same-site"],
        &["Origin: https://evil.example"],
        &["Origin: null"],
        // Its own name, pointed at this server.
        &[&origin, &host],
    ] {
        let answer = call(headers);
        assert_eq!(answer.status, 403, "{headers:?}");
        assert!(answer.body.contains("no webhook secret is set"), "{answer:?}");
    }
    let own = [format!("Origin: {url}"), format!("Origin: http://localhost:{port}")];
    for headers in [
        // The Hub, curl and tunnels, whatever their host.
        &[][..],
        &["Host: 4f6e1f65055263866d.gradio.live"],
        &[&host],
        &[&own[0], "Sec-Fetch-Site: same-origin"],
        &[&own[1]],
    ] {
        assert_eq!(call(headers).status, 200, "{headers:?}");
    }
    server.stop().await;

    // The secret decides where there is one.
    let server = guarded_server().await;
    let headers = ["Sec-Fetch-Site: cross-site", &format!("X-Webhook-Secret: {SECRET}")[..]];
    let answer = request(server.local_url(), "POST /webhooks/quiet", &headers, "{}").unwrap();
    assert_eq!(answer.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn what_a_function_returns_is_confined_in_a_browser() {
    let server = new_server().webhook_secret(SECRET);
    let server = server.add_webhook("html", async || web::Html::new("<script>alert(1)</script>"));
    let server = server.add_webhook("own", async || {
        HttpResponse::Ok()
            .insert_header(("content-security-policy", "default-src 'self'"))
            .insert_header(("x-content-type-options", "none"))
            .finish()
    });
    let server = server.port(0).workers(1).start().await.unwrap();
    let url = server.local_url();
    let secret = format!("X-Webhook-Secret: {SECRET}");
    for (first, headers) in [
        ("POST /webhooks/html", &[secret.as_str()][..]),
        ("POST /webhooks/own", &[&secret]),
        ("POST /webhooks/html", &[]),
        ("POST /webhooks/nothing", &[&secret]),
        ("GET /webhooks/html", &[]),
    ] {
        let answer = request(url, first, headers, "").unwrap();
        let lines: Vec<_> = answer.head.lines().map(str::to_ascii_lowercase).collect();
        assert!(lines.iter().any(|line| line == "content-security-policy: sandbox"), "{answer:?}");
        let sniffing = lines.iter().filter(|line| line.starts_with("x-content-type-options"));
        assert_eq!(sniffing.collect::<Vec<_>>(), ["x-content-type-options: nosniff"], "{first}");
        let own = lines.iter().any(|line| line == "content-security-policy: default-src 'self'");
        assert_eq!(own, first.ends_with("own"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_printed_request_shows_no_secret_of_its_query() {
    async fn print(request: webhooks_runtime::HttpRequest) -> String {
        format!("{} {request:?}", request.uri())
    }
    let server = WebhooksServer::empty().add_webhook("print", print).webhook_secret(SECRET);
    let server = server.secret_in_query(true).port(0).workers(1).start().await.unwrap();
    let url = server.local_url();
    let call = |query: &str, headers: &[&str]| {
        request(url, &format!("POST /webhooks/print?{query}"), headers, "").unwrap()
    };
    for query in [
        format!("a=%2F+b&secret={SECRET}&c"),
        "a=%2F+b&s%65cret=hush%2Dhush&c".to_owned(),
        format!("secret={SECRET}"),
    ] {
        let answer = call(&query, &[]);
        assert_eq!(answer.status, 200, "{query}");
        assert!(!answer.body.contains("hush"), "{answer:?}");
        let rest =
            if query.starts_with('a') { "/webhooks/print?a=%2F+b&c " } else { "/webhooks/print " };
        assert!(answer.body.starts_with(rest), "{answer:?}");
    }
    // The header decides, and what is in the query isn't shown either.
    let header = format!("X-Webhook-Secret: {SECRET}");
    let answer = call("secret=hush-other", &[&header]);
    assert!(answer.status == 200 && !answer.body.contains("hush"), "{answer:?}");
    assert_eq!(call(&format!("secret={SECRET}"), &["X-Webhook-Secret: guessed"]).status, 403);
    assert_eq!(call(&format!("secret={SECRET}&secret={SECRET}"), &[]).status, 400);
    for wrong in ["secret=guessed", "secret=%0A", "secret="] {
        assert_eq!(call(wrong, &[]).status, 403, "{wrong}");
    }
    assert_eq!(call("a=b", &[]).status, 401);
    server.stop().await;
}
