//! The secret that is sent along.

use tests::programs::{custom_server, quickstart, secrets};

use std::net::TcpListener;

use super::{SECRET, printed_json, program_that_answers, serve, trigger};

#[test]
fn each_endpoint_gets_the_secret_that_it_asks_for() {
    let own = [("TRAINING_SECRET", "one"), ("WEBHOOK_SECRET", "two")];
    let (server, port) = serve(&secrets(), &own);
    for endpoint in ["training", "evaluation"] {
        let ended = trigger(&secrets(), &[endpoint, "--port", &port], &own);
        assert_eq!(ended.code, Some(0), "{endpoint}: {ended:?}");
    }
    server.stop();
    // In code.
    let (server, port) = serve(&custom_server(), &[]);
    let ended = trigger(&custom_server(), &["say_hello", "--port", &port], &[SECRET]);
    assert_eq!(
        (ended.code, printed_json(&ended)["message"].as_str()),
        (Some(0), Some("hello me/sample"))
    );
    server.stop();
}

#[test]
fn a_refused_secret_ends_with_1_and_a_hint_and_is_never_shown() {
    let other = [("WEBHOOK_SECRET", "another")];
    let (server, port) = serve(&quickstart(), &other);
    for (variables, status) in [(&[SECRET][..], "403 Forbidden"), (&[], "401 Unauthorized")] {
        let ended = trigger(&quickstart(), &["--port", &port], variables);
        assert_eq!(ended.code, Some(1));
        assert!(printed_json(&ended)["error"].is_string(), "{ended:?}");
        assert!(ended.stderr.contains(status), "{ended:?}");
        assert!(ended.stderr.contains("hint: set WEBHOOK_SECRET to"), "{ended:?}");
        assert!(!format!("{ended:?}").contains("hush"), "{ended:?}");
    }
    server.stop();
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("http://{}/webhooks/trigger_training", elsewhere.local_addr().unwrap());
    for status in ["302 Found", "307 Temporary Redirect"] {
        let answer =
            format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let (url, asked) = program_that_answers(answer);
        let ended = trigger(&quickstart(), &["--url", &url], &[SECRET]);
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.stderr.contains(&format!("the redirect to {location} was not followed")),
            "{ended:?}"
        );
        let asked = asked.join().unwrap().to_lowercase();
        assert!(asked.starts_with("post /webhooks/trigger_training http/1.1\r\n"), "{asked}");
        for header in [
            "x-webhook-secret: hush-hush\r\n",
            "content-type: application/json\r\n",
            "webhook-id: ",
            "user-agent: webhooks-runtime/",
        ] {
            assert!(asked.contains(header), "{header} {asked}");
        }
        assert!(elsewhere.accept().is_err(), "nobody came");
    }
}
