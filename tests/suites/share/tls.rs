//! TLS to the share server: which certificates are trusted.

use tests::programs::quickstart;
use tests::share::certificates::Certificates;
use tests::share::{Terms, TestShareServer};

use super::{Home, deliver, link, with_each_server};

#[test]
fn the_share_server_is_trusted_by_the_given_root_and_no_other() {
    let root = Certificates::signed("localhost").unwrap();
    let terms = Terms { tls: Some(root.clone()), ..Terms::default() };
    with_each_server(&terms, |server| {
        let home = Home::new();
        let start = |root: &Certificates, host: &str| {
            let address = format!("{host}:{}", server.address.port());
            let root = root.root();
            let root = root.to_str().unwrap();
            let arguments = [
                ["--port", "0", "--share-server", &address],
                ["--share-server-certificate", root, "--workers", "1"],
            ];
            home.start_with(&quickstart(), &arguments.concat(), &[])
        };
        let program = start(&root, "localhost");
        let url = program.public_url();
        assert!(url.starts_with("https://"), "{url}");
        deliver(&server, &url);
        program.stop();
        let logins = server.seen.logins().len();

        let other = Certificates::signed("localhost").unwrap();
        for (root, host, reason) in [
            (&other, "localhost", "its certificate is not signed by a trusted authority"),
            (&root, "127.0.0.1", "its certificate is for another name"),
        ] {
            let program = start(root, host);
            let warning = program.wait_for_log("there is no public URL");
            assert!(warning.contains(reason), "{warning}");
            program.stop();
        }
        assert_eq!(server.seen.logins().len(), logins);
    });
}

#[test]
fn a_certificate_that_signed_itself_is_trusted_when_it_is_the_given_one() {
    let root = Certificates::self_signed("localhost").unwrap();
    let server = Terms { tls: Some(root.clone()), ..Terms::default() };
    with_each_server(&server, |server| {
        let home = Home::new();
        let start = |root: &Certificates, host: &str| {
            let address = format!("{host}:{}", server.address.port());
            let root = root.root();
            let more = ["--share-server-certificate", root.to_str().unwrap()];
            let arguments = [&["--port", "0", "--share-server", &address], &more[..]].concat();
            home.start_with(&quickstart(), &arguments, &[])
        };
        let program = start(&root, "localhost");
        let url = program.public_url();
        deliver(&server, &url);
        program.stop();
        let other = Certificates::self_signed("localhost").unwrap();
        for (root, host) in [(&other, "localhost"), (&root, "127.0.0.1")] {
            let program = start(root, host);
            let warning = program.wait_for_log("there is no public URL");
            assert!(warning.contains("TLS failed, its certificate is "), "{warning}");
            program.stop();
        }
    });
}

#[test]
fn a_certificate_that_has_expired_is_refused_though_it_is_the_given_one() {
    let expired = Certificates::self_signed_until("localhost", 2020).unwrap();
    let server = TestShareServer::start(&Terms { tls: Some(expired.clone()), ..Terms::default() });
    let server = server.unwrap();
    let root = expired.root();
    let address = format!("localhost:{}", server.address.port());
    let arguments = ["--port", "0", "--share-server", &address, "--share-server-certificate"];
    let arguments = [&arguments[..], &[root.to_str().unwrap()]].concat();
    let program = Home::new().start_with(&quickstart(), &arguments, &[]);
    let warning = program.wait_for_log("there is no public URL");
    assert!(warning.contains("expired"), "{warning}");
    program.stop();
}

#[test]
fn without_a_certificate_the_public_url_begins_with_http_whatever_the_server_announces() {
    with_each_server(&Terms::default(), |server| {
        let (_home, program, url) = link(&server, &quickstart());
        assert!(url.starts_with("http://"), "{url}");
        program.stop();
    });
}
