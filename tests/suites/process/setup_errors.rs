//! A server that cannot be set up.

use tests::client::post;
use tests::programs::token;

use super::start;

#[test]
fn an_error_of_the_expression_ends_the_program_with_its_causes_and_1() {
    let ended = start(&token(), &["--port", "0"], &[]).wait();
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr, "error: HF_TOKEN is not set: environment variable not found\n");

    let program = start(&token(), &["--port", "0"], &[("HF_TOKEN", "1234567")]);
    let url = program.local_url();
    assert_eq!(post(&url, "/webhooks/length", "{}").unwrap().body, "7");
    assert_eq!(program.stop().code, Some(0));
}

#[test]
fn what_needs_no_server_does_not_set_it_up() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["deliveries", "--help"],
        &["trigger", "--list"],
        &["deliveries", "--store", "none.db"],
    ] {
        let ended = start(&token(), arguments, &[("PANIC", "1")]).wait();
        assert!(!ended.stdout.contains("the server is set up"), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_command_goes_on_without_the_settings_in_code_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("kept.db");
    let store = store.to_str().unwrap();
    let program = start(&token(), &["--port", "0", "--store", store], &[("HF_TOKEN", "1234567")]);
    let url = program.local_url();
    let port = url.rsplit(':').next().unwrap();
    let commands = [
        (&["endpoints"][..], "/webhooks/length"),
        (&["trigger", "length", "--port", port], "7"),
        (&["deliveries", "--json"], "[]"),
    ];
    for (arguments, output) in commands {
        for variable in [("NONE", ""), ("PANIC", "1")] {
            let ended = start(&token(), arguments, &[variable, ("WEBHOOKS_STORE", store)]).wait();
            assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
            assert!(ended.stdout.contains(output), "{arguments:?}: {ended:?}");
            let warning = ended.stderr.lines().find(|line| line.starts_with("Warning: ")).unwrap();
            let cause = if variable.0 == "PANIC" { "it panicked" } else { "HF_TOKEN is not set" };
            assert!(warning.contains(cause), "{warning}");
        }
    }
    program.stop();
}

#[test]
fn the_error_of_the_settings_in_code_forges_no_line_and_gives_the_terminal_no_orders() {
    let error = ("ERROR", "no\u{1b}[2J\nWarning: \u{202e}forged");
    let ended = start(&token(), &["endpoints"], &[error]).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("failed: no\\u{1b}[2J\\nWarning: \\u{202e}forged. Only flags"),
        "{ended:?}"
    );
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
}

#[test]
fn nothing_is_changed_in_a_store_that_may_be_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("kept.db");
    let store = store.to_str().unwrap();
    let token_and_store = [("HF_TOKEN", "1234567"), ("STORE_IN_CODE", store)];
    let program = start(&token(), &["--port", "0"], &token_and_store);
    let _ = program.local_url();
    let purge = ["deliveries", "purge", "--dead", "--older-than", "30d"];
    let ended = start(&token(), &purge, &[("STORE_IN_CODE", store)]).wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("Name it: --store"), "{ended:?}");
    let ended = start(&token(), &[&purge[..], &["--store", store]].concat(), &[]).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    program.stop();
}
