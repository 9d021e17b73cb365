//! Variables in `.env`, which programs read where a person develops them.

use std::fs;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tests::client::{post, request};
use tests::program::{Ended, OwnMachine, Program};
use tests::programs::{quickstart, token};

/// The line that names the variables.
const REPORT: &str = "* Variables from .env: ";

/// Starts a program with this `.env`, in a terminal of a person's own machine.
fn start_with(
    machine: &OwnMachine,
    env: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Program {
    fs::write(machine.folder().join(".env"), env).unwrap();
    start_in_terminal(machine, arguments, variables)
}

fn start_in_terminal(
    machine: &OwnMachine,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Program {
    let mut command = machine.command();
    command.args(arguments).env("GRADIO_SHARE", "false").envs(variables.iter().copied());
    Program::spawn_in_terminal(&mut command).unwrap()
}

fn run(machine: &OwnMachine, env: &str) -> Ended {
    start_with(machine, env, &["endpoints"], &[]).wait()
}

#[test]
fn the_program_and_its_code_have_the_variables_of_the_file() {
    let machine = OwnMachine::with(&token()).unwrap();
    let env = "# for development\nHF_TOKEN=\"1234567\"\nWEBHOOK_SECRET='hush # hush'\n";
    let program = start_with(&machine, env, &["--port", "0"], &[]);
    let _ = program.wait_for("Webhook secret is correctly defined.");
    let report = program.wait_for_log(REPORT);
    assert_eq!(report, format!("{REPORT}HF_TOKEN, WEBHOOK_SECRET"));
    let url = program.local_url();
    let head = ["X-Webhook-Secret: hush # hush"];
    let answer = request(&url, "POST /webhooks/length", &head, "{}").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "7"));
    let ended = program.stop();
    assert!(!(ended.stdout + &ended.stderr).contains("hush"));
}

#[test]
fn a_variable_that_is_set_is_not_overridden() {
    let machine = OwnMachine::with(&token()).unwrap();
    let env = "HF_TOKEN=12345678\nNEW=1\n";
    let program = start_with(&machine, env, &["--port", "0"], &[("HF_TOKEN", "1")]);
    let url = program.local_url();
    assert_eq!(post(&url, "/webhooks/length", "{}").unwrap().body, "1");
    assert_eq!(program.wait_for_log(REPORT), format!("{REPORT}NEW"));
    program.stop();
}

#[test]
fn the_file_is_read_only_where_a_person_develops_the_program() {
    let machine = OwnMachine::with(&quickstart()).unwrap();
    let env = "WEBHOOK_SECRET=hush\n";
    let is_read = |program: Program| {
        let ended = program.wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stderr.contains(REPORT)
    };
    assert!(is_read(start_with(&machine, env, &["endpoints"], &[])));
    for variable in ["CI", "SPACE_ID", "JOB_ID", "container", "KUBERNETES_SERVICE_HOST"] {
        let program = start_with(&machine, env, &["endpoints"], &[(variable, "1")]);
        assert!(!is_read(program), "{variable}");
    }
    // Without a terminal.
    let program = Program::spawn(machine.command().arg("endpoints")).unwrap();
    assert!(!is_read(program));
    // Only in the current folder. A folder of this name belongs to Python.
    fs::remove_file(machine.folder().join(".env")).unwrap();
    assert!(!is_read(start_in_terminal(&machine, &["endpoints"], &[])));
    fs::create_dir(machine.folder().join(".env")).unwrap();
    assert!(!is_read(start_in_terminal(&machine, &["endpoints"], &[])));
}

#[test]
fn a_command_in_a_pipe_says_that_the_file_is_not_read() {
    let machine = OwnMachine::with(&quickstart()).unwrap();
    let warning = "Warning: .env is not read, because standard output is not a terminal. Set its variables in the \
                   environment.\n";
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = machine.command();
        Program::spawn(command.args(arguments).envs(variables.iter().copied())).unwrap().wait()
    };
    let warns = |variables: &[(&str, &str)]| {
        let ended = run(&["endpoints", "--json"], variables);
        assert_eq!((ended.code, &ended.stdout[..1]), (Some(0), "["), "{ended:?}");
        assert!(!ended.stderr.contains("hush"), "{ended:?}");
        ended.stderr.contains(warning)
    };
    assert!(!warns(&[]));
    fs::write(machine.folder().join(".env"), "WEBHOOK_SECRET=hush\n").unwrap();
    assert!(warns(&[]));
    // Also of a file that could not be read.
    fs::write(machine.folder().join(".env"), "hush hush\n").unwrap();
    assert!(warns(&[]));
    fs::write(machine.folder().join(".env"), "WEBHOOK_SECRET=hush\n").unwrap();
    // Its variables are set, or a platform sets them.
    for variable in ["WEBHOOK_SECRET", "CI", "SPACE_ID", "JOB_ID", "container"] {
        assert!(!warns(&[(variable, "1")]), "{variable}");
    }
    // A script that a shell reads at each start.
    assert_eq!(run(&["completions", "bash"], &[]).stderr, "");
}

#[test]
fn a_variable_that_redirects_the_token_is_ignored_with_a_warning() {
    let machine = OwnMachine::with(&quickstart()).unwrap();
    let env = "HF_ENDPOINT=http://evil.example\nhttps_proxy=http://evil.example\nPORT=1\n";
    let program = start_with(&machine, env, &["--port", "0"], &[]);
    let _ = program.local_url();
    let ended = program.stop();
    for name in ["HF_ENDPOINT", "https_proxy", "PORT"] {
        let warning = format!("Warning: {name} in .env is ignored, so that the files of a project");
        assert!(ended.stderr.contains(&warning), "{}", ended.stderr);
    }
    assert!(!ended.stderr.contains("evil"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(REPORT), "{}", ended.stderr);
}

#[test]
fn a_file_that_cannot_be_used_ends_the_program_and_is_not_shown() {
    let machine = OwnMachine::with(&quickstart()).unwrap();
    let error = "error: .env, line 2, is not like NAME=value: put a value with spaces or # in quotes, and close each \
                 quote\n";
    let ended = run(&machine, "A=b\nWEBHOOK_SECRET=hush hush\n");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), error));
    let ended = run(&machine, &"#".repeat(1 << 20));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("larger than 64 KiB"), "{}", ended.stderr);
    // What needs no variables works.
    let help = start_with(&machine, "hush", &["--help"], &[]).wait();
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    // A pipe without a writer does not stop the program.
    let file = machine.folder().join(".env");
    fs::remove_file(&file).unwrap();
    mkfifo(Path::new(&file), Mode::S_IRWXU).unwrap();
    let ended = start_in_terminal(&machine, &["endpoints"], &[]).wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(".env cannot be read: it is not a"), "{}", ended.stderr);
}
