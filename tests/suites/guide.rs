//! The guide is held to its word, in both languages: its programs compile, its commands are typed, and
//! what it shows is what the screen shows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use regex::Regex;
use tests::browser::Browser;
use tests::markdown::{Block, Part, anchor, blocks, headings, links, outline, parts};
use tests::picture::resemble;
use tests::program::reserve_port_7860;
use tests::repository::{self, root};
use tests::share::{ShareServer, Terms};
use tests::terminal::Terminal;
use url::Url;
use webhooks_runtime::WebhookPayload;
use webhooks_runtime::testing::dataset_commit;

const LANGUAGES: [&str; 2] = ["en", "ko"];

/// The pages that have suites of their own.
const ELSEWHERE: [&str; 2] = ["deploy-to-a-space", "deploy-elsewhere"];

fn guide(language: &str) -> PathBuf {
    root().join("docs").join(language)
}

fn page(language: &str, name: &str) -> String {
    repository::read(guide(language).join(format!("{name}.md")))
}

/// The pages in the order of the table of contents: title and name.
fn contents(language: &str) -> Vec<(String, String)> {
    let summary = page(language, "SUMMARY");
    let entries =
        summary.lines().filter_map(|line| line.trim_start_matches("- ").strip_prefix('['));
    let entries = entries.map(|entry| {
        let (title, file) = entry.split_once("](").unwrap();
        (title.to_owned(), file.trim_end_matches(".md)").to_owned())
    });
    entries.collect()
}

/// Every page of a language, by its name.
fn pages(language: &str) -> Vec<(String, String)> {
    let names = contents(language).into_iter().map(|(_, name)| name);
    names.map(|name| (name.clone(), page(language, &name))).collect()
}

#[test]
fn both_languages_have_the_same_pages_each_with_its_title() {
    let [english, korean] = LANGUAGES.map(contents);
    let names = |contents: &[(String, String)]| {
        contents.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&english), names(&korean));
    let tested: BTreeSet<_> =
        WALKED.iter().copied().chain(ELSEWHERE).chain(["how-it-works"]).collect();
    assert_eq!(tested, names(&english).iter().map(String::as_str).collect());
    for language in LANGUAGES {
        for (title, name) in contents(language) {
            assert_eq!(headings(&page(language, &name))[0], title, "{language}/{name}");
        }
        // What is there can be reached.
        let files = fs::read_dir(guide(language)).unwrap().map(|file| file.unwrap().path());
        let files =
            files.filter(|file| file.extension().is_some_and(|extension| extension == "md"));
        assert_eq!(files.count(), names(&english).len() + 1, "{language}");
    }
}

#[test]
fn both_languages_have_the_same_sections_tables_blocks_pictures_and_sources() {
    let sources = |page: &str| {
        let mut links = links(page);
        links.retain(|link| link.starts_with("http"));
        links.sort();
        links.dedup();
        links
    };
    for (name, english) in pages("en") {
        let korean = page("ko", &name);
        for (english, korean) in parts(&english).iter().zip(parts(&korean)) {
            assert_eq!(*english, korean, "{name}");
        }
        assert_eq!(parts(&english).len(), parts(&korean).len(), "{name}");
        assert_eq!(outline(&english), outline(&korean), "{name}");
        assert_eq!(sources(&english), sources(&korean), "{name}");
    }
    let pictures = |language| {
        let files = fs::read_dir(guide(language).join("pictures")).unwrap();
        let files = files.map(|file| file.unwrap().path());
        let mut files: Vec<_> = files
            .map(|file| (file.file_name().unwrap().to_owned(), fs::read(file).unwrap()))
            .collect();
        files.sort();
        files
    };
    assert!(pictures("en") == pictures("ko"));
}

#[test]
fn every_link_leads_somewhere() {
    for language in LANGUAGES {
        for (name, text) in pages(language) {
            for link in links(&text) {
                if link.starts_with("https://") || link.starts_with("http://127.0.0.1:7860") {
                    Url::parse(&link).unwrap();
                    continue;
                }
                let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
                let target = if file.is_empty() { format!("{name}.md") } else { file.to_owned() };
                let target = guide(language).join(target);
                assert!(target.is_file(), "{language}/{name}.md: {link}");
                if !heading.is_empty() {
                    let text = fs::read_to_string(target).unwrap();
                    let anchors: Vec<_> =
                        headings(&text).iter().map(|heading| anchor(heading)).collect();
                    let found = anchors.contains(&format!("#{heading}"));
                    assert!(found, "{language}/{name}.md: {link} of {anchors:?}");
                }
            }
            let mut anchors: Vec<_> = headings(&text).iter().map(|text| anchor(text)).collect();
            anchors.sort();
            anchors.windows(2).for_each(|two| assert_ne!(two[0], two[1], "{language}/{name}.md"));
        }
    }
}

#[test]
fn every_block_is_of_a_kind_that_is_held_to_its_word() {
    for (name, text) in pages("en") {
        for Block { language, text } in blocks(&text) {
            match language.as_str() {
                "rust" => {}
                // Typed, and waited for.
                "console" | "text" if name != "how-it-works" => {}
                "json" => {
                    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                    // What the command on that page sends.
                    let sent = WebhookPayload::from(dataset_commit().repo("me/data"));
                    assert_eq!(json, serde_json::to_value(sent).unwrap(), "{name}");
                }
                // Files of a deployment, which those suites use.
                _ if ELSEWHERE.contains(&name.as_str()) => {}
                other => {
                    panic!("{name}.md: nothing holds a block of {other:?} to its word:\n{text}")
                }
            }
        }
    }
}

#[test]
#[ignore = "needs mdbook"]
fn the_book_builds_and_every_link_in_it_leads_somewhere() {
    let link = Regex::new(r#"(?:href|src)="([^"]*)""#).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for language in LANGUAGES {
        let book = folder.path().join(language);
        let mut build = Command::new("mdbook");
        let built = build.arg("build").arg("--dest-dir").arg(&book).arg(guide(language)).output();
        let built = built.unwrap();
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success() && !said.contains("WARN"), "{said}");
        for (_, name) in contents(language) {
            let page = fs::read_to_string(book.join(format!("{name}.html"))).unwrap();
            for link in link.captures_iter(&page).map(|found| found[1].to_owned()) {
                if link.starts_with("http") {
                    continue;
                }
                let (file, id) = link.split_once('#').unwrap_or((&link, ""));
                let file = if file.is_empty() { format!("{name}.html") } else { file.to_owned() };
                let target = fs::read(book.join(&file)).unwrap_or_else(|error| {
                    panic!("{language}/{name}.html: {link}: {error}");
                });
                let id = percent_decode(id);
                let found = id.is_empty()
                    || String::from_utf8_lossy(&target).contains(&format!("id=\"{id}\""));
                assert!(found, "{language}/{name}.html: {link}");
            }
        }
    }
}

/// A link's `%EC%9D%B8` as the letters that it stands for.
fn percent_decode(text: &str) -> String {
    let url = Url::parse(&format!("http://page/?{text}=")).unwrap();
    url.query_pairs().next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// The project that a reader of the quick start has at its end, made once for all pages.
struct Project {
    folder: PathBuf,
    manifest: Vec<u8>,
    share_server: ShareServer,
}

impl Project {
    fn make() -> Self {
        // At the same place each time, so that what is compiled for it is found again. Not below this
        // repository, of whose workspace it would be.
        let folder = std::env::temp_dir().join("webhooks-guide");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        // As one has it who has cloned this repository.
        repository::copy(&folder.join("webhooks")).unwrap();
        let share_server = ShareServer::start(&Terms::default()).unwrap();
        // The public URLs of that share server lead to this machine, but not to the port of the web.
        let public = share_server.public;
        fs::write(folder.join(".curlrc"), format!("connect-to = \":80:{public}\"\n")).unwrap();
        let mut project = Self { folder, manifest: Vec::new(), share_server };
        let mut terminal = project.terminal(&project.folder);
        let start = page("en", "quick-start");
        let making = blocks(&start).into_iter().find(|block| block.text.contains("cargo new"));
        terminal.type_in(&making.unwrap().text);
        drop(terminal);
        // The same versions, so that nothing is asked of a network.
        fs::copy(root().join("Cargo.lock"), project.path().join("Cargo.lock")).unwrap();
        project.manifest = fs::read(project.path().join("Cargo.toml")).unwrap();
        project
    }

    fn path(&self) -> PathBuf {
        self.folder.join("my-bot")
    }

    /// Brings it back to the end of the quick start.
    fn reset(&self) {
        let path = self.path();
        fs::write(path.join("Cargo.toml"), &self.manifest).unwrap();
        fs::copy(root().join("examples/quickstart/src/main.rs"), path.join("src/main.rs")).unwrap();
        for end in ["", "-shm", "-wal"] {
            let _ = fs::remove_file(path.join(format!("webhooks.db{end}")));
        }
    }

    /// A terminal with what a person's has, and no way to the internet.
    fn terminal(&self, folder: &Path) -> Terminal {
        // Beside the workspace's own, so that the crates are compiled once for all projects of tests.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("my-bot");
        let (home, state) = (self.folder.to_str().unwrap(), self.folder.join("state"));
        let share_server = self.share_server.address.to_string();
        let variables = [
            ("CARGO_TARGET_DIR", target.to_str().unwrap()),
            ("XDG_STATE_HOME", state.to_str().unwrap()),
            ("CURL_HOME", home),
            // A person's terminal opens a link by default. These are pipes, and may be in a container.
            ("GRADIO_SHARE", "true"),
            ("GRADIO_SHARE_SERVER_ADDRESS", &share_server),
        ];
        let mut terminal = Terminal::new(folder, &variables);
        terminal.stand_in("/home/me", home);
        terminal
    }
}

/// One page at a time: they share the project, and the port that the guide names.
fn project() -> MutexGuard<'static, Project> {
    static PROJECT: LazyLock<Mutex<Project>> = LazyLock::new(|| Mutex::new(Project::make()));
    PROJECT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does what a page says, from its top to its end.
fn walk(name: &str) {
    let project = project();
    project.reset();
    let _port = reserve_port_7860();
    let main = project.path().join("src/main.rs");
    let mut terminal = project.terminal(&project.path());
    for part in parts(&page("en", name)) {
        let Block { language, text } = match part {
            Part::Block(block) => block,
            Part::Picture(file) => {
                hold_picture(&file, &terminal);
                continue;
            }
        };
        match language.as_str() {
            "rust" if is_program(&text) => fs::write(&main, text).unwrap(),
            // Those were typed when the project was made.
            "console" if text.contains("cargo new") => {}
            "console" => terminal.type_in(&text),
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
#[ignore = "needs Chromium, port 7860, and minutes to compile all crates once more"]
fn every_program_of_the_guide_compiles() {
    let project = project();
    project.reset();
    let manifest = project.path().join("Cargo.toml");
    let mut targets = fs::read_to_string(&manifest).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for (name, text) in pages("en") {
        for (number, block) in
            blocks(&text).iter().filter(|block| block.language == "rust").enumerate()
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
                tokio = { version = \"1\", features = [\"io-util\", \"process\"] }\n";
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
        #[ignore = "needs Chromium, port 7860, and minutes to compile all crates once more"]
        fn $test() {
            walk($page);
        }
        )*
    };
}

walks! {
    the_quick_start_goes_as_it_says: "quick-start",
    endpoints_answer_as_the_guide_shows: "endpoints",
    payloads_are_read_as_the_guide_shows: "payloads",
    secrets_are_asked_for_as_the_guide_shows: "secrets",
    the_share_link_goes_as_the_guide_shows: "share-link",
    the_page_is_as_the_guide_shows: "page",
    background_deliveries_go_as_the_guide_shows: "background-deliveries",
    bots_are_tested_as_the_guide_shows: "testing",
    settings_are_read_as_the_guide_shows: "settings",
    what_python_users_do_goes_as_the_guide_shows: "coming-from-python",
    troubles_look_as_the_guide_shows: "troubleshooting",
}
