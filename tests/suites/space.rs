//! The way to a Space is driven: the examples are copied out as their READMEs say, and the guide's page is
//! followed to its push; then each Dockerfile is walked, and what comes out is run as a Space runs it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on"
)]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::MutexGuard;

use tempfile::TempDir;
use tests::client::request;
use tests::dockerfile::{Image, Instruction, Owner, build, parse};
use tests::markdown::{Block, blocks};
use tests::payloads::dataset_commit;
use tests::program::{Program, reserve_port_7860};
use tests::repository::{self, read, root};
use tests::terminal::Terminal;

const PAGE: &str = "docs/en/deploy-to-a-space.md";

/// What a Space gives to the program beside what the Dockerfile says. The last one is not from there: a test
/// listens on no other address.
const SPACE: [(&str, &str); 4] = [
    ("SPACE_ID", "me/my-bot"),
    ("SPACE_HOST", "me-my-bot.hf.space"),
    ("WEBHOOK_SECRET", "hush"),
    ("GRADIO_SERVER_NAME", "127.0.0.1"),
];

struct Example {
    name: &'static str,
    endpoints: &'static [&'static str],
    secret: &'static str,
    /// What a delivery is answered with.
    status: u16,
}

const EXAMPLES: [Example; 4] = [
    Example { name: "quickstart", endpoints: &["trigger_training"], secret: "hush", status: 200 },
    Example {
        name: "multiple-endpoints",
        endpoints: &["trigger_training", "trigger_evaluation"],
        secret: "hush",
        status: 200,
    },
    // The one in the code.
    Example {
        name: "custom-server",
        endpoints: &["say_hello", "goodbye"],
        secret: "my_secret_key",
        status: 200,
    },
    Example { name: "background", endpoints: &["trigger_training"], secret: "hush", status: 202 },
];

/// The blocks of a language.
fn blocks_of(language: &str, text: &str) -> Vec<String> {
    let blocks = blocks(text).into_iter().filter(|block| block.language == language);
    blocks.map(|Block { text, .. }| text).collect()
}

/// The lines at the top of a Space's README: names and values.
fn front_matter(readme: &str) -> Vec<(&str, &str)> {
    let (lines, _) = readme.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
    lines.lines().map(|line| line.split_once(": ").unwrap()).collect()
}

/// <https://huggingface.co/docs/hub/spaces-config-reference>
fn is_front_matter_of_a_docker_space(readme: &str) {
    let lines = front_matter(readme);
    let names: Vec<_> = lines.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["title", "emoji", "colorFrom", "colorTo", "sdk", "app_port", "pinned"]);
    let value = |name| lines.iter().find(|line| line.0 == name).unwrap().1;
    let colors = ["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"];
    assert!(
        colors.contains(&value("colorFrom")) && colors.contains(&value("colorTo")),
        "{lines:?}"
    );
    assert!(value("emoji").chars().all(|letter| !letter.is_ascii()), "{lines:?}");
    // Text that YAML takes for nothing else.
    assert!(value("title").chars().all(|letter| letter.is_ascii_alphanumeric() || letter == ' '));
    assert_eq!((value("sdk"), value("app_port"), value("pinned")), ("docker", "7860", "false"));
}

#[test]
fn every_example_is_a_docker_space_that_can_be_copied_under_any_name() {
    let there = fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap());
    let mut there: Vec<_> = there.map(|entry| entry.file_name().into_string().unwrap()).collect();
    there.sort();
    let mut known = EXAMPLES.map(|example| example.name);
    known.sort_unstable();
    assert_eq!(there, known);
    for Example { name, .. } in EXAMPLES {
        is_front_matter_of_a_docker_space(&read(format!("examples/{name}/README.md")));
        for file in ["Dockerfile", ".dockerignore", ".gitignore"] {
            let first = read(format!("examples/quickstart/{file}"));
            assert_eq!(read(format!("examples/{name}/{file}")), first, "{name}/{file}");
            assert!(!first.contains(name));
        }
    }
}

#[test]
fn the_last_stage_is_the_small_debian_that_the_compiler_was_on() {
    let instructions = parse(&read("examples/quickstart/Dockerfile")).unwrap();
    let images = instructions.iter().filter_map(|instruction| match instruction {
        Instruction::From { image, .. } => Some(image.as_str()),
        _ => None,
    });
    let images: Vec<_> = images.collect();
    let release = images[0].strip_prefix("rust:1-slim-").unwrap();
    assert_eq!(images, [images[0], &format!("debian:{release}-slim")]);
    // With a shell in between it would be the shell that is told to stop.
    assert!(matches!(instructions.last(), Some(Instruction::Cmd(_))));
}

#[test]
fn the_dockerfile_fits_a_program_that_is_not_in_main_rs() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("project");
    fs::create_dir_all(project.join("src/bin")).unwrap();
    fs::create_dir(project.join("webhooks")).unwrap();
    for (file, text) in [
        ("Dockerfile", read("examples/quickstart/Dockerfile").as_str()),
        ("Cargo.toml", "[package]\nname = \"my-bot\"\nversion = \"0.0.0\"\n"),
        ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"my-bot\"\nversion = \"0.0.0\"\n"),
        ("src/bin/my-bot.rs", "fn main() { print!(\"mine\") }\n"),
    ] {
        fs::write(project.join(file), text).unwrap();
    }
    let image = build(&project, &folder.path().join("stages"), &[("CARGO_NET_OFFLINE", "true")]);
    assert_eq!(image.command().output().unwrap().stdout, b"mine");
}

#[test]
fn the_page_shows_the_files_that_it_is_about() {
    let page = read(PAGE);
    assert_eq!(blocks_of("dockerfile", &page), [read("examples/quickstart/Dockerfile")]);
    let [readme] = <[_; 1]>::try_from(blocks_of("yaml", &page)).unwrap();
    is_front_matter_of_a_docker_space(&readme);
    for file in [".dockerignore", ".gitignore"] {
        for line in read(format!("examples/quickstart/{file}")).lines() {
            assert!(page.contains(&format!("`{line}`")), "{file}: {line}");
        }
    }
}

/// A folder for all that is made on the way.
struct Way {
    folder: TempDir,
}

impl Way {
    fn begin() -> Self {
        // Where the deliveries go then, which is not for a test.
        assert!(
            !Path::new("/data").exists(),
            "this machine has a /data, as a Space with a disk has"
        );
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What every command has: crates that are compiled once for all, and no network.
    fn variables() -> [(&'static str, String); 2] {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("my-bot");
        [
            // Beside the workspace's own, and shared with the READMEs' and the guide's tests.
            ("CARGO_TARGET_DIR", target.to_str().unwrap().to_owned()),
            ("CARGO_NET_OFFLINE", "true".to_owned()),
        ]
    }

    /// A terminal of a person who has git, and no network.
    fn terminal(&self, folder: &Path) -> Terminal {
        let hub = format!("url.{}.insteadOf", self.path("hub").display());
        let git = [
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_COUNT", "3"),
            ("GIT_CONFIG_KEY_0", "user.name"),
            ("GIT_CONFIG_VALUE_0", "me"),
            ("GIT_CONFIG_KEY_1", "user.email"),
            ("GIT_CONFIG_VALUE_1", "me@example.com"),
            ("GIT_CONFIG_KEY_2", hub.as_str()),
            ("GIT_CONFIG_VALUE_2", "https://huggingface.co"),
        ];
        let variables = Self::variables();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).chain(git).collect();
        Terminal::new(folder, &variables)
    }

    /// Walks a project's Dockerfile.
    fn build(&self, project: &Path) -> Image {
        let variables = Self::variables();
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        build(project, &self.path("stages"), &variables)
    }
}

/// What cargo said that it compiled.
fn compiled(printed: &str) -> Vec<&str> {
    let lines = printed.lines().filter_map(|line| line.trim_start().strip_prefix("Compiling "));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

/// How many MB the program has by the page's table.
fn size_on_the_page() -> f64 {
    let page = read(PAGE);
    let row = page
        .lines()
        .find_map(|line| line.strip_prefix("| those of the `Dockerfile` | the default ones |"));
    row.unwrap().split('|').next().unwrap().trim().parse().unwrap()
}

#[allow(clippy::explicit_write, reason = "tests show what is written so, and hide what is printed")]
fn the_program_is_as_small_as_the_page_says(name: &str, image: &Image) {
    let size = image.program().metadata().unwrap().len() as f64 / 1e6;
    let stated = size_on_the_page();
    writeln!(std::io::stderr(), "{name} is a program of {size:.1} MB; the page says {stated}")
        .unwrap();
    assert!((size / stated - 1.0).abs() < 0.1, "{name}: {size:.1} MB");
}

/// A program with the default features. The other tests build programs with all of them.
fn without_its_feature_postgresql_is_an_error_that_says_how_to_add_it(image: &Image) {
    let store = ["--store", "postgres://me:hush@db.example.com/bot"];
    let ended = image.command().args(store).output().unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{error}");
    assert!(error.contains("cargo add webhooks-runtime --features postgres"), "{error}");
    assert!(!error.contains("hush"), "{error}");
}

/// A program that runs as in a Space, and the port that the Space forwards.
struct RunningSpace {
    program: Program,
    _port: MutexGuard<'static, ()>,
}

/// Starts an image as a Space does.
fn start(image: &Image) -> RunningSpace {
    let port = reserve_port_7860();
    assert_eq!(image.user(), Some(Owner { user: 1000, group: 1000 }));
    assert_eq!(image.exposed(), [7860]);
    let program = Program::spawn(image.command().envs(SPACE)).unwrap();
    assert_eq!(program.local_url(), "http://127.0.0.1:7860");
    if image.is_made_by_root() {
        assert_eq!(fs::metadata(format!("/proc/{}", program.id())).unwrap().uid(), 1000);
    }
    RunningSpace { program, _port: port }
}

/// Posts a delivery at the port that the Space forwards.
fn post(endpoint: &str, secret: &str) -> u16 {
    let secret = format!("X-Webhook-Secret: {secret}");
    let headers = [
        &secret,
        "Content-Type: application/json",
        "Webhook-Id: 6da33a6f-8df7-4094-beac-6e00d9de560e",
    ];
    let body = dataset_commit().to_string();
    let first = format!("POST /webhooks/{endpoint}");
    request("http://127.0.0.1:7860", &first, &headers, &body).unwrap().status
}

#[test]
#[ignore = "needs port 7860, a machine without /data, and minutes to compile all crates once more"]
fn every_example_runs_on_a_space_when_it_was_copied_out_as_its_readme_says() {
    let way = Way::begin();
    let repository = way.path("webhooks");
    fs::create_dir(&repository).unwrap();
    let parts = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT"];
    for name in parts.into_iter().chain(["examples", "webhooks-macros", "webhooks-runtime"]) {
        // With their times, by which cargo knows that the crates are the same for all examples.
        let copied = Command::new("cp").arg("-a").arg(root().join(name)).arg(&repository).status();
        assert!(copied.unwrap().success());
    }
    for Example { name, endpoints, secret, status } in EXAMPLES {
        let readme = read(format!("examples/{name}/README.md"));
        let [here, copied_out] = <[_; 2]>::try_from(blocks_of("console", &readme)).unwrap();
        // As many tests do.
        assert_eq!(here, format!("$ cargo run -p {name}\n"));
        // With the versions of the workspace, none of which cargo needs a network for.
        fs::copy(
            root().join("Cargo.lock"),
            repository.join("examples").join(name).join("Cargo.lock"),
        )
        .unwrap();
        way.terminal(&repository).type_in(&copied_out);
        let project = way.path("my-bot");
        let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
        for line in blocks_of("toml", &readme) {
            assert!(manifest.contains(&line), "{name}: {manifest}");
        }

        let image = way.build(&project);
        // The layer with the dependencies is none of these.
        assert_eq!(compiled(&image.printed[1]), [name], "{}", image.printed[1]);
        the_program_is_as_small_as_the_page_says(name, &image);
        without_its_feature_postgresql_is_an_error_that_says_how_to_add_it(&image);

        let RunningSpace { program, _port } = start(&image);
        for endpoint in endpoints {
            let _ =
                program.wait_for(&format!("POST https://me-my-bot.hf.space/webhooks/{endpoint}"));
            assert_eq!(post(endpoint, "wrong"), 403, "{name}: {endpoint}");
            assert_eq!(post(endpoint, secret), status, "{name}: {endpoint}");
        }
        if status == 202 {
            let _ = program.wait_for_log("state=done");
            let _ = program.wait_for_log("LOSES at each restart");
            let file = image.path("/home/bot/webhooks.db").metadata().unwrap();
            assert!(!image.is_made_by_root() || file.uid() == 1000);
        }
        assert_eq!(program.stop().code, Some(0), "{name}");
        fs::remove_dir_all(project).unwrap();
    }
}

/// The project at the end of the quick start, and what it was made from.
fn project_of_the_quick_start(way: &Way) -> PathBuf {
    let clone = way.path("webhooks");
    repository::copy(&clone).unwrap();
    way.terminal(&clone)
        .type_in("$ git init --quiet\n$ git add --all\n$ git commit --quiet --message Copy\n");
    let start = blocks(&read("docs/en/quick-start.md"));
    let making = start.into_iter().find(|block| block.text.contains("cargo new")).unwrap();
    way.terminal(way.folder.path()).type_in(&making.text);
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
fn pushed_to(way: &Way, space: &Path) -> PathBuf {
    let pushed = way.path("pushed");
    let clone =
        format!("$ git clone --quiet --branch main {} {}\n", space.display(), pushed.display());
    way.terminal(way.folder.path()).type_in(&clone);
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
        }
    }
    is_front_matter_of_a_docker_space(&fs::read_to_string(pushed.join("README.md")).unwrap());
    pushed
}

#[test]
#[ignore = "needs git, port 7860, a machine without /data, and minutes to compile all crates once more"]
fn the_page_leads_from_the_quick_start_to_a_space() {
    let way = Way::begin();
    let (project, space) = (project_of_the_quick_start(&way), new_space(&way));
    let page = read(PAGE);
    let (mut logs, mut running): (_, Option<(RunningSpace, Image)>) = (Vec::new(), None);
    for Block { language, text } in blocks(&page) {
        match language.as_str() {
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
                    let image = way.build(&pushed_to(&way, &space));
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
