//! Makes the guide's tables of settings from the code, and finds them on its pages.

use std::path::PathBuf;
use std::process::Command;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use syn::Item;
use tests::repository::{files, read, root};
use webhooks_runtime::__private::{SETTINGS, Setting};

use super::sources::prose;

/// A table's lines, cell by cell, its head first.
pub(super) type PageTable = Vec<Vec<String>>;

pub(super) fn listed<'a>(codes: impl IntoIterator<Item = &'a String>) -> String {
    codes.into_iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ")
}

pub(super) fn head<const N: usize>(cells: [&str; N]) -> PageTable {
    vec![cells.map(str::to_owned).to_vec()]
}

/// The tables of settings, and what a setting in each is called: the first of its method, flag and variable that it
/// has. Each setting is in one of them.
pub(super) const GROUPS: [(&str, &[&str]); 11] = [
    ("endpoints", &["add_webhook", "add_filtered_webhook", "endpoint", "data", "configure", "ui"]),
    ("secrets", &["webhook_secret", "webhook_secrets", "secret_in_query", "WEBHOOKS_PAGE_TOKEN"]),
    (
        "server",
        &[
            "host",
            "port",
            "workers",
            "public_url",
            "body_limit",
            "request_timeout",
            "shutdown_timeout",
        ],
    ),
    (
        "hub",
        &[
            "hub",
            "register",
            "reconcile",
            "HF_TOKEN",
            "HF_TOKEN_PATH",
            "HF_HOME",
            "XDG_CACHE_HOME",
            "HF_ENDPOINT",
        ],
    ),
    (
        "share",
        &[
            "share",
            "share_with",
            "share_server",
            "share_server_certificate",
            "--new-share-url",
            "XDG_STATE_HOME",
        ],
    ),
    (
        "background",
        &[
            "store",
            "keep_done",
            "keep_dead",
            "backlog_limit",
            "store_limit",
            "store_connections",
            "lease",
            "on_start",
        ],
    ),
    (
        "network",
        &["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"],
    ),
    ("log", &["RUST_LOG", "--log-format", "NO_COLOR", "HF_HUB_DISABLE_EXPERIMENTAL_WARNING"]),
    ("metrics", &["metrics", "metrics_port", "WEBHOOKS_METRICS_TOKEN"]),
    ("alerts", &["alert_url", "on_dead"]),
    (
        "place",
        &[
            "SPACE_ID",
            "SPACE_HOST",
            "CI",
            "JOB_ID",
            "WEBHOOK_PAYLOAD",
            "WEBHOOK_ID",
            "KUBERNETES_SERVICE_HOST",
        ],
    ),
];

/// The name of a setting in [`GROUPS`].
pub(super) fn key(setting: &Setting) -> &'static str {
    let named = setting.flags.iter().chain(setting.variables).map(|(name, _)| *name);
    setting.method.into_iter().chain(named).next().unwrap()
}

pub(super) fn table_of_group(group: &str) -> PageTable {
    let (_, keys) = GROUPS.iter().find(|(name, _)| *name == group).unwrap();
    table_of_settings(|setting| keys.contains(&key(setting)))
}

pub(super) fn table_of_settings(is_in_it: impl Fn(&Setting) -> bool) -> PageTable {
    let mut table = head(["what it sets", "flag", "in code", "variable", "default"]);
    let names =
        |of: &[(&str, &str)]| of.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>();
    table.extend(SETTINGS.iter().filter(|setting| is_in_it(setting)).map(|setting| {
        let what = setting.summary.strip_prefix("Sets ").unwrap_or(setting.summary);
        let what = what[..1].to_uppercase() + &what[1..];
        let method = setting.method.map(|method| format!("`.{method}(…)`")).unwrap_or_default();
        let (flags, variables) =
            (names(setting.flags).join(", "), names(setting.variables).join(", "));
        vec![what, flags, method, variables, setting.default.to_owned()]
    }));
    table
}

/// What the attribute's own documentation has in a table, the defaults in a column of their own.
pub(super) fn table_of_attribute() -> PageTable {
    let file = syn::parse_file(&read("webhooks-macros/src/lib.rs")).unwrap();
    let docs = file.items.iter().find_map(|item| match item {
        Item::Fn(function) if function.sig.ident == "webhook_endpoint" => Some(&function.attrs),
        _ => None,
    });
    let lines = docs.unwrap().iter().map(|line| prose(std::slice::from_ref(line)));
    let documented = tables(&lines.collect::<Vec<_>>().join("\n"));
    let mut table = head(["option", "meaning", "default"]);
    for row in documented.concat().iter().skip(1) {
        let (means, default) = row[1].split_once("; default ").unwrap_or((&row[1], ""));
        table.push(vec![row[0].clone(), means.to_owned(), default.to_owned()]);
    }
    table
}

/// The features of the manifest, described by the comments above them.
pub(super) fn table_of_features() -> PageTable {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "webhooks-runtime").unwrap();
    let features = package["features"].as_object().unwrap();
    let list = |name: &str| {
        let parts = features[name].as_array().unwrap().iter();
        parts.map(|part| part.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let manifest = read("webhooks-runtime/Cargo.toml");
    let mut table = head(["Cargo feature", "what it adds", "includes", "by default"]);
    for feature in features.keys().filter(|name| *name != "default") {
        let before = manifest.split(&format!("\n{feature} = [")).next().unwrap();
        let mut comment: Vec<_> =
            before.lines().rev().map_while(|line| line.strip_prefix("# ")).collect();
        comment.reverse();
        let others = list(feature).into_iter().filter(|part| features.contains_key(part));
        let others: Vec<_> = others.collect();
        let what = comment.join(" ").trim_end_matches('.').to_owned();
        let by_default = if list("default").contains(feature) { "on" } else { "off" };
        table.push(vec![format!("`{feature}`"), what, listed(&others), by_default.to_owned()]);
    }
    table
}

/// A table in Markdown.
pub(super) fn markdown(table: &PageTable) -> String {
    let cell = |cell: &String| if cell.is_empty() { " |".into() } else { format!(" {cell} |") };
    let line = |cells: &Vec<String>| format!("|{}\n", cells.iter().map(cell).collect::<String>());
    let rule = format!("|{}\n", " --- |".repeat(table[0].len()));
    let rows: String = table[1..].iter().map(line).collect();
    format!("{}{rule}{rows}\n", line(&table[0]))
}

/// The tables of a page, code in backticks.
pub(super) fn tables(page: &str) -> Vec<PageTable> {
    let mut tables: Vec<PageTable> = Vec::new();
    let mut inside = false;
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match (event, tables.last_mut()) {
            (Event::Start(Tag::Table(_)), _) => tables.push(PageTable::new()),
            (Event::Start(Tag::TableHead | Tag::TableRow), Some(table)) => table.push(Vec::new()),
            (Event::Start(Tag::TableCell), Some(table)) => {
                table.last_mut().unwrap().push(String::new());
                inside = true;
            }
            (Event::End(TagEnd::TableCell), _) => inside = false,
            (event, Some(table)) if inside => {
                let cell = table.last_mut().unwrap().last_mut().unwrap();
                match event {
                    Event::Text(text) => cell.push_str(&text),
                    Event::Code(code) => cell.extend(["`", &code, "`"]),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    tables
}

/// The tables that pages have between comments of these names, each on one page.
pub(super) fn made() -> Vec<(&'static str, PageTable)> {
    let groups = GROUPS.iter().map(|(name, _)| (*name, table_of_group(name)));
    let others = [("attribute", table_of_attribute()), ("features", table_of_features())];
    groups.chain(others).collect()
}

/// The page of a language that has the table of this name.
pub(super) fn page_of(language: &str, name: &str) -> PathBuf {
    let begin = format!("<!-- {name}, made from the code -->");
    let pages = files(&format!("docs/{language}"), "md").into_iter();
    let pages = pages.filter(|(_, page)| page.contains(&begin)).map(|(path, _)| path);
    let mut pages: Vec<_> = pages.collect();
    assert_eq!(pages.len(), 1, "docs/{language}: pages with {begin:?}: {pages:?}");
    pages.remove(0)
}

/// A page in three: up to a table's begin, the table, and from its end.
pub(super) fn around<'a>(page: &'a str, name: &str) -> (&'a str, &'a str, &'a str) {
    let (begin, end) = (format!("<!-- {name}, made from the code -->\n\n"), "<!-- end -->");
    let start = page.find(&begin).unwrap_or_else(|| panic!("no {begin:?}")) + begin.len();
    let length = page[start..].find(end).unwrap_or_else(|| panic!("no end of {name}"));
    (&page[..start], &page[start..start + length], &page[start + length..])
}
