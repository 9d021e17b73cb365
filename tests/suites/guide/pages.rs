//! The pages as they are written: titles, sections, links, the book.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use regex::Regex;
use tests::markdown::{CodeBlock, anchor, blocks, headings, links, outline, parts};
use tests::repository::{files, read, root, sources};
use url::Url;
use webhooks_runtime::WebhookPayload;
use webhooks_runtime::testing::dataset_commit;

use super::{
    BOTS, ContentsLine, ELSEWHERE, LANGUAGES, PROSE, WALKED, contents, guide, page, pages, summary,
};

#[test]
fn both_languages_have_the_same_pages_each_with_its_title() {
    let [english, korean] = LANGUAGES.map(contents);
    let names = |contents: &[(String, String)]| {
        contents.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&english), names(&korean));
    let bots = BOTS.map(|(page, _)| page);
    let tested: BTreeSet<_> =
        WALKED.iter().copied().chain(ELSEWHERE).chain(PROSE).chain(bots).collect();
    assert_eq!(tested, names(&english).iter().map(String::as_str).collect());
    assert_eq!(tested.len(), WALKED.len() + ELSEWHERE.len() + PROSE.len() + BOTS.len());
    // The same pages in the same parts.
    let part_sizes = |language| {
        let lines = summary(language);
        let parts = lines.split(|line| matches!(line, ContentsLine::Part));
        parts.map(<[_]>::len).collect::<Vec<_>>()
    };
    assert_eq!(part_sizes("en"), part_sizes("ko"));
    assert_eq!(
        (part_sizes("en").len(), part_sizes("en")[0]),
        (5, 0),
        "four parts, and nothing before"
    );
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
    let outer_links = |page: &str| {
        let mut links = links(page);
        links.retain(|link| link.starts_with("http"));
        links.sort();
        links.dedup();
        links
    };
    for (name, english) in pages("en") {
        let korean = page("ko", &name);
        for (english, korean) in parts(&english).iter().zip(parts(&korean)) {
            // Comments are in the language of the page.
            assert_eq!(english.without_comments(), korean.without_comments(), "{name}");
        }
        assert_eq!(parts(&english).len(), parts(&korean).len(), "{name}");
        assert_eq!(outline(&english), outline(&korean), "{name}");
        assert_eq!(outer_links(&english), outer_links(&korean), "{name}");
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
        for CodeBlock { language, text } in blocks(&text) {
            match language.as_str() {
                "rust" => {}
                // The upload with hf-hub, whose many crates the tests don't compile.
                "rust,ignore" if name == "hub" => {}
                // Typed, and waited for.
                "console" | "text" if !PROSE.contains(&name.as_str()) => {}
                "json" => {
                    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                    // What the command on that page sends.
                    let sent = WebhookPayload::from(dataset_commit().repo("me/data"));
                    assert_eq!(json, serde_json::to_value(sent).unwrap(), "{name}");
                }
                // The script that the walk runs.
                "python" if name == "first-bot" => {}
                // The configuration of Prometheus, which the tests don't have.
                "yaml" if name == "metrics" => {}
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
fn the_programs_of_these_pages_are_those_of_the_examples() {
    for (name, example) in [
        ("quick-start", "quickstart"),
        ("background-deliveries", "background"),
        ("coming-from-python", "custom-server"),
    ] {
        let program = read(format!("examples/{example}/src/main.rs"));
        assert!(blocks(&page("en", name)).iter().any(|block| block.text == program), "{name}");
    }
}

#[test]
fn the_first_bot_is_in_the_end_the_example() {
    let tutorial = blocks(&page("en", "first-bot"));
    let blocks_of = |language: &str| -> Vec<_> {
        tutorial.iter().filter(|block| block.language == language).map(|it| &it.text).collect()
    };
    let rust = blocks_of("rust");
    let program = format!("{}\n{}", rust[rust.len() - 2], rust[rust.len() - 1]);
    assert_eq!(program, read("examples/auto-retrain/src/main.rs"));
    assert_eq!(blocks_of("python"), [&read("examples/auto-retrain/train.py")]);
    let push = tutorial.iter().find(|block| block.text.contains("git push")).unwrap();
    assert!(blocks(&page("en", "deploy-to-a-space")).contains(push));
    // The crates that the tutorial adds are those of the example.
    let manifest = read("examples/auto-retrain/Cargo.toml");
    for (name, features) in [("tokio", "fs,io-util,macros,net,process,time"), ("nix", "signal")] {
        let added = format!("$ cargo add {name} --features {features}\n");
        assert!(tutorial.iter().any(|block| block.text.contains(&added)), "{added}");
        let features: Vec<_> = features.split(',').map(|feature| format!("{feature:?}")).collect();
        let depends = format!("features = [{}]", features.join(", "));
        assert!(manifest.lines().any(|line| line.starts_with(name) && line.contains(&depends)));
    }
}

#[test]
fn the_pages_of_the_bots_show_what_their_examples_have() {
    for (name, example) in BOTS {
        let readme = blocks(&read(format!("examples/{example}/README.md")));
        let sources = files(&format!("examples/{example}/src"), "rs");
        let (mut shown, blocks) = (0, blocks(&page("en", name)));
        for block in blocks {
            let is_source = sources.iter().any(|(_, source)| *source == block.text);
            shown += usize::from(is_source);
            // Other programs are compiled with those of all pages.
            assert!(
                is_source || block.language == "rust" || readme.contains(&block),
                "{name}: the README of {example} has no such block:\n{}",
                block.text
            );
        }
        assert!(shown > 0 || name == "bot-auto-retrain", "the tutorial has the program");
        assert!(program_lines(example) <= 150, "{example}");
    }
}

/// Returns how many lines of an example are compiled into its program.
fn program_lines(example: &str) -> usize {
    let folder = format!("examples/{example}");
    assert!(!root().join(&folder).join("build.rs").exists(), "{example} has lines outside of src");
    let lines = sources(&format!("{folder}/src")).into_iter().map(|(path, source)| {
        let is_one = |line: &str| line.chars().count() <= 100 && !line.contains("include!(");
        assert!(source.lines().all(is_one), "{}: a line that is more than one", path.display());
        let Some((program, tests)) = source.split_once("\n#[cfg(test)]\nmod tests {\n") else {
            return source.lines().count();
        };
        // Nothing follows the tests: only their last bracket is not indented.
        let outer: Vec<_> = tests.lines().filter(|line| line.starts_with(|it| it != ' ')).collect();
        assert_eq!(outer, ["}"], "{}: code after the tests", path.display());
        program.lines().count()
    });
    lines.sum()
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
                // A file of the repository, outside of the book. mdBook takes it for a page.
                if let Some(file) = link.strip_prefix("../../") {
                    let file = root().join(file.replace(".html", ".md"));
                    assert!(file.is_file(), "{language}/{name}.html: {link}");
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
