//! A process that has no free file descriptors.

use std::io::Write;
use std::process::Command;

use tests::client::{connect, get, head, post, read_answer};
use tests::program::Program;
use tests::programs::slow;

use super::until;

fn open(program: &Program) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap().count()
}

#[test]
fn a_connection_takes_one_descriptor_and_gives_it_back_at_its_end() {
    const CLIENTS: usize = 40;
    let program = Program::start(&slow(), &["--port", "0"], &[]).unwrap();
    let url = program.local_url();
    // Some descriptors are opened by the first request, and stay.
    assert_eq!(post(&url, "/webhooks/fails", "{}").unwrap().status, 500);
    let before = open(&program);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut stream = connect(&url).unwrap();
            stream.write_all(head("GET /nowhere", &[]).as_bytes()).unwrap();
            assert_eq!(read_answer(&mut stream).unwrap().status, 404);
            stream
        })
        .collect();
    let each = (open(&program) - before) as f64 / CLIENTS as f64;
    assert!(each < 1.5, "{each} for each connection");
    drop(clients);
    until("all descriptors are given back", || open(&program) <= before);
    let _ = program.stop();
}

#[test]
fn a_connection_too_many_is_rejected_in_words_and_one_line() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 256 && exec \"$0\" --port 0"]).arg(slow()).env_clear();
    let program = Program::spawn(shell.env("GRADIO_SHARE", "false")).unwrap();
    let url = program.local_url();
    let mut clients = Vec::new();
    let rejected = loop {
        assert!(clients.len() < 256, "no connection was rejected");
        let mut stream = connect(&url).unwrap();
        stream.write_all(head("GET /nowhere", &[]).as_bytes()).unwrap();
        let answer = read_answer(&mut stream).unwrap();
        if answer.status != 404 {
            break answer;
        }
        clients.push(stream);
    };
    assert!(clients.len() > 100, "{}", clients.len());
    assert_eq!(rejected.status, 503);
    assert_eq!(rejected.header("retry-after"), Some("10"));
    assert!(rejected.json()["error"].is_string(), "{}", rejected.body);
    // The ones that are open are served, and so is a new one when there is room.
    clients[0].write_all(head("GET /nowhere", &[]).as_bytes()).unwrap();
    assert_eq!(read_answer(&mut clients[0]).unwrap().status, 404);
    clients.truncate(10);
    until("there is room again", || get(&url, "/nowhere").is_ok_and(|a| a.status == 404));
    let ended = program.stop();
    assert_eq!(ended.stderr.matches("too many open connections").count(), 1, "{}", ended.stderr);
}

#[test]
fn a_server_without_descriptors_accepts_again_when_there_are_some() {
    let mut shell = Command::new("sh");
    // What the threads of the workers hold leaves too few for as many connections as may be open.
    let limited = "ulimit -n 80 && exec \"$0\" --port 0 --workers 12";
    shell.args(["-c", limited]).arg(slow()).env_clear();
    let program = Program::spawn(shell.env("GRADIO_SHARE", "false")).unwrap();
    let url = program.local_url();
    let clients: Vec<_> = (0..80).map(|_| connect(&url).unwrap()).collect();
    let line = program.wait_for_log("cannot accept connections at the moment");
    assert!(line.contains("ERROR") && line.contains("open files"), "{line}");
    drop(clients);
    until("it accepts again", || get(&url, "/nowhere").is_ok_and(|a| a.status == 404));
    let ended = program.stop();
    assert_eq!(ended.stderr.matches("cannot accept").count(), 1, "{}", ended.stderr);
}
