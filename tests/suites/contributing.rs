//! Holds `CONTRIBUTING.md` to the repository: every path in it exists, and its map has every folder of the source.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::fs;

use tests::repository::{files, read, root};

/// The folders that paths on the page are relative to.
const BASES: [&str; 4] = ["", "webhooks-runtime/src", "webhooks-macros/src", "tests"];

/// Returns the words in code that look like paths of this repository, without what follows a `*`.
fn paths(text: &str) -> Vec<&str> {
    let code = text.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| {
        word.contains('/') && !word.starts_with('/') && !word.contains([' ', ':'])
            || word.ends_with(".rs")
    };
    code.filter(is_path).map(|path| path.split('*').next().unwrap_or(path)).collect()
}

#[test]
fn every_path_on_the_contributing_page_exists() {
    let page = read("CONTRIBUTING.md");
    let paths = paths(&page);
    assert!(paths.len() > 30, "{paths:?}");
    for path in paths {
        let exists = BASES.iter().any(|base| root().join(base).join(path).exists());
        assert!(exists, "CONTRIBUTING.md: there is no {path}");
    }
}

#[test]
fn the_map_of_the_source_has_every_folder_of_the_runtime() {
    let page = read("CONTRIBUTING.md");
    let (map, _) = page.split_once("## A request's way").unwrap();
    for entry in fs::read_dir(root().join("webhooks-runtime/src")).unwrap() {
        let entry = entry.unwrap();
        let folder = format!("`{}/`", entry.file_name().to_string_lossy());
        assert!(!entry.path().is_dir() || map.contains(&folder), "the map lacks {folder}");
    }
}

/// `tests/run` names them: with `--bins` it would compile and start each program once more, most as a test of nothing.
#[test]
fn every_program_with_tests_is_run() {
    let run = read("tests/run");
    for folder in ["examples", "tests/fixtures"] {
        for (path, source) in files(folder, "rs") {
            let Some(src) = path.ancestors().find(|folder| folder.ends_with("src")) else {
                continue;
            };
            if source.contains("test]") && !src.join("lib.rs").exists() {
                let package = src.parent().and_then(|folder| folder.file_name()).unwrap();
                // No package of this workspace: the suite `guide` runs the tests of a project that is made from it.
                if package == "template" {
                    continue;
                }
                let program = format!("--bin {} ", package.to_string_lossy());
                assert!(run.contains(&program), "tests/run: {program}");
            }
        }
    }
}

/// `tests/run` names them, because it doesn't run all at the same time.
#[test]
fn every_test_program_is_run() {
    let mut programs = Vec::new();
    for folder in ["examples", "tests", "webhooks-macros", "webhooks-runtime"] {
        for (path, _) in files(folder, "rs") {
            let parent = path.parent().unwrap();
            if parent.ends_with("tests") && parent.with_file_name("Cargo.toml").exists() {
                programs.push(path.file_stem().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let manifest = read("tests/Cargo.toml");
    let named = manifest.split("[[test]]\nname = \"").skip(1);
    programs.extend(named.filter_map(|rest| Some(rest.split('"').next()?.to_owned())));
    programs.sort();
    assert_eq!(programs, ["builds", "compile_fail", "suites"]);
    let run = read("tests/run");
    for program in programs {
        assert!(run.contains(&format!("--test {program} ")), "tests/run: {program}");
    }
}
