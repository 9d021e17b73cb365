//! A program that is built without the Cargo feature `metrics`, as the quick start's is.

use tests::program::Program;

use super::project::project;

#[test]
#[ignore = "needs minutes to compile all crates once more"]
fn a_program_without_metrics_names_the_feature() {
    let (_turn, project) = project();
    project.reset();
    project.terminal(&project.path()).type_in("$ cargo build\n");
    let program = crate::target_of_my_bot().join("debug/my-bot");
    for (arguments, variables) in [
        (&["--port", "0", "--metrics"][..], &[][..]),
        (&["--port", "0", "--metrics-port", "0"], &[]),
        (&["--port", "0"], &[("WEBHOOKS_METRICS", "true")]),
        (&["--port", "0"], &[("WEBHOOKS_METRICS_PORT", "0")]),
    ] {
        let ended = Program::start(&program, arguments, variables).unwrap().wait();
        assert_eq!(ended.code, Some(1), "{arguments:?} {variables:?}: {}", ended.stderr);
        let text = "built without them. Add them: cargo add webhooks-runtime --features metrics";
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
    }
    // Variables for traces may be those of the whole machine.
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")];
    let program = Program::start(&program, &["--port", "0"], &variables).unwrap();
    let _ = program.local_url();
    let ended = program.stop();
    assert!(!ended.stdout.contains("* Traces:"), "{}", ended.stdout);
}
