//! Holds `CONTRIBUTING.md` to the repository: every path in it exists, and its map has every folder of the source.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::fs;

use tests::repository::{read, root};

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
