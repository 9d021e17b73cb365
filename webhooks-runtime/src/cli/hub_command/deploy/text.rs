//! Formats the plan of a deployment for the person who decides about it, and for a script.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::webhook_secret::WEBHOOK_SECRET;
use crate::deploy::files::ProjectFiles;
use crate::deploy::plan::DeployPlan;
use crate::text::in_one_line;

/// The width of the first column: its longest words are `requested` and `unchanged`.
const WIDTH: usize = 9;

/// The most files that a plan lists one by one before it is carried out.
const MOST_FILES: usize = 40;

/// The fewest files of a folder that such a plan counts.
const MANY_FILES: usize = 4;

/// The hardware that costs nothing.
const FREE_HARDWARE: &str = "cpu-basic";

/// Formats a line of the plan or of what was done.
pub(super) fn line(word: &str, text: &str) -> String {
    format!("  {word:WIDTH$}  {}\n", in_one_line(text))
}

/// Formats a number of files.
pub(super) fn file_count(count: usize) -> String {
    format!("{count} {}", if count == 1 { "file" } else { "files" })
}

/// Formats the plan: a line for each thing that changes. A long list of uploads is shortened unless it is to be in full.
pub(super) fn plan_text(
    space: &str,
    root: &str,
    plan: &DeployPlan,
    files: &ProjectFiles,
    in_full: bool,
) -> String {
    let mut text =
        format!("The {} Space {space}, from {}:\n\n", visibility(plan), in_one_line(root));
    if plan.creates {
        text += &line("create", "the Space");
    }
    for name in plan.secrets.keys() {
        let note = if name == WEBHOOK_SECRET { ", which is not shown" } else { "" };
        text += &line("secret", &format!("{name}{note}"));
    }
    for (name, value) in &plan.variables {
        text += &line("variable", &format!("{name}={value}"));
    }
    if let Some(hardware) = &plan.hardware {
        let is_free = hardware == FREE_HARDWARE;
        let note = if is_free { "" } else { ", which costs money while the Space runs" };
        text += &line("hardware", &format!("{hardware}{note}"));
    }
    let is_short = in_full || plan.uploads.len() <= MOST_FILES;
    text += &uploads(plan, files, if is_short { usize::MAX } else { MANY_FILES });
    for path in &plan.deletions {
        text += &line("delete", &format!("{path}{}", edited_note(plan, path)));
    }
    for (path, reason) in &files.left_out {
        text += &line("leave out", &format!("{path}, because {reason}"));
    }
    if plan.unchanged > 0 {
        text += &line("unchanged", &file_count(plan.unchanged));
    }
    if !is_short {
        text += "\nTo list each file, add --dry-run.\n";
    }
    if plan.creates && !plan.private {
        text +=
            "\nThe Space is public: everyone can read its files and variables, but no secret.\n";
    }
    text
}

/// Formats the uploads: those of each folder with at least `many` files in one line, all others one by one.
fn uploads(plan: &DeployPlan, files: &ProjectFiles, many: usize) -> String {
    let folder = |path: &str| path.split_once('/').map(|(folder, _)| folder.to_owned());
    let is_plain = |path: &str| !files.made.contains(&path) && edited_note(plan, path).is_empty();
    let mut counts = BTreeMap::<String, usize>::new();
    for folder in plan.uploads.iter().filter(|path| is_plain(path)).filter_map(|it| folder(it)) {
        *counts.entry(folder).or_default() += 1;
    }
    let mut text = String::new();
    for path in &plan.uploads {
        let folder = folder(path).filter(|folder| {
            is_plain(path) && counts.get(folder).is_none_or(|count| *count >= many)
        });
        match folder {
            // Its line comes with its first file.
            Some(folder) => {
                if let Some(count) = counts.remove(&folder) {
                    text += &line("upload", &format!("{folder}/, {}", file_count(count)));
                }
            }
            None => {
                let is_made = files.made.contains(&path.as_str());
                let note = if is_made { ", with what a Space needs" } else { "" };
                text += &line("upload", &format!("{path}{note}{}", edited_note(plan, path)));
            }
        }
    }
    text
}

/// Returns the note on a file that a person has changed on the Space.
fn edited_note(plan: &DeployPlan, path: &str) -> &'static str {
    let is_edited = plan.edited.iter().any(|edited| edited == path);
    if is_edited { ", which was changed on the Space" } else { "" }
}

/// Returns the plan for a script.
pub(super) fn plan_json(space: &str, plan: &DeployPlan, files: &ProjectFiles) -> Value {
    let left_out: Vec<_> = files.left_out.iter().map(|(path, _)| path).collect();
    json!({
        "event": "plan",
        "space": space,
        "create": plan.creates,
        "visibility": visibility(plan),
        "hardware": plan.hardware,
        "secrets": plan.secrets.keys().collect::<Vec<_>>(),
        "variables": plan.variables.keys().collect::<Vec<_>>(),
        "upload": plan.uploads,
        "made": files.made,
        "delete": plan.deletions,
        "edited_on_space": plan.edited,
        "leave_out": left_out,
        "unchanged": plan.unchanged,
    })
}

fn visibility(plan: &DeployPlan) -> &'static str {
    if plan.private { "private" } else { "public" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(uploads: Vec<String>) -> DeployPlan {
        DeployPlan {
            creates: true,
            private: false,
            hardware: Some("cpu-upgrade".to_owned()),
            secrets: BTreeMap::from([(WEBHOOK_SECRET.to_owned(), "hush".to_owned())]),
            variables: BTreeMap::from([("LEVEL".to_owned(), "info".to_owned())]),
            uploads,
            deletions: vec!["old.rs".to_owned()],
            edited: vec!["old.rs".to_owned()],
            unchanged: 1,
            parent: None,
        }
    }

    #[test]
    fn a_plan_names_everything_but_the_values_of_secrets() {
        let plan = plan(vec!["Dockerfile".to_owned(), "src/\u{1b}main.rs".to_owned()]);
        let files = ProjectFiles {
            made: vec!["Dockerfile"],
            left_out: vec![(".env".to_owned(), "it may contain a secret")],
            ..ProjectFiles::default()
        };
        let text = plan_text("me/bot", "/bot", &plan, &files, false);
        let expected = "The public Space me/bot, from /bot:\n\n  \
            create     the Space\n  \
            secret     WEBHOOK_SECRET, which is not shown\n  \
            variable   LEVEL=info\n  \
            hardware   cpu-upgrade, which costs money while the Space runs\n  \
            upload     Dockerfile, with what a Space needs\n  \
            upload     src/\\u{1b}main.rs\n  \
            delete     old.rs, which was changed on the Space\n  \
            leave out  .env, because it may contain a secret\n  \
            unchanged  1 file\n\n\
            The Space is public: everyone can read its files and variables, but no secret.\n";
        assert_eq!(text, expected);
        let json = plan_json("me/bot", &plan, &files);
        assert_eq!(json["secrets"], json!(["WEBHOOK_SECRET"]));
        assert!(!json.to_string().contains("hush"));
    }
    #[test]
    fn the_files_of_large_folders_are_counted_unless_the_list_is_to_be_in_full() {
        let of = |folder: &'static str, count| {
            (0..count).map(move |file| format!("{folder}/f{file}.rs"))
        };
        let uploads = ["Cargo.toml".to_owned(), "lib/edited".to_owned()].into_iter();
        let uploads = uploads.chain(of("lib", 60)).chain(of("src", 3)).collect::<Vec<_>>();
        let plan = DeployPlan { edited: vec!["lib/edited".to_owned()], ..plan(uploads) };
        let text = |in_full| plan_text("me/bot", "/", &plan, &ProjectFiles::default(), in_full);
        let short = text(false);
        let lines: Vec<_> = short.lines().filter(|line| line.contains("upload ")).collect();
        let expected = [
            "  upload     Cargo.toml",
            "  upload     lib/edited, which was changed on the Space",
            "  upload     lib/, 60 files",
            "  upload     src/f0.rs",
            "  upload     src/f1.rs",
            "  upload     src/f2.rs",
        ];
        assert_eq!(lines, expected);
        assert!(short.contains("\nTo list each file, add --dry-run.\n"), "{short}");
        let full = text(true);
        assert!(
            full.contains("  upload     lib/f59.rs\n") && !full.contains("--dry-run"),
            "{full}"
        );
    }
}
