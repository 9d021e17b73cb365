//! The guide is held to its word, in both languages: its programs compile, its commands are typed, and
//! what it shows is what the screen shows.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod hub;
mod metrics;
mod pages;
mod project;
mod template;

use std::fs;
use std::path::PathBuf;

use tests::browser::Browser;
use tests::markdown::{CodeBlock, PagePart, blocks, parts};
use tests::picture::resemble;
use tests::program::reserve_port_7860;
use tests::repository::{self, root};
use tests::terminal::Terminal;

use hub::hub_of;
use project::project;

const LANGUAGES: [&str; 2] = ["en", "ko"];

/// The pages whose commands and files have suites of their own.
const ELSEWHERE: [&str; 5] =
    ["alerts", "deploy-to-a-space", "deploy-elsewhere", "soak-test", "traces"];

/// The pages of the bots, and their examples. Their commands and output are those of the examples' READMEs.
const BOTS: [(&str, &str); 4] = [
    ("bot-auto-retrain", "auto-retrain"),
    ("bot-discussion-bot", "discussion-bot"),
    ("bot-metadata-review", "metadata-review"),
    ("bot-spaces-ci", "spaces-ci"),
];

/// The pages without commands and output: reference and explanation. Their Rust compiles, as on every page.
const PROSE: [&str; 10] = [
    "introduction",
    "attribute",
    "http-responses",
    "glossary",
    "upgrading",
    "how-it-works",
    "security-model",
    "delivery-guarantees",
    "performance",
    "how-far-it-goes",
];

fn guide(language: &str) -> PathBuf {
    root().join("docs").join(language)
}

fn page(language: &str, name: &str) -> String {
    repository::read(guide(language).join(format!("{name}.md")))
}

/// A line of the table of contents.
enum ContentsLine {
    /// `# Start`: the title of a part, above its pages.
    Part,
    /// `- [Quick start](quick-start.md)`: a page's title and name.
    Page(String, String),
}

/// The table of contents: after its own title, the titles of parts and pages.
fn summary(language: &str) -> Vec<ContentsLine> {
    let summary = page(language, "SUMMARY");
    let lines = summary.lines().skip(1).filter(|line| !line.is_empty());
    let read = |line: &str| {
        if line.starts_with("# ") {
            return ContentsLine::Part;
        }
        let entry = line.trim_start().trim_start_matches("- ").strip_prefix('[');
        let (title, file) = entry.and_then(|entry| entry.split_once("](")).unwrap_or_else(|| {
            panic!("{language}/SUMMARY.md: neither a part nor a page: {line:?}");
        });
        ContentsLine::Page(title.to_owned(), file.trim_end_matches(".md)").to_owned())
    };
    lines.map(read).collect()
}

/// The pages in the order of the table of contents: title and name.
fn contents(language: &str) -> Vec<(String, String)> {
    let page = |line| match line {
        ContentsLine::Page(title, name) => Some((title, name)),
        ContentsLine::Part => None,
    };
    summary(language).into_iter().filter_map(page).collect()
}

/// Every page of a language, by its name.
fn pages(language: &str) -> Vec<(String, String)> {
    let names = contents(language).into_iter().map(|(_, name)| name);
    names.map(|name| (name.clone(), page(language, &name))).collect()
}

/// Does what a page says, from its top to its end.
fn walk(name: &str) {
    let (_turn, project) = project();
    project.reset();
    let _port = reserve_port_7860();
    let main = project.path().join("src/main.rs");
    let mut terminal = project.terminal(&project.path());
    let _hub = hub_of(name, &mut terminal);
    for part in parts(&page("en", name)) {
        let CodeBlock { language, text } = match part {
            PagePart::CodeBlock(block) => block,
            PagePart::Picture(file) => {
                hold_picture(&file, &terminal);
                continue;
            }
        };
        match language.as_str() {
            "rust" if is_program(&text) => fs::write(&main, text).unwrap(),
            // The tests of the program above.
            "rust" if text.starts_with("#[cfg(test)]") => {
                let program = fs::read_to_string(&main).unwrap();
                fs::write(&main, format!("{program}\n{text}")).unwrap();
            }
            "python" => fs::write(project.path().join("train.py"), text).unwrap(),
            // Those were typed when the project was made.
            "console" if text.contains("cargo new") => {}
            // The other project has a test of its own.
            "console" if name == "quick-start" && template::blocks().contains(&text) => {}
            // `deploy-to-a-space` has the same block, whose suite has a place to push to.
            "console" if text.contains("git push") => {}
            "console" => terminal.type_in(&text),
            // What `--help` prints has a suite of its own.
            "text" if name == "command-line" => {}
            "text" => terminal.server_prints(&text),
            _ => {}
        }
    }
}

/// Takes a picture of the page that the server has now. Those of the guide must look like it; with
/// `UPDATE_PICTURES=1` they are replaced by it.
fn hold_picture(file: &str, terminal: &Terminal) {
    let url = terminal.page_url();
    let photograph = async {
        let browser = Browser::start().await;
        browser.look(900, "light").await;
        browser.client.goto(&url).await.unwrap();
        browser.wait_for_text("#activity", "me/data").await;
        // What is another each time is called what the page calls it.
        let names = serde_json::to_string(terminal.names()).unwrap();
        let script = "const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); \
             while (texts.nextNode()) for (const [shown, real] of NAMES) \
             texts.currentNode.data = texts.currentNode.data.replaceAll(real, shown)";
        browser.run(&script.replace("NAMES", &names)).await;
        let taken = browser.photograph().await;
        browser.end().await;
        taken
    };
    let taken = tokio::runtime::Runtime::new().unwrap().block_on(photograph);
    for language in LANGUAGES {
        let kept = guide(language).join(file);
        if std::env::var_os("UPDATE_PICTURES").is_some() {
            fs::write(&kept, &taken).unwrap();
        }
        let resembles = resemble(&fs::read(&kept).unwrap(), &taken);
        assert!(resembles, "{} looks otherwise now: UPDATE_PICTURES=1", kept.display());
    }
}

/// Whether a block is all of a `main.rs`.
fn is_program(block: &str) -> bool {
    block.contains("webhooks_main!(") || block.contains("fn main()")
}

#[test]
#[ignore = "needs Chromium, Python, port 7860, and minutes to compile all crates once more"]
fn every_program_of_the_guide_compiles() {
    let (_turn, project) = project();
    project.reset();
    let manifest = project.path().join("Cargo.toml");
    let mut targets = fs::read_to_string(&manifest).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for (name, text) in pages("en") {
        let bot = BOTS.iter().find(|(page, _)| *page == name);
        let files = bot.map_or_else(Vec::new, |(_, example)| {
            repository::files(&format!("examples/{example}"), "rs")
        });
        let is_file = |block: &&CodeBlock| files.iter().any(|(_, text)| *text == block.text);
        for (number, block) in blocks(&text)
            .iter()
            .filter(|block| block.language == "rust" && !is_file(block))
            .enumerate()
        {
            let target = format!("{name}-{}", number + 1);
            let file = folder.path().join(format!("{target}.rs"));
            // What nothing uses is no fault of a block that is only a part of a program.
            let block = format!(
                "#![deny(warnings)]\n#![allow(dead_code, reason = \"a part of a program\")]\n{}",
                block.text
            );
            fs::write(&file, block).unwrap();
            // As a library, for which nothing need be linked.
            targets += &format!(
                "\n[[example]]\nname = {target:?}\npath = {:?}\ncrate-type = [\"lib\"]\n",
                file.display().to_string()
            );
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
    targets += "\n[dev-dependencies]\nanyhow = \"1\"\n\
                nix = { version = \"0.31\", features = [\"signal\"] }\n\
                tokio = { version = \"1\", features = [\"fs\", \"io-util\", \"macros\", \"net\", \"process\", \"time\"] }\n\
                tracing = \"0.1\"\n";
    fs::write(&manifest, targets).unwrap();
    project.terminal(&project.path()).type_in("$ cargo build --examples\n");
    project.reset();
}

macro_rules! walks {
    ($($test:ident: $page:literal,)*) => {
        /// The pages whose commands are typed in a project as the quick start makes it.
        const WALKED: &[&str] = &[$($page),*];
        $(
        #[test]
        #[ignore = "needs Chromium, Python, port 7860, and minutes to compile all crates once more"]
        fn $test() {
            walk($page);
        }
        )*
    };
}

walks! {
    the_quick_start_goes_as_it_says: "quick-start",
    the_first_bot_works_as_the_guide_says: "first-bot",
    endpoints_answer_as_the_guide_shows: "endpoints",
    filters_skip_what_the_guide_shows: "filters",
    payloads_are_read_as_the_guide_shows: "payloads",
    the_hub_is_called_as_the_guide_shows: "hub",
    webhooks_are_registered_as_the_guide_shows: "registration",
    secrets_are_asked_for_as_the_guide_shows: "secrets",
    the_share_link_goes_as_the_guide_shows: "share-link",
    the_page_is_as_the_guide_shows: "page",
    background_deliveries_go_as_the_guide_shows: "background-deliveries",
    bots_are_tested_as_the_guide_shows: "testing",
    jobs_run_as_the_guide_shows: "jobs",
    settings_are_read_as_the_guide_shows: "settings",
    metrics_are_served_as_the_guide_shows: "metrics",
    commands_print_what_the_guide_shows: "command-line",
    what_python_users_do_goes_as_the_guide_shows: "coming-from-python",
    troubles_look_as_the_guide_shows: "troubleshooting",
}
