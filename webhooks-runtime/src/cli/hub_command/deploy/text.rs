//! Formats the plan of a deployment for the person who decides about it, and for a script.

use serde_json::{Value, json};

use super::webhook_secret::WEBHOOK_SECRET;
use crate::deploy::files::ProjectFiles;
use crate::deploy::plan::DeployPlan;
use crate::text::in_one_line;

/// The width of the first column: its longest words are `requested` and `unchanged`.
const WIDTH: usize = 9;

/// Formats a line of the plan or of what was done.
pub(super) fn line(word: &str, text: &str) -> String {
    format!("  {word:WIDTH$}  {}\n", in_one_line(text))
}

/// Formats the plan: a line for each thing that changes.
pub(super) fn plan_text(
    space: &str,
    root: &str,
    plan: &DeployPlan,
    files: &ProjectFiles,
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
    text += &plan.hardware.as_ref().map_or_else(String::new, |it| line("hardware", it));
    for path in &plan.uploads {
        let is_made = files.made.contains(&path.as_str());
        let note = if is_made { ", with what a Space needs" } else { "" };
        text += &line("upload", &format!("{path}{note}"));
    }
    for path in &plan.deletions {
        text += &line("delete", path);
    }
    for (path, reason) in &files.left_out {
        text += &line("leave out", &format!("{path}, because {reason}"));
    }
    if plan.unchanged > 0 {
        text += &line("unchanged", &format!("{} files", plan.unchanged));
    }
    if plan.creates && !plan.private {
        text +=
            "\nThe Space is public: everyone can read its files and variables, but no secret.\n";
    }
    text
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
        "leave_out": left_out,
        "unchanged": plan.unchanged,
    })
}

fn visibility(plan: &DeployPlan) -> &'static str {
    if plan.private { "private" } else { "public" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_plan_names_everything_but_the_values_of_secrets() {
        let plan = DeployPlan {
            creates: true,
            private: false,
            hardware: Some("cpu-upgrade".to_owned()),
            secrets: BTreeMap::from([(WEBHOOK_SECRET.to_owned(), "hush".to_owned())]),
            variables: BTreeMap::from([("LEVEL".to_owned(), "info".to_owned())]),
            uploads: vec!["Dockerfile".to_owned(), "src/\u{1b}main.rs".to_owned()],
            deletions: vec!["old.rs".to_owned()],
            unchanged: 2,
            parent: None,
        };
        let files = ProjectFiles {
            made: vec!["Dockerfile"],
            left_out: vec![(".env".to_owned(), "it may contain a secret")],
            ..ProjectFiles::default()
        };
        let text = plan_text("me/bot", "/bot", &plan, &files);
        let expected = "The public Space me/bot, from /bot:\n\n  \
            create     the Space\n  \
            secret     WEBHOOK_SECRET, which is not shown\n  \
            variable   LEVEL=info\n  \
            hardware   cpu-upgrade\n  \
            upload     Dockerfile, with what a Space needs\n  \
            upload     src/\\u{1b}main.rs\n  \
            delete     old.rs\n  \
            leave out  .env, because it may contain a secret\n  \
            unchanged  2 files\n\n\
            The Space is public: everyone can read its files and variables, but no secret.\n";
        assert_eq!(text, expected);
        let json = plan_json("me/bot", &plan, &files);
        assert_eq!(json["secrets"], json!(["WEBHOOK_SECRET"]));
        assert!(!json.to_string().contains("hush"));
    }
}
