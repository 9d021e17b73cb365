//! This repository as the suites read it: its files, its source without what is for tests, a copy of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::missing_panics_doc, reason = "each panics when a file isn't there")]

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::iter::Peekable;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Its folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file.
#[must_use]
pub fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    let text = fs::read_to_string(root().join(path));
    assert!(text.is_ok(), "{}: {text:?}", path.display());
    text.unwrap()
}

/// The files below a folder whose names end so, with their texts: sorted, a folder's `mod.rs` first.
#[must_use]
pub fn files(folder: &str, end: &str) -> Vec<(PathBuf, String)> {
    let (mut folders, mut files) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == end) {
                files.push(path);
            }
        }
    }
    files.sort_by_key(|path| (!path.ends_with("mod.rs"), path.clone()));
    files.into_iter().map(|path| (path.clone(), read(path))).collect()
}

/// The source below a folder, without modules that are for tests alone, and without those of the fuzz targets.
#[must_use]
pub fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut sources = files(folder, "rs");
    let for_tests: Vec<_> =
        sources.iter().flat_map(|(path, source)| test_modules(path, source)).collect();
    sources.retain(|(path, _)| {
        let mut folders = path.ancestors().filter_map(Path::file_stem);
        !folders.any(|name| name == "fuzzing")
            && !for_tests.iter().any(|module| path.with_extension("").starts_with(module))
    });
    sources
}

/// A folder outside of this repository that has the same path each time, so that what is compiled in it is found again.
#[must_use]
pub fn fixed_folder(name: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    root().hash(&mut hasher);
    std::env::temp_dir().join(format!("webhooks-{name}-{:016x}", hasher.finish()))
}

/// The modules for tests alone that have files of their own.
fn test_modules(path: &Path, source: &str) -> Vec<PathBuf> {
    let is_folders = ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| path.ends_with(name));
    let folder = if is_folders { path.parent().unwrap().into() } else { path.with_extension("") };
    let modules = source.split("#[cfg(test)]\nmod ").skip(1);
    let names = modules.filter_map(|rest| rest.lines().next()?.strip_suffix(';'));
    names.map(|name| folder.join(name)).collect()
}

/// The tokens of a source, without items that are for tests alone.
#[must_use]
pub fn without_tests(tokens: TokenStream) -> TokenStream {
    let (mut tokens, mut kept) = (tokens.into_iter().peekable(), Vec::new());
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct)
                if punct.as_char() == '#' && tokens.peek().is_some_and(is_for_tests) =>
            {
                skip_item(&mut tokens);
            }
            TokenTree::Group(group) => {
                let inner = without_tests(group.stream());
                kept.push(TokenTree::Group(Group::new(group.delimiter(), inner)));
            }
            token => kept.push(token),
        }
    }
    kept.into_iter().collect()
}

/// The brackets of `cfg(test)`, or of one with `test` among others.
fn is_for_tests(token: &TokenTree) -> bool {
    let text = token.to_string().replace(' ', "");
    text.starts_with("[cfg(test)") || text.starts_with("[cfg(all(test,")
}

/// Up to the end of what an attribute stands on: its body, `;`, or a comma.
fn skip_item(tokens: &mut Peekable<IntoIter>) {
    let _ = tokens.find(|token| match token {
        TokenTree::Group(body) => body.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => [';', ','].contains(&punct.as_char()),
        _ => false,
    });
}

/// Copies it, without what git keeps and cargo and npm make, as one has it who has cloned it. The files keep their
/// times: by them cargo knows what is compiled already.
///
/// # Errors
///
/// When it cannot be read or written.
pub fn copy(to: &Path) -> io::Result<()> {
    copy_folder(&root(), to)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, name) = (entry.path(), entry.file_name());
        if [".git", "target", "node_modules"].iter().any(|left_out| name == *left_out) {
            continue;
        }
        if from.is_symlink() {
            symlink(fs::read_link(&from)?, to.join(name))?;
        } else if from.is_file() {
            let to = to.join(name);
            fs::copy(&from, &to)?;
            copy_time(&from, &to)?;
        } else {
            copy_folder(&from, &to.join(name))?;
        }
    }
    Ok(())
}

/// Gives a file the time at which another one was last changed.
///
/// # Errors
///
/// When one of them cannot be opened.
pub fn copy_time(from: &Path, to: &Path) -> io::Result<()> {
    File::options().append(true).open(to)?.set_modified(fs::metadata(from)?.modified()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_tests_is_left_out() {
        let source = "fn a() {} #[cfg(test)] mod tests { fn b() {} } #[cfg(all(test, unix))] use c; \
                      mod d { #[cfg(test)] fn e(f: u8) {} #[cfg(not(test))] fn g() {} }";
        let kept = "fn a() {} mod d { #[cfg(not(test))] fn g() {} }";
        let tokens = |text: &str| text.parse::<TokenStream>().unwrap();
        assert_eq!(without_tests(tokens(source)).to_string(), tokens(kept).to_string());
    }

    #[test]
    fn modules_for_tests_in_files_of_their_own_are_left_out() {
        let named = |end: &str| {
            let sources = sources("webhooks-runtime/src");
            sources.iter().any(|(path, _)| path.ends_with(end))
        };
        assert!(named("jobs/mod.rs") && named("server/prepare.rs"));
        assert!(!named("jobs/conformance/mod.rs") && !named("jobs/conformance/simulation.rs"));
        assert!(!named("jobs/fuzzing/operations.rs") && !named("cli/body/fuzzing.rs"));
        assert!(!named("server/defaults.rs") && !named("jobs/sqlite/tests/mod.rs"));
    }
}
