//! Where a program listens.

use std::net::TcpListener;

use tests::client::get;
use tests::program::{Program, turn_of_port_7860};
use tests::programs::{free_port, quickstart};

use super::start;

#[test]
fn the_first_free_port_of_the_range_is_taken_and_on_a_space_the_one_that_it_forwards() {
    let _port = turn_of_port_7860();
    // Somebody else on this machine may have it.
    if TcpListener::bind("0.0.0.0:7860").is_ok() {
        let space = start(&quickstart(), &[], &[("SPACE_ID", "me/bot")]);
        assert_eq!(space.local_url(), "http://0.0.0.0:7860");
        space.stop();
    }
    // Ports of the range that others have are skipped just as well.
    let one = start(&quickstart(), &[], &[]);
    let other = start(&quickstart(), &[], &[]);
    let port = |program: &Program| -> u16 {
        let url = program.local_url();
        url.rsplit(':').next().unwrap().parse().unwrap()
    };
    let (one_port, other_port) = (port(&one), port(&other));
    assert!((7860..=7959).contains(&one_port) && (7860..=7959).contains(&other_port));
    assert_ne!(one_port, other_port);
    one.stop();
    other.stop();
}

#[test]
fn a_port_that_is_taken_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = start(&quickstart(), &["--port", &port], &[]).wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    for part in [format!("127.0.0.1:{port}"), "already in use".to_owned(), "--port".to_owned()] {
        assert!(ended.stderr.contains(&part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn a_flag_goes_before_the_environment() {
    let (flag, variable) = (free_port().to_string(), free_port().to_string());
    let variables =
        [("GRADIO_SERVER_NAME", "127.0.0.1"), ("GRADIO_SERVER_PORT", variable.as_str())];
    let program = start(&quickstart(), &["--host", "localhost", "--port", &flag], &variables);
    assert_eq!(program.local_url(), format!("http://localhost:{flag}"));
    program.stop();
    let program = start(&quickstart(), &[], &variables);
    assert_eq!(program.local_url(), format!("http://127.0.0.1:{variable}"));
    program.stop();
}

#[test]
fn on_a_space_the_urls_are_the_space_s() {
    let space = [("SPACE_ID", "me/bot"), ("SPACE_HOST", "me-bot.hf.space")];
    // The port is given, as two tests could want 7860 at a time.
    let program = start(&quickstart(), &["--port", "0"], &space);
    let url = program.local_url();
    assert!(url.starts_with("http://0.0.0.0:"), "{url}");
    let _ = program.wait_for("  - POST https://me-bot.hf.space/webhooks/trigger_training");
    let page = get(&url, "/").unwrap();
    assert!(page.body.contains("https://me-bot.hf.space/webhooks/trigger_training"));
    assert!(page.body.contains("It runs on a Space"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("frame-ancestors https://huggingface.co")
    );
    program.stop();
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    let program = start(&quickstart(), &["--host", "::1", "--port", "0"], &[]);
    let url = program.local_url();
    assert!(url.starts_with("http://[::1]:"), "{url}");
    assert_eq!(get(&url, "/").unwrap().status, 200);
    program.stop();
}
