//! The page of the guide, followed to its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::dockerfile::Image;
use tests::markdown::{CodeBlock, blocks};
use tests::repository::{self, copy_time, read, root};

use super::{
    PAGE, Profile, RunningSpace, Way, compiled, is_front_matter_of_a_docker_space, post, start,
};

/// The project at the end of the quick start, and what it was made from.
fn project_of_the_quick_start(way: &Way) -> PathBuf {
    let clone = way.path("webhooks");
    repository::copy(&clone).unwrap();
    way.terminal(&clone)
        .type_in("$ git init --quiet\n$ git add --all\n$ git commit --quiet --message Copy\n");
    let start = blocks(&read("docs/en/quick-start.md"));
    let making = start.into_iter().find(|block| block.text.contains("cargo new")).unwrap();
    way.terminal(&way.folder).type_in(&making.text);
    let project = way.path("my-bot");
    fs::copy(root().join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
    fs::copy(root().join("examples/quickstart/src/main.rs"), project.join("src/main.rs")).unwrap();
    // As the first `cargo run` does, without its time.
    way.terminal(&project).type_in("$ cargo update --quiet --workspace\n");
    project
}

/// A Space's repository as the Hub makes it: with a commit of its own.
fn new_space(way: &Way) -> PathBuf {
    let space = way.path("hub/spaces/me/my-bot");
    fs::create_dir_all(&space).unwrap();
    let made = way.path("made");
    fs::create_dir(&made).unwrap();
    fs::write(made.join("README.md"), "---\ntitle: My Bot\nsdk: docker\n---\n").unwrap();
    way.terminal(&space).type_in("$ git init --quiet --bare --initial-branch main\n");
    way.terminal(&made).type_in(
        "$ git init --quiet\n$ git add .\n$ git commit --quiet --message Initial\n\
         $ git push --quiet https://huggingface.co/spaces/me/my-bot HEAD:main\n",
    );
    space
}

/// What is another each time.
fn plain(log: &str) -> String {
    let word = |word: &str| match word.split_once('=').unwrap_or_default() {
        ("duration", _) => "duration=…".to_owned(),
        ("webhook_id", id) if id.len() == 38 => "webhook_id=…".to_owned(),
        _ if word.len() == 27 && word.ends_with('Z') => "TIME".to_owned(),
        _ => word.split_once("?token=").map_or(word, |(url, _)| url).to_owned(),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    log.lines().map(|text| line(text) + "\n").collect()
}

/// What the Space builds: what was pushed, and nothing that the Hub would have refused.
fn pushed_to(way: &Way, project: &Path, space: &Path) -> PathBuf {
    let pushed = way.path("pushed");
    let clone =
        format!("$ git clone --quiet --branch main {} {}\n", space.display(), pushed.display());
    way.terminal(&way.folder).type_in(&clone);
    let list = Command::new("git")
        .args(["ls-files", "--stage", "-z"])
        .current_dir(&pushed)
        .output()
        .unwrap();
    let all = pushed.canonicalize().unwrap();
    for entry in String::from_utf8(list.stdout).unwrap().split_terminator('\0') {
        let (mode, file) = (&entry[..6], entry.split_once('\t').unwrap().1);
        assert_ne!(mode, "160000", "{file} is a repository of its own, which isn't pushed");
        let end = all.join(file).canonicalize();
        let end = end.unwrap_or_else(|error| panic!("{file}, a link, leads nowhere: {error}"));
        assert!(end.starts_with(&all), "{file} leads out of what is pushed");
        if mode != "120000" {
            let bytes = fs::read(end).unwrap();
            assert!(!bytes.contains(&0) && bytes.len() < 10_000_000, "{file} is binary or large");
            // Git keeps no times. With those of this repository the crates are compiled once for all Spaces.
            if fs::read(project.join(file)).is_ok_and(|pushed| pushed == bytes) {
                copy_time(&project.join(file), &all.join(file)).unwrap();
            }
        }
    }
    is_front_matter_of_a_docker_space(&fs::read_to_string(pushed.join("README.md")).unwrap());
    pushed
}

#[test]
#[ignore = "needs git, port 7860, a machine without /data, and minutes to compile all crates once more"]
fn the_page_leads_from_the_quick_start_to_a_space() {
    let way = Way::begin(Profile::Dev);
    let (project, space) = (project_of_the_quick_start(&way), new_space(&way));
    let page = read(PAGE);
    let (mut logs, mut running): (_, Option<(RunningSpace, Image)>) = (Vec::new(), None);
    for CodeBlock { language, text } in blocks(&page) {
        match language.as_str() {
            // The suite `deploy` runs it.
            "console" if text.contains(" -- deploy ") => {}
            "console" => {
                // One for each block, which ends with it: what comes next is of no use after a fault.
                let mut terminal = way.terminal(&project);
                terminal.stand_in("https://me-my-bot.hf.space", "http://127.0.0.1:7860");
                terminal.type_in(&text);
            }
            // A project of one's own may have none.
            "dockerfile" => {
                assert_eq!(fs::read_to_string(project.join("Dockerfile")).unwrap(), text);
            }
            "yaml" => fs::write(project.join("README.md"), text).unwrap(),
            "text" => {
                if let Some((RunningSpace { program, .. }, _)) = &running {
                    let _ = program.wait_for_log("status=200");
                } else {
                    let image = way.build(&pushed_to(&way, &project, &space));
                    assert_eq!(compiled(&image.printed[1]), ["my-bot"]);
                    running = Some((start(&image), image));
                }
                logs.push(text);
            }
            other => panic!("nothing holds a block of {other:?} to its word:\n{text}"),
        }
    }

    let (RunningSpace { program, _port }, _image) = running.unwrap();
    assert_eq!(post("trigger_training", "wrong"), 403);
    let _ = program.wait_for_log("status=403");
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    let [started, delivered] = <[_; 2]>::try_from(logs).unwrap();
    // The warning is on the other stream, and where it listens is said at the top.
    let (first, log) = ended.stderr.split_once('\n').unwrap();
    let printed = format!("{first}\n{}", ended.stdout.replace("//127.0.0.1:", "//0.0.0.0:"));
    assert_eq!(plain(&printed), plain(&started));
    assert!(plain(log).contains(&plain(&delivered)), "{log}");
}
