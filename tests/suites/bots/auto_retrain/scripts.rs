//! The script of a training: its variables, its output, and the end of its processes.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tests::client::PATIENCE;
use tests::program::Program;
use tests::repository::read;

use super::{DATA, home_with_script, push, visible};

#[test]
fn a_script_gets_the_variables_that_it_needs_and_not_the_secret_of_the_webhook() {
    let script = "import os, pathlib\n\
                  print(*sorted(os.environ))\n\
                  bot = pathlib.Path('/proc', str(os.getppid()), 'environ').read_text()\n\
                  print('WEBHOOK_SECRET=hush' in bot.split(chr(0)))\n";
    let mut home = home_with_script("prints.py", script);
    home.set("LANG", "C.UTF-8");
    home.set("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    home.set("NO_PROXY", "127.0.0.1");
    let bot = home.start();
    push(&home, "seed\n42\n");
    let report = home.hub.wait_for_comments(DATA, 1, 2).remove(1);
    let [names, secret] = <[_; 2]>::try_from(visible(&report).lines().skip(2).collect::<Vec<_>>())
        .unwrap()
        .map(str::trim);
    let names: Vec<_> = names.split(' ').collect();
    // Python itself may set others.
    let mut given: Vec<_> = home.variables.iter().map(|(name, _)| *name).collect();
    given.retain(|name| names.contains(name));
    given.sort_unstable();
    let expected = ["HF_ENDPOINT", "HF_TOKEN", "HOME", "LANG", "NO_PROXY", "PATH", "SSL_CERT_FILE"];
    assert_eq!(given, expected);
    // A hostile script finds the secret nevertheless, as the pages say.
    assert_eq!(secret, "True");
    let warnings =
        ["This is no protection against hostile code", "악성 코드를 막아 주지는 않습니다"];
    for (language, warning) in ["en", "ko"].iter().zip(warnings) {
        for page in ["first-bot", "bot-auto-retrain"] {
            let page = read(format!("docs/{language}/{page}.md"));
            assert!(page.split_whitespace().collect::<Vec<_>>().join(" ").contains(warning));
        }
    }
    home.stop(bot);
}

#[test]
fn a_report_does_not_show_the_token_that_a_script_prints() {
    let home = home_with_script("prints.py", "import os\nprint(os.environ['HF_TOKEN'], 'it is')\n");
    let bot = home.start();
    push(&home, "seed\n42\n");
    let report = home.hub.wait_for_comments(DATA, 1, 2).remove(1);
    assert!(visible(&report).ends_with("\n\n    hf_*** it is"), "{report:?}");
    // Not as others are stopped: the log has what the script prints.
    assert_eq!(bot.stop().code, Some(0));
    home.hub.assert_no_faults();
}

#[test]
fn a_process_that_outlives_the_script_does_not_delay_the_report() {
    // Its output is that of the script, and it is in no group that the bot could kill.
    let script = "import pathlib, subprocess, sys\n\
                  child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n\
                  pathlib.Path('child.txt').write_text(str(child.pid))\n\
                  pathlib.Path(sys.argv[3], 'model.txt').write_text('a model')\n\
                  print('saved the model')\n";
    let home = home_with_script("daemon.py", script);
    let bot = home.start();
    push(&home, "seed\n42\n");
    let report = home.hub.wait_for_comments(DATA, 1, 2).remove(1);
    assert!(visible(&report).ends_with("\n\n    saved the model"), "{report:?}");
    let child = fs::read_to_string(home.folder.path().join("child.txt")).unwrap();
    assert!(is_running(&child));
    signal::kill(Pid::from_raw(child.parse().unwrap()), Signal::SIGKILL).unwrap();
    home.stop(bot);
}

/// A script that runs for minutes, and starts another process.
const SLOW: &str = "import os, subprocess, time\n\
                    child = subprocess.Popen(['sleep', '600'])\n\
                    print('processes', os.getpid(), child.pid)\n\
                    time.sleep(600)\n";

/// Waits until the slow script runs. Returns its two processes.
fn processes(bot: &Program) -> Vec<String> {
    // What the script prints is in the log while it runs.
    let line = bot.wait_for_log("processes ");
    let (_, processes) = line.split_once("processes ").unwrap();
    let processes: Vec<_> = processes.split(' ').map(str::to_owned).collect();
    assert!(processes.len() == 2 && processes.iter().all(|process| is_running(process)), "{line}");
    processes
}

fn wait_until_ended(processes: &[String], patience: Duration) {
    let deadline = Instant::now() + patience;
    while processes.iter().any(|process| is_running(process)) {
        assert!(Instant::now() < deadline, "{processes:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_cancelled_training_ends_with_all_of_its_processes() {
    let home = home_with_script("slow.py", SLOW);
    let bot = home.start();
    push(&home, "seed\n42\n");
    let processes = processes(&bot);
    let id = home.wait_for(1, "running").remove(0)["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["deliveries", "cancel", &id]).code, Some(0));
    wait_until_ended(&processes, PATIENCE);
    home.wait_for(1, "cancelled");
    assert!(home.hub.discussions(DATA).is_empty());
    home.stop(bot);
}

#[test]
fn a_shutdown_ends_the_training_and_the_next_start_repeats_it() {
    let home = home_with_script("slow.py", SLOW);
    let bot = home.start();
    push(&home, "seed\n42\n");
    let processes = processes(&bot);
    bot.signal(Signal::SIGTERM).unwrap();
    // After the grace period of 30 s.
    wait_until_ended(&processes, Duration::from_secs(30) + PATIENCE);
    assert_eq!(bot.wait().code, Some(0));

    let script = read("examples/auto-retrain/train.py");
    fs::write(home.folder.path().join("slow.py"), script).unwrap();
    let bot = home.start();
    let done = home.wait_for(1, "done").remove(0);
    assert_eq!((&done["attempts"], home.hub.comments(DATA, 1).len()), (&1.into(), 2), "{done}");
    home.stop(bot);
}

/// Returns whether a process has not ended.
fn is_running(process: &str) -> bool {
    // Its state is after its name, which is in brackets; `Z` when it has ended.
    let status = fs::read_to_string(Path::new("/proc").join(process).join("stat"));
    status.is_ok_and(|status| !status.rsplit_once(") ").is_some_and(|(_, it)| it.starts_with('Z')))
}
