//! The difference of two commits, in the form that `git diff` prints.

use std::fmt::Write;

use super::commit::{Files, RepoCommit, sha256};

/// Returns the diff from one commit to another. A file that was moved unchanged is a rename.
pub(in crate::hub) fn diff(old: &RepoCommit, new: &RepoCommit) -> String {
    let added: Vec<_> = only_in(&new.files, &old.files);
    let mut deleted = only_in(&old.files, &new.files);
    let mut text = String::new();
    for (path, contents) in &new.files {
        if let Some(before) = old.files.get(path) {
            if before != contents {
                write_file(&mut text, path, Some(before), Some(contents));
            }
            continue;
        }
        let source =
            deleted.iter().position(|it| old.files[*it] == *contents && !contents.is_empty());
        match source {
            Some(source) if added.contains(&path.as_str()) => {
                write_rename(&mut text, deleted.remove(source), path);
            }
            _ => write_file(&mut text, path, None, Some(contents)),
        }
    }
    for path in deleted {
        write_file(&mut text, path, Some(&old.files[path]), None);
    }
    text
}

fn only_in<'a>(files: &'a Files, others: &Files) -> Vec<&'a str> {
    files.keys().filter(|path| !others.contains_key(*path)).map(String::as_str).collect()
}

fn write_rename(text: &mut String, from: &str, to: &str) {
    write_header(text, from, to);
    let _ = writeln!(
        text,
        "similarity index 100%\nrename from {}\nrename to {}",
        quoted("", from),
        quoted("", to)
    );
}

fn write_header(text: &mut String, from: &str, to: &str) {
    let _ = writeln!(text, "diff --git {} {}", quoted("a/", from), quoted("b/", to));
}

/// Writes a file that was added, deleted or modified, as one hunk with all lines.
fn write_file(text: &mut String, path: &str, old: Option<&[u8]>, new: Option<&[u8]>) {
    write_header(text, path, path);
    match (old, new) {
        (None, _) => text.push_str("new file mode 100644\n"),
        (_, None) => text.push_str("deleted file mode 100644\n"),
        _ => {}
    }
    let id = |contents: Option<&[u8]>| {
        contents.map_or_else(|| "0000000".to_owned(), |it| sha256(it)[..7].to_owned())
    };
    let mode = if old.is_some() && new.is_some() { " 100644" } else { "" };
    let _ = writeln!(text, "index {}..{}{mode}", id(old), id(new));
    let name = |contents: Option<&[u8]>, side: &str| {
        contents.map_or_else(|| "/dev/null".to_owned(), |_| quoted(side, path))
    };
    let (old_name, new_name) = (name(old, "a/"), name(new, "b/"));
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    if [old, new].iter().any(|contents| contents.contains(&0)) {
        let _ = writeln!(text, "Binary files {old_name} and {new_name} differ");
        return;
    }
    if old.is_empty() && new.is_empty() {
        return;
    }
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let range = |lines: &str| match lines.lines().count() {
        0 => "0,0".to_owned(),
        count => format!("1,{count}"),
    };
    let _ =
        writeln!(text, "--- {old_name}\n+++ {new_name}\n@@ -{} +{} @@", range(&old), range(&new));
    write_lines(text, '-', &old);
    write_lines(text, '+', &new);
}

fn write_lines(text: &mut String, sign: char, contents: &str) {
    for line in contents.lines() {
        let _ = writeln!(text, "{sign}{line}");
    }
    if !contents.is_empty() && !contents.ends_with('\n') {
        text.push_str("\\ No newline at end of file\n");
    }
}

/// Returns a path as git writes it: in quotation marks, if it has other characters than printable ASCII, with these
/// escaped (`core.quotePath`, on by default).
fn quoted(side: &str, path: &str) -> String {
    let is_special = |byte: u8| !(b' '..0x7f).contains(&byte) || byte == b'"' || byte == b'\\';
    if !path.bytes().any(is_special) {
        return format!("{side}{path}");
    }
    let mut text = format!("\"{side}");
    for byte in path.bytes() {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            _ if is_special(byte) => {
                let _ = write!(text, "\\{byte:03o}");
            }
            _ => text.push(char::from(byte)),
        }
    }
    text.push('"');
    text
}
