//! When a link is opened, and what the program prints about it.

use std::path::Path;
use std::process::Command;

use tests::client::get;
use tests::program::{OwnMachine, Program};
use tests::programs::quickstart;
use tests::share::{Terms, TestShareServer};

use super::{Home, commit, deliver};

#[test]
fn the_url_of_a_link_is_announced_with_the_endpoints() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let address = server.address.to_string();
    let variables = [
        ("GRADIO_SHARE", "true"),
        ("GRADIO_SHARE_SERVER_ADDRESS", address.as_str()),
        ("WEBHOOK_SECRET", "hush"),
    ];
    let program = home.start_with(&quickstart(), &["--port", "0"], &variables);
    let url = program.public_url();
    let _ = program.wait_for("to set up your webhooks");
    let page = get(&program.local_url(), "/").unwrap();
    assert!(page.body.contains(&format!("{url}/webhooks/trigger_training")), "{}", page.body);
    let ended = program.stop();
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "Webhook secret is correctly defined.");
    assert!(lines[1].starts_with("* Running on local URL:  http://127.0.0.1:"));
    assert!(lines[2].starts_with("* Page with deliveries:  http://127.0.0.1:"), "{lines:?}");
    assert_eq!(
        lines[4..].join("\n"),
        format!(
            "* Running on public URL: {url}\n  \
             It stays the same at every start.\n\
             \n\
             Webhooks are correctly set up and ready to use:\n  \
             - POST {url}/webhooks/trigger_training\n\
             Go to https://huggingface.co/settings/webhooks to set up your webhooks."
        )
    );
    assert!(!ended.stderr.contains("open to the internet"), "{}", ended.stderr);
}

#[test]
fn a_link_is_opened_by_default_where_a_person_reads_the_output() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (home, address) = (Home::new(), server.address.to_string());
    let machine = OwnMachine::with(&quickstart()).unwrap();
    let mut command = machine.command();
    command.args(["--port", "0"]).env("GRADIO_SHARE_SERVER_ADDRESS", &address);
    command.env("XDG_STATE_HOME", home.path());
    let program = Program::spawn_in_terminal(&mut command).unwrap();
    let url = program.public_url();
    deliver(&server, &url);
    assert!(!program.stop().stdout.contains("No public URL"));
}

#[test]
fn where_no_person_reads_the_output_no_link_is_opened_unless_asked_for() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (home, address) = (Home::new(), server.address.to_string());
    let machine = OwnMachine::with(&quickstart()).unwrap();
    let command = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = machine.command();
        command.args(["--port", "0"]).args(arguments).envs(variables.iter().copied());
        command.env("GRADIO_SHARE_SERVER_ADDRESS", &address).env("XDG_STATE_HOME", home.path());
        command
    };
    for (variable, terminal, reason) in [
        (("A", "b"), false, "standard output is not a terminal"),
        (("CI", "true"), true, "the program runs in CI"),
        (("container", "podman"), true, "the program runs in a container"),
        (("KUBERNETES_SERVICE_HOST", "10.0.0.1"), true, "the program runs in a container"),
        (("JOB_ID", "687f911eaea852de79c4a50a"), true, "the program runs in a Job"),
    ] {
        let mut command = command(&[], &[variable]);
        let program = if terminal {
            Program::spawn_in_terminal(&mut command)
        } else {
            Program::spawn(&mut command)
        };
        let program = program.unwrap();
        let line = program.wait_for("The Hub cannot reach these endpoints yet");
        let expected = format!("The server did not create a public URL, because {reason}:");
        assert!(line.ends_with(&expected), "{line}");
        let _ = program.local_url();
        let stdout = program.stop().stdout;
        // Once, and with one way out.
        assert_eq!(stdout.matches("public URL").count(), 1, "{stdout}");
        assert_eq!(stdout.matches("--share").count(), 1, "{stdout}");
    }
    assert!(server.seen.logins().is_empty());

    let ci = ("CI", "true");
    for (arguments, variables) in [
        (&["--share"][..], &[ci][..]),
        (&["--new-share-url"], &[ci]),
        (&[], &[ci, ("GRADIO_SHARE", "true")]),
    ] {
        let program = Program::spawn(&mut command(arguments, variables)).unwrap();
        let _ = program.public_url();
        assert!(!program.stop().stdout.contains("no public URL"), "{arguments:?} {variables:?}");
    }
}

#[test]
fn a_container_is_no_place_for_a_link_though_it_has_a_terminal() {
    if !Path::new("/.dockerenv").exists() {
        return; // Elsewhere the unit tests of the detection have to do.
    }
    let mut command = Command::new(quickstart());
    command.env_clear().args(["--port", "0"]).env("GRADIO_SHARE_SERVER_ADDRESS", "127.0.0.1:1");
    let program = Program::spawn_in_terminal(&mut command).unwrap();
    let _ = program.wait_for("because the program runs in a container");
    program.stop();
}

#[test]
fn a_public_url_without_a_secret_is_warned_of() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let program = Home::new().start(&quickstart(), server.address, &[]);
    let warning = program.wait_for_log("open to the internet");
    assert!(warning.contains("call your functions with any payload"), "{warning}");
    let _ = program.wait_for_log("Set WEBHOOK_SECRET and restart");
    program.stop();
}

#[test]
fn no_link_is_made_when_told_so_nor_on_a_space() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let address = server.address.to_string();
    let server_address = ("GRADIO_SHARE_SERVER_ADDRESS", address.as_str());
    let space = [
        ("GRADIO_SHARE", ""),
        server_address,
        ("SPACE_ID", "me/bot"),
        ("SPACE_HOST", "me-bot.hf.space"),
        ("GRADIO_SERVER_NAME", "127.0.0.1"),
    ];
    for (arguments, variables) in [
        (&["--no-share"][..], &[("GRADIO_SHARE", "true"), server_address][..]),
        (&[], &[("GRADIO_SHARE", "False"), server_address]),
        (&["--public-url", "https://me.example"], &[("GRADIO_SHARE", "true"), server_address]),
        (&[], &space),
    ] {
        let arguments = [&["--port", "0"], arguments].concat();
        let program = home.start_with(&quickstart(), &arguments, variables);
        // The list comes at once where there is nothing to wait for.
        let _ = program.local_url();
        program.stop();
    }
    assert!(server.seen.logins().is_empty());
}

#[test]
fn a_public_url_of_ones_own_is_what_is_printed_and_shown() {
    let arguments = ["--port", "0", "--public-url", "https://hooks.example.com/bots/"];
    let program = Program::start(&quickstart(), &arguments, &[]).unwrap();
    let local = program.local_url();
    let _ = program.wait_for("  - POST https://hooks.example.com/bots/webhooks/trigger_training");
    let page = get(&local, "/").unwrap();
    assert!(page.body.contains("https://hooks.example.com/bots/webhooks/trigger_training"));
    program.stop();
}

#[test]
fn without_a_share_server_the_program_works_on_and_warns_once() {
    let home = Home::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let program = home.start(&quickstart(), nobody, &[]);
    let local = program.local_url();
    let body = commit();
    let answer = tests::client::post(&local, "/webhooks/trigger_training", &body).unwrap();
    assert_eq!(answer.status, 200);
    let _ = program.wait_for_log("there is no public URL");
    let _ = program.wait_for(&format!("  - POST {local}/webhooks/trigger_training"));
    // It comes up later, and is found.
    let server = TestShareServer::start_at(nobody).unwrap();
    let url = program.public_url();
    let _ = program.wait_for(&format!("  - POST {url}/webhooks/trigger_training"));
    deliver(&server, &url);
    let ended = program.stop();
    let warnings: Vec<_> =
        ended.stderr.lines().skip_while(|line| !line.contains("no public")).collect();
    assert!(warnings[0].contains("nothing listens at this address"), "{warnings:?}");
    assert!(warnings[1].contains("--no-share"), "{warnings:?}");
    assert_eq!(ended.stderr.matches("there is no public URL").count(), 1);
}

#[test]
fn the_limit_of_open_files_is_raised_for_a_tunnel_alone_and_the_log_says_so() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let address = server.address.to_string();
    let home = Home::new();
    let start = |more: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -Sn 512; exec \"$0\" \"$@\""]).arg(quickstart());
        command.args(["--port", "0"]).args(more).env_clear().env("XDG_STATE_HOME", home.path());
        Program::spawn(&mut command).unwrap()
    };
    let soft_limit = |program: &Program| {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        line.split_whitespace().nth(3).unwrap().to_owned()
    };
    let program = start(&["--share-server", &address]);
    let _ = program.public_url();
    assert_eq!(soft_limit(&program), "4096");
    let line = program.wait_for_log("raised the limit of open files");
    assert!(line.contains("from=512") && line.contains("to=4096"), "{line}");
    program.stop();

    let program = start(&["--no-share"]);
    let _ = program.local_url();
    assert_eq!(soft_limit(&program), "512");
    program.stop();
}

#[test]
fn wrong_settings_are_told_together_before_anything_starts() {
    let arguments = ["--share-server", "nowhere", "--share-server-certificate", "/no/such.pem"];
    let ended = Program::start(&quickstart(), &arguments, &[("GRADIO_SERVER_PORT", "x")]).unwrap();
    let ended = ended.wait();
    assert_eq!(ended.code, Some(1));
    for text in ["GRADIO_SERVER_PORT must be", "The share server's address must be"] {
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
    }
    let arguments = ["--share-server", "x.example:1", "--share-server-certificate", "/no/such.pem"];
    let ended = Program::start(&quickstart(), &arguments, &[]).unwrap().wait();
    let text = "The share server's certificate must be a readable file.";
    assert!(ended.stderr.contains(text), "{}", ended.stderr);
    for arguments in [&["--share", "--no-share"][..], &["--share", "--public-url", "https://x"]] {
        let ended = Program::start(&quickstart(), arguments, &[]).unwrap().wait();
        assert_eq!(ended.code, Some(2), "{arguments:?}");
    }
}
