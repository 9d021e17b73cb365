//! The systemd unit.

use std::fs;
use std::path::Path;

use tests::client::request;
use tests::programs::{background, quickstart};

use super::{LONGEST_STOP, PUBLIC, block, commands, shell, start};

/// The values of a key of the unit.
fn values(unit: &str, key: &str) -> Vec<String> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.map(str::to_owned).collect()
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_takes_the_unit_without_a_remark() {
    let folder = tempfile::tempdir().unwrap();
    let unit = block(5).replace("/usr/local/bin/my-bot", quickstart().to_str().unwrap());
    fs::write(folder.path().join("my-bot.service"), unit).unwrap();
    let verified = shell(folder.path(), "systemd-analyze verify --man=no ./my-bot.service 2>&1");
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    // Units of the machine's own may have faults.
    let remarks: Vec<_> = said.lines().filter(|line| line.contains("my-bot")).collect();
    assert!(verified.status.success() && remarks.is_empty(), "{said}");
}

#[test]
#[ignore = "needs openssl"]
fn the_unit_starts_what_its_commands_install_and_keeps_deliveries_in_its_folder() {
    let unit = block(5);
    let folder = tempfile::tempdir().unwrap();
    let system = folder.path().join("system");
    ["usr/local/bin", "etc", "state"]
        .iter()
        .for_each(|name| fs::create_dir_all(system.join(name)).unwrap());
    let within = |text: &str| {
        let system = system.to_str().unwrap();
        ["/usr/local/bin/", "/etc/"]
            .iter()
            .fold(text.to_owned(), |text, place| text.replace(place, &format!("{system}{place}")))
    };
    // What is typed, in a project that is built already.
    let release = folder.path().join("target/release");
    fs::create_dir_all(&release).unwrap();
    fs::copy(background(), release.join("my-bot")).unwrap();
    let stand_ins = "cargo() { :; }; sudo() { \"$@\"; }; systemctl() { echo \"systemctl $*\"; }; \
                     journalctl() { echo \"journalctl $*\"; };";
    let typed: Vec<_> =
        commands(&block(6)).into_iter().map(|(command, _)| within(&command)).collect();
    let output = shell(folder.path(), &format!("{stand_ins} {}", typed.join("; ")));
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("systemctl enable --now my-bot\njournalctl --unit my-bot "), "{said}");
    let file = within(&values(&unit, "EnvironmentFile")[0]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    // As systemd does it.
    let variables = fs::read_to_string(&file).unwrap();
    let variables: Vec<_> = variables.lines().map(|line| line.split_once('=').unwrap()).collect();
    assert_eq!(
        values(&unit, "WorkingDirectory"),
        [format!("%S/{}", values(&unit, "StateDirectory")[0])]
    );
    let line = within(&values(&unit, "ExecStart")[0]).replace("--port 7860", "--port 0");
    let line = format!("cd '{}'; exec {line}", system.join("state").display());
    let program = start(Path::new("/bin/sh"), &["-c", &line], &variables);
    let url = program.local_url();
    let _ = program.wait_for("Webhook secret is correctly defined.");
    let _ = program.wait_for(&format!("POST {PUBLIC}/webhooks/quick"));
    let secret = format!("X-Webhook-Secret: {}", variables[0].1);
    let answer = request(&url, "POST /webhooks/quick", &[&secret], "{}").unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(system.join("state/webhooks.db").is_file());
    assert_eq!(program.stop().code, Some(0));
    assert!(values(&unit, "TimeoutStopSec")[0].parse::<u32>().unwrap() > LONGEST_STOP);
}
