//! Connections out of a network whose only way is a proxy, and whose certificates are those of an authority
//! of its own: the share link's, and those of `trigger`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;
use tests::forward::{ForwardProxy, HttpsServer};
use tests::program::{Ended, Program};
use tests::programs::quickstart;
use tests::share::certificates::Certificates;
use tests::share::{Terms, TestShareServer};

const CREDENTIALS: &str = "me:hush-%40hush";

/// Starts the server with a share link.
fn start(arguments: &[&str], variables: &[(&str, &str)]) -> (Program, TempDir) {
    let home = tempfile::tempdir().unwrap();
    let state = ("XDG_STATE_HOME", home.path().to_str().unwrap());
    let arguments = [&["--port", "0", "--share"], arguments].concat();
    let program = Program::start(&quickstart(), &arguments, &[&[state], variables].concat());
    (program.unwrap(), home)
}

/// The reason for which there is no public URL.
fn no_link(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let (program, _home) = start(arguments, variables);
    let reason = program.wait_for_log("there is no public URL");
    let ended = program.stop();
    assert_no_password(&ended);
    reason
}

fn assert_no_password(ended: &Ended) {
    for output in [&ended.stdout, &ended.stderr] {
        // As it is, decoded, and as it is sent.
        for password in ["hush-%40hush", "hush-@hush", "bWU6aHVzaC1AaHVzaA=="] {
            assert!(!output.contains(password), "{output}");
        }
    }
}

/// All that a link through gradio.live needs, on this machine behind a proxy: what knows the address of the
/// share server, and the share server.
struct Internet {
    proxy: ForwardProxy,
    share: TestShareServer,
    authority: PathBuf,
    _certificates: Certificates,
}

impl Internet {
    fn new() -> Self {
        let (web, own) =
            (Certificates::signed("api.gradio.app"), Certificates::signed("share.example"));
        let (web, own) = (web.unwrap(), own.unwrap());
        let root = std::fs::read_to_string(own.root()).unwrap();
        let share = TestShareServer::start(&Terms { tls: Some(own), ..Terms::default() }).unwrap();
        let port = share.address.port();
        let address = json!([{ "host": "share.example", "port": port, "root_ca": root }]);
        let api = HttpsServer::start(&web, &address.to_string()).unwrap();
        let hosts = [("api.gradio.app", api.address), ("share.example", share.address)];
        let proxy = ForwardProxy::start(&hosts, Some("me:hush-@hush")).unwrap();
        Self { proxy, share, authority: web.root(), _certificates: web }
    }
}

// ---- the share link

#[test]
fn the_share_link_opens_through_a_proxy_with_the_authority_that_a_variable_names() {
    let internet = Internet::new();
    let url = internet.proxy.url(Some(CREDENTIALS));
    let variables = [
        ("HTTPS_PROXY", url.as_str()),
        ("SSL_CERT_FILE", internet.authority.to_str().unwrap()),
        ("RUST_LOG", "trace"),
    ];
    let (program, _home) = start(&[], &variables);
    let public = program.public_url();
    let line = program.wait_for_log("the share link goes through a proxy");
    assert!(line.ends_with(&format!("proxy=http://{}", internet.proxy.address)), "{line}");
    let share = format!("share.example:{}", internet.share.address.port());
    assert_eq!(internet.proxy.targets(), ["api.gradio.app:443", &share]);
    assert!(public.starts_with("https://"), "{public}");
    assert_no_password(&program.stop());
}

#[test]
fn a_certificate_of_an_unknown_authority_is_rejected_and_the_variable_is_named() {
    let internet = Internet::new();
    let url = internet.proxy.url(Some(CREDENTIALS));
    let reason = no_link(&[], &[("HTTPS_PROXY", &url)]);
    let expected = "https://api.gradio.app/v3/tunnel-request: its certificate is not signed by a trusted \
                    authority; SSL_CERT_FILE can name a file with the certificates to trust.";
    assert!(reason.contains(expected), "{reason}");
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let reason = no_link(&[], &[("HTTPS_PROXY", &url), (variable, "/nothing-here")]);
        let expected =
            format!("{variable} must name a file or folder with certificates in PEM format");
        assert!(reason.contains(&expected), "{reason}");
    }
}

#[test]
fn a_share_server_of_ones_own_is_reached_through_the_proxy_unless_it_is_exempt() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let proxy = ForwardProxy::start(&[("share.invalid", server.address)], None).unwrap();
    let url = proxy.url(None);
    let flags = ["--share-server", "share.invalid:7000"];
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let (program, _home) = start(&flags, &[(variable, &url)]);
        let _ = program.public_url();
        program.stop();
    }
    assert_eq!(proxy.targets(), ["share.invalid:7000"; 4]);
    for exempt in ["share.invalid", "invalid", "*"] {
        let reason = no_link(&flags, &[("HTTPS_PROXY", &url), ("NO_PROXY", exempt)]);
        assert!(reason.contains("the share server share.invalid:7000"), "{reason}");
    }
    assert_eq!(proxy.targets().len(), 4);
}

#[test]
fn a_share_server_on_this_machine_is_reached_without_the_proxy() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let proxy = ForwardProxy::start(&[], None).unwrap();
    let url = proxy.url(None);
    for host in ["127.0.0.1", "localhost"] {
        let address = format!("{host}:{}", server.address.port());
        let variables = [("HTTPS_PROXY", url.as_str()), ("ALL_PROXY", &url)];
        let (program, _home) = start(&["--share-server", &address], &variables);
        let _ = program.public_url();
        assert!(!program.stop().stderr.contains("through a proxy"));
    }
    assert_eq!(proxy.targets(), <[String; 0]>::default());
}

#[test]
fn a_proxy_that_opens_no_connection_is_named_with_what_to_set() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let hosts = [("share.invalid", server.address)];
    let proxy = ForwardProxy::start(&hosts, Some("me:other")).unwrap();
    let flags = ["--share-server", "share.invalid:7000"];
    let refused =
        format!("the proxy {} rejected the connection to share.invalid:7000: ", proxy.url(None));
    for (credentials, expected) in [
        (
            None,
            format!(
                "407 Proxy Authentication Required. Set HTTPS_PROXY=http://USER:PASSWORD@{}",
                proxy.address
            ),
        ),
        (
            Some(CREDENTIALS),
            "407 Proxy Authentication Required. The user or password in HTTPS_PROXY is wrong"
                .to_owned(),
        ),
    ] {
        let reason = no_link(&flags, &[("HTTPS_PROXY", &proxy.url(credentials))]);
        assert!(reason.contains(&refused) && reason.contains(&expected), "{reason}");
    }
    let url = proxy.url(Some("me:other"));
    let reason = no_link(&["--share-server", "other.invalid:7000"], &[("HTTPS_PROXY", &url)]);
    assert!(reason.contains("it responded with status 502 Bad Gateway"), "{reason}");
    // Nothing listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let reason = no_link(&flags, &[("HTTPS_PROXY", &format!("http://{CREDENTIALS}@{free}"))]);
    let expected =
        format!("the proxy http://{free} cannot be reached: nothing listens at this address");
    assert!(reason.contains(&expected), "{reason}");
    let reason = no_link(&flags, &[("ALL_PROXY", &format!("socks5://{CREDENTIALS}@{free}"))]);
    assert!(reason.contains("ALL_PROXY must be the URL of an HTTP proxy"), "{reason}");
}

// ---- `trigger`

fn trigger(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let arguments = [&["trigger"], arguments].concat();
    let ended = Program::start(&quickstart(), &arguments, variables).unwrap().wait();
    assert_no_password(&ended);
    ended
}

#[test]
fn trigger_goes_through_the_proxy_with_the_authority_that_a_variable_names() {
    let certificates = Certificates::signed("bot.invalid").unwrap();
    let server = HttpsServer::start(&certificates, "null").unwrap();
    let proxy =
        ForwardProxy::start(&[("bot.invalid", server.address)], Some("me:hush-@hush")).unwrap();
    let (url, root) = (proxy.url(Some(CREDENTIALS)), certificates.root());
    let (url, root) = (("HTTPS_PROXY", url.as_str()), ("SSL_CERT_FILE", root.to_str().unwrap()));
    let flags = ["--url", "https://bot.invalid"];

    let ended = trigger(&flags, &[url, root, ("RUST_LOG", "trace")]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "null\n"), "{ended:?}");
    assert!(
        ended.stderr.contains(&format!(", through the proxy {}\n", proxy.url(None))),
        "{ended:?}"
    );
    assert_eq!(proxy.targets(), ["bot.invalid:443"]);
    assert!(server.requests()[0].starts_with("POST /webhooks/trigger_training HTTP/1.1\r\n"));

    for (variables, expected) in [
        (&[url][..], "not signed by a trusted authority; SSL_CERT_FILE can name a file"),
        (&[url, ("SSL_CERT_FILE", "/nothing-here")], "SSL_CERT_FILE must name a file or folder"),
        (
            &[("HTTPS_PROXY", &proxy.url(None)), root],
            "407 Proxy Authentication Required. Set HTTPS_PROXY=",
        ),
        (
            &[("HTTPS_PROXY", &proxy.url(Some("me:x"))), root],
            "user or password in HTTPS_PROXY is wrong",
        ),
        (
            &[("HTTPS_PROXY", "socks5://127.0.0.1:1"), root],
            "HTTPS_PROXY must be the URL of an HTTP proxy",
        ),
        (
            &[("HTTPS_PROXY", "http://127.0.0.1:1"), root],
            "the proxy http://127.0.0.1:1 cannot be reached",
        ),
    ] {
        let ended = trigger(&flags, variables);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(expected), "{expected}: {ended:?}");
    }
    assert_eq!(server.requests().len(), 1);
    let asked = proxy.targets().len();
    let ended = trigger(&flags, &[url, root, ("no_proxy", ".invalid")]);
    assert_eq!((ended.code, proxy.targets().len()), (Some(1), asked), "{ended:?}");
}

#[test]
fn trigger_reaches_this_machine_without_the_proxy() {
    let proxy = ForwardProxy::start(&[], None).unwrap();
    let server = Program::start(&quickstart(), &["--port", "0"], &[]).unwrap();
    let port = server.local_url().rsplit(':').next().unwrap().to_owned();
    let url = proxy.url(None);
    let variables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, url.as_str()));
    for flags in [
        ["--port", &port],
        ["--url", &format!("http://localhost:{port}")],
        ["--url", &format!("http://127.0.0.1:{port}")],
    ] {
        let ended = trigger(&flags, &variables);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(proxy.targets(), <[String; 0]>::default());
    server.stop();
}
