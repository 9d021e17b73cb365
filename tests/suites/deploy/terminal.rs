//! The questions and the progress of `deploy` in a terminal.

use tests::programs::acting;
use tests::pty::{CTRL_C, CTRL_D, PtyEnded, PtyProgram};

use super::*;

/// The last question.
const QUESTION: &str = "Deploy this to the Hub? [y/N] ";

/// The width of a small terminal.
const NARROW: u16 = 60;

/// Starts `deploy me/my-bot` in a terminal.
fn open(developer: &Developer, arguments: &[&str], variables: &[(&str, &str)]) -> PtyProgram {
    PtyProgram::spawn(&developer.command(arguments, variables), NARROW).unwrap()
}

/// Enters these lines, each after the question has come once more.
fn answer(developer: &Developer, lines: &[&str]) -> PtyEnded {
    let mut program = open(developer, &[], &[]);
    for (count, line) in lines.iter().enumerate() {
        program.wait_for(QUESTION, count + 1);
        program.enter(line);
    }
    program.wait()
}

#[test]
fn only_a_yes_deploys_and_any_other_text_is_asked_again() {
    let developer = Developer::new();
    for lines in [&["n\n"][..], &["\n"], &[CTRL_D], &["maybe\n", "yess\n", "NO\n"]] {
        let ended = answer(&developer, lines);
        assert_eq!(ended.code, Some(1), "{lines:?} {ended:?}");
        assert!(ended.screen.ends_with("\nNothing was changed.\n\n"), "{}", ended.screen);
        let again = ended.screen.matches("Enter y for yes, or n for no.\n").count();
        assert_eq!(again, lines.len() - 1, "{}", ended.screen);
    }
    assert_eq!(developer.changes(), <[&str; 0]>::default());
    let _server = developer.serve("hush");
    let ended = answer(&developer, &["what?\n", "Y\n"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(developer.hub.has_repo(SPACE));
    developer.hub.assert_no_faults();
}

#[test]
fn the_progress_is_one_line_that_is_replaced() {
    let developer = Developer::new();
    let _server = developer.serve("hush");
    let stages = ["BUILDING", "BUILDING", "BUILDING", "APP_STARTING", "RUNNING"];
    developer.hub.set_build(&stages);
    let program = open(&developer, &["--yes"], &[]);
    program.wait_for("  waiting    BUILDING for 1s", 1);
    program.wait_for("  waiting    BUILDING for 2s", 1);
    let ended = program.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.screen.contains("waiting"), "{}", ended.screen);
    let shown =
        "  stage      BUILDING\n  stage      APP_STARTING\n  stage      RUNNING\n  responds ";
    assert!(ended.screen.contains(shown), "{}", ended.screen);
    // No other order for the terminal.
    assert!(!ended.screen.contains('\u{1b}'), "{}", ended.screen);
}

#[test]
fn a_terminal_that_cannot_replace_a_line_gets_plain_text() {
    let developer = Developer::new();
    let _server = developer.serve("hush");
    developer.hub.set_build(&["BUILDING", "BUILDING", "RUNNING"]);
    let ended = open(&developer, &["--yes"], &[("TERM", "dumb"), ("NO_COLOR", "1")]).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.transcript.contains('\u{1b}'), "{}", ended.transcript);
    assert!(!ended.transcript.contains("waiting"), "{}", ended.transcript);
}

#[test]
fn ctrl_c_stops_the_command_says_what_stays_and_the_next_run_continues() {
    let developer = Developer::new();
    let _server = developer.serve("hush");
    let stages = ["BUILDING"; 8].into_iter().chain(["RUNNING"]);
    developer.hub.set_build(&stages.collect::<Vec<_>>());
    let mut program = open(&developer, &["--yes"], &[]);
    program.wait_for("  waiting    BUILDING for 1s", 1);
    program.enter(CTRL_C);
    let ended = program.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let screen = ended.screen.replace('\n', "");
    assert!(screen.contains("  stage      BUILDINGSIGINT stopped the command."), "{screen}");
    assert!(screen.ends_with("run the command again to continue."), "{screen}");

    let ended = open(&developer, &[], &[]).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(developer.hub.webhooks().len(), 2);
}

#[test]
fn ctrl_c_at_the_question_ends_the_command() {
    let developer = Developer::new();
    let ended = answer(&developer, &[CTRL_C]);
    assert_eq!(ended.code, None, "{ended:?}");
    assert_eq!(developer.changes(), <[&str; 0]>::default());
}

#[test]
fn the_token_is_copied_after_a_yes() {
    let developer = Developer::of(acting());
    let _server = developer.serve("hush");
    for (answer, has_token) in [("n\n", false), ("y\n", true)] {
        let mut program = open(&developer, &[], &[]);
        program.wait_for("[y/N] ", 1);
        program.enter(answer);
        program.wait_for("[y/N] ", 2);
        program.enter("y\n");
        let ended = program.wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let screen = ended.screen.replace('\n', "");
        assert!(screen.contains("Copy your token to it as a secret? [y/N]"), "{screen}");
        assert!(!ended.transcript.contains(developer.hub.token()), "{screen}");
        assert_eq!(developer.hub.space_secrets(SPACE).contains_key("HF_TOKEN"), has_token);
        assert_eq!(screen.contains("Add --secret HF_TOKEN"), !has_token, "{screen}");
    }
}
