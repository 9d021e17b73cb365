//! The way to a Space is driven: the examples are copied out as their READMEs say, and the guide's page is
//! followed to its push; then each Dockerfile is walked, and what comes out is run as a Space runs it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on"
)]

mod examples;
mod files;
mod page;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tests::client::request;
use tests::dockerfile::{Image, Owner, build};
use tests::markdown::{CodeBlock, blocks};
use tests::payloads::{dataset_commit, with};
use tests::program::{Program, ReservedPort, reserve_port_7860};
use tests::terminal::{Terminal, WITHOUT_DEBUG};

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

/// The bots, which have a suite of their own. Each has texts that only lines of its own files contain.
const BOTS: [(&str, &[&str]); 4] = [
    // Python and the script, and the folder with the models.
    ("auto-retrain", &["python3", "train.py", "models"]),
    ("discussion-bot", &[]),
    ("metadata-review", &[]),
    ("spaces-ci", &[]),
];

/// The blocks of a language.
fn blocks_of(language: &str, text: &str) -> Vec<String> {
    let blocks = blocks(text).into_iter().filter(|block| block.language == language);
    blocks.map(|CodeBlock { text, .. }| text).collect()
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

/// How a program is compiled.
#[derive(Clone, Copy, PartialEq)]
enum Profile {
    /// As the Dockerfile says, which takes minutes.
    Image,
    /// Without optimizing, as the projects of the guide, whose dependencies are compiled already.
    Dev,
}

/// A folder for all that is made on the way. It is at the same place each time, so that what is compiled in it is
/// found again; one test at a time has it.
struct Way {
    folder: PathBuf,
    profile: Profile,
    _turn: MutexGuard<'static, ()>,
}

impl Way {
    fn begin(profile: Profile) -> Self {
        // Where the deliveries go then, which is not for a test.
        assert!(
            !Path::new("/data").exists(),
            "this machine has a /data, as a Space with a disk has"
        );
        static IMAGE: Mutex<()> = Mutex::new(());
        let (turn, name) = match profile {
            // Beside the walks of the guide, which build without optimizing.
            Profile::Image => {
                (IMAGE.lock().unwrap_or_else(PoisonError::into_inner), "optimized-space")
            }
            Profile::Dev => (crate::turn_of_my_bot().0, "space"),
        };
        let folder = tests::repository::fixed_folder(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self { folder, profile, _turn: turn }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What every command has: crates that are compiled once for all, and no network.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let target = crate::target_of_my_bot().to_str().unwrap().to_owned();
        let mut variables =
            vec![("CARGO_TARGET_DIR", target), ("CARGO_NET_OFFLINE", "true".to_owned())];
        if self.profile == Profile::Dev {
            let (name, value) = WITHOUT_DEBUG;
            // The Dockerfile sets flags for which all dependencies would be compiled again.
            variables.extend([(name, value.to_owned()), ("CARGO_BUILD_RUSTFLAGS", String::new())]);
        }
        variables
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
        let variables = self.variables();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).chain(git).collect();
        Terminal::new(folder, &variables)
    }

    /// Walks a project's Dockerfile.
    fn build(&self, project: &Path) -> Image {
        if self.profile == Profile::Dev {
            let file = project.join("Dockerfile");
            let mut text = fs::read_to_string(&file).unwrap();
            for (optimized, command) in [
                ("cargo build --release", "cargo build"),
                ("cargo install", "cargo install --debug"),
            ] {
                assert_eq!(text.matches(optimized).count(), 1, "{text}");
                text = text.replace(optimized, command);
            }
            fs::write(&file, text).unwrap();
        }
        let variables = self.variables();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        build(project, &self.path("stages"), &variables)
    }
}

/// What cargo said that it compiled.
fn compiled(printed: &str) -> Vec<&str> {
    let lines = printed.lines().filter_map(|line| line.trim_start().strip_prefix("Compiling "));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

/// A program that runs as in a Space, and the port that the Space forwards.
struct RunningSpace {
    program: Program,
    _port: ReservedPort,
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
    // The repo that the examples watch.
    let body = with(dataset_commit(), "/repo/name", json!("me/data")).to_string();
    let first = format!("POST /webhooks/{endpoint}");
    request("http://127.0.0.1:7860", &first, &headers, &body).unwrap().status
}
