//! Where a delivery is sent.

use tests::program::{Program, turn_of_port_7860};
use tests::programs::{multiple_endpoints, quickstart, slow};

use super::{serve, trigger};

#[test]
fn an_endpoint_is_named_by_its_function_or_its_path() {
    let (server, port) = serve(&multiple_endpoints(), &[]);
    for endpoint in ["trigger_evaluation", "/webhooks/trigger_evaluation", "/trigger_evaluation"] {
        let ended = trigger(&multiple_endpoints(), &[endpoint, "--port", &port], &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "null\n"), "{endpoint}");
        assert!(ended.stderr.contains("/webhooks/trigger_evaluation  "), "{ended:?}");
    }
    for arguments in [&["trigger_evaluatoin"][..], &[]] {
        let ended = trigger(&multiple_endpoints(), arguments, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains("trigger_evaluation, trigger_training"), "{ended:?}");
    }
    server.stop();
}

#[test]
fn an_address_is_that_of_the_server_or_of_the_endpoint() {
    let (server, port) = serve(&quickstart(), &[]);
    let base = format!("http://localhost:{port}");
    for url in [base.clone(), format!("{base}/"), format!("{base}/webhooks/trigger_training")] {
        let ended = trigger(&quickstart(), &["--url", &url], &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let sent = format!("POST {base}/webhooks/trigger_training  ");
        assert!(ended.stderr.starts_with(&sent), "{ended:?}");
    }
    server.stop();
    for url in ["me-bot.hf.space", "ftp://x", "https://me:hush@x"] {
        let ended = trigger(&quickstart(), &["--url", url], &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{url}");
    }
}

#[test]
fn the_port_comes_from_a_flag_the_code_or_the_environment() {
    let (server, port) = serve(&quickstart(), &[]);
    let variables = [("GRADIO_SERVER_PORT", port.as_str()), ("GRADIO_SERVER_NAME", "0.0.0.0")];
    let ended = trigger(&quickstart(), &[], &variables);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let sent = format!("POST http://127.0.0.1:{port}/webhooks/trigger_training  ");
    assert!(ended.stderr.starts_with(&sent), "{ended:?}");
    // In front of the command they are the server's.
    let in_front = ["--port", &port, "trigger"];
    assert_eq!(Program::start(&quickstart(), &in_front, &[]).unwrap().wait().code, Some(0));
    server.stop();
    let ended = trigger(&quickstart(), &["--port", "0"], &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("any free port"), "{ended:?}");
}

#[test]
fn a_server_at_a_port_of_the_range_is_found() {
    let _port = turn_of_port_7860();
    // A name of its own, as other tests have servers there, too.
    let server = Program::start(&slow(), &[], &[]).unwrap();
    let _ = server.local_url();
    let ended = trigger(&slow(), &["fails"], &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("500 Internal Server Error"), "{ended:?}");
    server.stop();
}
