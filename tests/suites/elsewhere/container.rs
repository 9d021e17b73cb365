//! The container.

use std::path::Path;

use tests::programs::quickstart;
use tests::repository::read;

use super::{LONGEST_STOP, all, block, commands, docker, instruction, one, shell, start};

#[test]
#[ignore = "needs openssl"]
fn the_container_starts_as_docker_is_told() {
    let typed = commands(&block(0));
    let [(build, _), (export, _), (run, _)] = &typed[..] else { panic!("{typed:?}") };
    let ((_, build), (_, run)) = (docker(build), docker(run));
    let command = all(&run, "command");
    assert_eq!(one(&build, "tag"), one(&run, "image"));
    assert!(one(&run, "stop-timeout").parse::<u32>().unwrap() > LONGEST_STOP);

    // The image is that of the examples.
    let dockerfile = read("examples/quickstart/Dockerfile");
    let installed = instruction(&dockerfile, "COPY --from=build /build/program ");
    assert_eq!(Path::new(&installed).file_name().unwrap(), command[0].as_str());
    assert_eq!(
        all(&run, "publish"),
        [format!("127.0.0.1:7860:{}", instruction(&dockerfile, "EXPOSE "))]
    );
    let volume = format!("{}:{}", one(&run, "name"), instruction(&dockerfile, "WORKDIR "));
    assert_eq!(all(&run, "volume"), [volume]);

    let exported = shell(Path::new("/"), &format!("{export}; printf %s \"$WEBHOOK_SECRET\""));
    let secret = String::from_utf8(exported.stdout).unwrap();
    assert_eq!(secret.len(), 64, "{secret}");
    let given = all(&run, "env");
    let mut variables: Vec<_> =
        given.iter().map(|given| given.split_once('=').unwrap_or((given, &secret))).collect();
    let settings = read("docs/en/settings.md");
    for (name, value) in &mut variables {
        assert!(settings.contains(&format!("`{name}`")), "{name}");
        if *value == "0.0.0.0" {
            // A test listens on no address but this machine's own.
            *value = "127.0.0.2";
        }
    }
    // Nothing but the command says that no link is made, and the port is a free one.
    variables.extend([("GRADIO_SHARE", ""), ("GRADIO_SERVER_PORT", "0")]);
    let rest: Vec<_> = command[1..].iter().map(String::as_str).collect();
    let program = start(&quickstart(), &rest, &variables);
    let url = program.local_url();
    assert!(url.starts_with("http://127.0.0.2:"), "{url}");
    let ended = program.stop();

    let typed = commands(&block(1));
    let (logs, shown) = &typed[0];
    assert_eq!(one(&docker(logs).1, "container"), one(&run, "name"));
    let printed = format!("{}\n{}", ended.stderr.lines().next().unwrap(), ended.stdout);
    let printed = printed.replace(&url, "http://0.0.0.0:7860");
    assert_eq!(printed, *shown);
}

#[test]
fn without_a_word_about_it_the_program_listens_on_this_machine_alone() {
    let program = start(&quickstart(), &["--port", "0"], &[]);
    assert!(program.local_url().starts_with("http://127.0.0.1:"));
    program.stop();
}
