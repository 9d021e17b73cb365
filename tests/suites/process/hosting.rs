//! The variables of hosting platforms.

use std::process::Command;

use tests::client::post;
use tests::payloads::dataset_commit;
use tests::program::Program;
use tests::programs::{free_port, quickstart};

use super::start;

#[test]
fn the_port_of_a_hosting_platform_is_listened_on_for_everyone_and_a_missing_secret_is_warned_of() {
    let port = free_port().to_string();
    let platform = [("PORT", port.as_str()), ("GRADIO_SHARE", "")];
    let program = start(&quickstart(), &[], &platform);
    assert_eq!(program.local_url(), format!("http://0.0.0.0:{port}"));
    let url = format!("http://127.0.0.1:{port}");
    let body = dataset_commit().to_string();
    assert_eq!(post(&url, "/webhooks/trigger_training", &body).unwrap().status, 200);
    let warning = program.wait_for_log("because the variable PORT is set");
    assert!(warning.contains("anyone who can connect to it can call your functions"), "{warning}");
    let ended = program.stop();
    assert!(ended.stdout.contains("The server did not create a public URL"), "{}", ended.stdout);

    let secret = [&platform[..], &[("WEBHOOK_SECRET", "hush")]].concat();
    let program = start(&quickstart(), &[], &secret);
    let _ = program.local_url();
    assert!(!program.stop().stderr.contains("PORT"));
}

#[test]
fn the_port_of_a_hosting_platform_gives_way_to_every_other_setting() {
    let (platform, other) = (free_port().to_string(), free_port().to_string());
    for (arguments, variables) in [
        (&["--port", &other][..], &[("PORT", platform.as_str())][..]),
        (&[], &[("PORT", platform.as_str()), ("GRADIO_SERVER_PORT", other.as_str())]),
    ] {
        let program = start(&quickstart(), arguments, variables);
        assert_eq!(program.local_url(), format!("http://127.0.0.1:{other}"));
        program.stop();
    }
    // What a person's terminal has left over makes the program reachable for nobody else.
    let mut command = Command::new(quickstart());
    command.env_clear().envs([("PORT", platform.as_str()), ("GRADIO_SHARE", "false")]);
    let program = Program::spawn_in_terminal(&mut command).unwrap();
    assert_eq!(program.local_url(), format!("http://127.0.0.1:{platform}"));
    program.stop();
}
