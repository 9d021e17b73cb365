//! The guide's tables of settings are made from the code: from the table of settings, from the attribute's docs, and from
//! the manifest. Together they have every method, flag and variable. Each stands on a page between two comments.
//!
//! `UPDATE_SETTINGS=1 cargo test -p tests --test suites settings::` writes the English tables anew. Other languages are
//! held to their flags, methods, variables and numbers, and are written by hand.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, OnceLock};

use proc_macro2::{TokenStream, TokenTree};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;
use syn::{Attribute, Expr, ImplItem, Item, Lit, Meta, ReturnType, Type, Visibility};
use tests::program::{Ended, Program, build};
use tests::repository::{files, read, root, sources, without_tests};
use webhooks_runtime::__private::background::Policy;
use webhooks_runtime::__private::{SETTINGS, Setting};

/// The languages of the guide besides English.
const OTHER_LANGUAGES: [&str; 1] = ["ko"];

/// Flags that set nothing.
const NO_SETTINGS: [&str; 2] = ["--help", "--version"];

/// Variables that cargo has when it compiles.
const CARGO: &str = "CARGO_";

static VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^([A-Z][A-Z0-9]*(_[A-Z0-9]+)+|CI|PORT)$").unwrap());

// ---- what the sources say

/// A doc comment's Markdown up to its first block of code or heading.
fn prose(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned());
    let lines = lines.take_while(|line| !line.starts_with("```") && !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

/// What stands in backticks.
fn codes(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The names of the builder's methods: those that take a server and return one.
fn methods() -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    for (_, source) in sources("webhooks-runtime/src/server/builder") {
        let file = syn::parse_file(&source).unwrap();
        let blocks = file.items.iter().filter_map(|item| match item {
            Item::Impl(block) if block.trait_.is_none() => Some(block),
            _ => None,
        });
        for item in blocks.flat_map(|block| &block.items) {
            let ImplItem::Fn(function) = item else { continue };
            let signature = &function.sig;
            let gives = matches!(&signature.output, ReturnType::Type(_, gives)
                if matches!(&**gives, Type::Path(path) if path.path.is_ident("Self")));
            let public = matches!(function.vis, Visibility::Public(_));
            if public && gives && signature.receiver().is_some() {
                methods.insert(signature.ident.to_string());
            }
        }
    }
    methods
}

/// The flags of `--help`.
fn flags() -> BTreeSet<String> {
    let flag = Regex::new("(?m)^ +(?:-[a-zA-Z], )?(--[a-z-]+).*$").unwrap();
    let help = run(&["--help"], &[]).stdout;
    flag.captures_iter(&help).map(|found| found[1].to_owned()).collect()
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| build("quickstart", "dev"));
    Program::start(program, arguments, variables).unwrap().wait()
}

/// Hands over each text between quotes, and each call of `env::var` and `var_os` with what stands in its
/// brackets.
fn texts(tokens: TokenStream, text: &mut impl FnMut(String), call: &mut impl FnMut(String)) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                if let Some(TokenTree::Ident(name)) = at.checked_sub(1).map(|at| &tokens[at])
                    && (name == "var" || name == "var_os")
                {
                    call(group.stream().to_string());
                }
                texts(group.stream(), text, call);
            }
            TokenTree::Literal(literal) => {
                if let Ok(Lit::Str(literal)) = syn::parse_str(&literal.to_string()) {
                    text(literal.value());
                }
            }
            _ => {}
        }
    }
}

/// The variables that the source names, outside of the table: as texts that look like one, and in doc comments as `$NAME`.
fn variables() -> BTreeSet<String> {
    let mentioned = Regex::new(r"\$([A-Z][A-Z_]+)\b").unwrap();
    let mut variables = BTreeSet::new();
    let sources = sources("webhooks-runtime/src").into_iter();
    for (path, source) in sources.filter(|(path, _)| !path.ends_with("config/table.rs")) {
        let mut text = |text: String| {
            let named = mentioned.captures_iter(&text).map(|found| found[1].to_owned());
            variables.extend(named);
            if VARIABLE.is_match(&text) && !text.starts_with(CARGO) {
                variables.insert(text);
            }
        };
        let mut call = |argument: String| {
            let read = argument.trim_matches('"');
            let known = VARIABLE.is_match(read) || path.ends_with("environment.rs");
            assert!(known, "{}: which variable is {argument}?", path.display());
        };
        texts(without_tests(source.parse().unwrap()), &mut text, &mut call);
    }
    variables
}

// ---- the tables

/// A table's lines, cell by cell, its head first.
type PageTable = Vec<Vec<String>>;

fn listed<'a>(codes: impl IntoIterator<Item = &'a String>) -> String {
    codes.into_iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ")
}

fn head<const N: usize>(cells: [&str; N]) -> PageTable {
    vec![cells.map(str::to_owned).to_vec()]
}

/// The tables of settings, and what a setting in each is called: the first of its method, flag and variable that it
/// has. Each setting is in one of them.
const GROUPS: [(&str, &[&str]); 8] = [
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
        ],
    ),
    (
        "network",
        &["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"],
    ),
    ("log", &["RUST_LOG", "NO_COLOR", "HF_HUB_DISABLE_EXPERIMENTAL_WARNING"]),
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
fn key(setting: &Setting) -> &'static str {
    let named = setting.flags.iter().chain(setting.variables).map(|(name, _)| *name);
    setting.method.into_iter().chain(named).next().unwrap()
}

fn table_of_group(group: &str) -> PageTable {
    let (_, keys) = GROUPS.iter().find(|(name, _)| *name == group).unwrap();
    table_of_settings(|setting| keys.contains(&key(setting)))
}

fn table_of_settings(is_in_it: impl Fn(&Setting) -> bool) -> PageTable {
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
fn table_of_attribute() -> PageTable {
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
fn table_of_features() -> PageTable {
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
fn markdown(table: &PageTable) -> String {
    let cell = |cell: &String| if cell.is_empty() { " |".into() } else { format!(" {cell} |") };
    let line = |cells: &Vec<String>| format!("|{}\n", cells.iter().map(cell).collect::<String>());
    let rule = format!("|{}\n", " --- |".repeat(table[0].len()));
    let rows: String = table[1..].iter().map(line).collect();
    format!("{}{rule}{rows}\n", line(&table[0]))
}

/// The tables of a page, code in backticks.
fn tables(page: &str) -> Vec<PageTable> {
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
fn made() -> Vec<(&'static str, PageTable)> {
    let groups = GROUPS.iter().map(|(name, _)| (*name, table_of_group(name)));
    let others = [("attribute", table_of_attribute()), ("features", table_of_features())];
    groups.chain(others).collect()
}

/// The page of a language that has the table of this name.
fn page_of(language: &str, name: &str) -> PathBuf {
    let begin = format!("<!-- {name}, made from the code -->");
    let pages = files(&format!("docs/{language}"), "md").into_iter();
    let pages = pages.filter(|(_, page)| page.contains(&begin)).map(|(path, _)| path);
    let mut pages: Vec<_> = pages.collect();
    assert_eq!(pages.len(), 1, "docs/{language}: pages with {begin:?}: {pages:?}");
    pages.remove(0)
}

/// A page in three: up to a table's begin, the table, and from its end.
fn around<'a>(page: &'a str, name: &str) -> (&'a str, &'a str, &'a str) {
    let (begin, end) = (format!("<!-- {name}, made from the code -->\n\n"), "<!-- end -->");
    let start = page.find(&begin).unwrap_or_else(|| panic!("no {begin:?}")) + begin.len();
    let length = page[start..].find(end).unwrap_or_else(|| panic!("no end of {name}"));
    (&page[..start], &page[start..start + length], &page[start + length..])
}

// ---- the tests

#[test]
fn the_tables_are_those_of_the_code() {
    if std::env::var_os("UPDATE_SETTINGS").is_some() {
        for (name, table) in made() {
            let file = page_of("en", name);
            let page = read(&file);
            let (before, _, after) = around(&page, name);
            fs::write(&file, format!("{before}{}{after}", markdown(&table))).unwrap();
        }
    }
    for (name, table) in made() {
        let file = page_of("en", name);
        let (page, file) = (read(&file), file.display());
        let shown = around(&page, name).1;
        let made = markdown(&table);
        // By name what is missing or too much, before all is compared.
        let keys = |markdown: &str| {
            let rows = tables(markdown).concat().into_iter().skip(1);
            rows.map(|row| listed_in(&row)).collect::<BTreeSet<_>>()
        };
        let (of_code, of_page) = (keys(&made), keys(shown));
        let missing: Vec<_> = of_code.difference(&of_page).collect();
        let surplus: Vec<_> = of_page.difference(&of_code).collect();
        let hint = "UPDATE_SETTINGS=1 cargo test -p tests --test suites settings::";
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{file} doesn't have {missing:?} and has {surplus:?}, unlike the code: {hint}"
        );
        assert_eq!(shown, made, "{file}: {hint}");
    }
}

#[test]
fn every_setting_is_in_one_table() {
    let keys: Vec<_> = SETTINGS.iter().map(key).collect();
    let mut grouped: Vec<_> = GROUPS.iter().flat_map(|(_, keys)| keys.iter().copied()).collect();
    let of_code: BTreeSet<_> = keys.iter().copied().collect();
    let of_groups: BTreeSet<_> = grouped.iter().copied().collect();
    let missing: Vec<_> = of_code.symmetric_difference(&of_groups).collect();
    assert!(missing.is_empty(), "in the code or in GROUPS, not in both: {missing:?}");
    grouped.sort_unstable();
    grouped.windows(2).for_each(|two| assert_ne!(two[0], two[1]));
    assert_eq!(keys.len(), grouped.len());
}

/// What names a row: the flags, methods and variables, or else what stands first.
fn listed_in(row: &[String]) -> String {
    if row.len() == 5 { row[1..4].join(" ").trim().to_owned() } else { row[0].clone() }
}

#[test]
fn every_other_language_has_the_same_code_and_numbers_in_them() {
    let number = Regex::new("([0-9][0-9,]*)( million|만)?").unwrap();
    let held = |cell: &String| {
        let mut codes: Vec<_> = codes(cell).into_iter().map(str::to_owned).collect();
        let prose: String = cell.split('`').step_by(2).collect();
        codes.extend(number.captures_iter(&prose).map(|number| {
            let unit = match number.get(2).map(|unit| unit.as_str()) {
                Some(" million") => 1_000_000,
                Some(_) => 10_000,
                None => 1,
            };
            (number[1].replace(',', "").parse::<u64>().unwrap() * unit).to_string()
        }));
        // Each language has an order of its own.
        codes.sort();
        codes
    };
    // English is held word for word, above.
    for language in OTHER_LANGUAGES {
        for (name, table) in made() {
            let file = page_of(language, name);
            let page = read(&file);
            let shown = tables(around(&page, name).1).concat();
            assert_eq!(shown.len(), table.len(), "{}: {name}", file.display());
            for (shown, made) in shown.iter().zip(&table).skip(1) {
                let (shown_code, code): (Vec<_>, Vec<_>) =
                    (shown.iter().map(held).collect(), made.iter().map(held).collect());
                assert_eq!(shown_code, code, "{}: {shown:?} for {made:?}", file.display());
            }
        }
    }
}

#[test]
fn the_limits_that_the_guide_explains_are_the_defaults() {
    let method = Regex::new(r"`\.[a-z_]+\(…\)`").unwrap();
    let settings = table_of_settings(|_| true);
    let limits = tables(&read("docs/en/how-it-works.md")).concat();
    let mut compared = 0;
    for limit in &limits {
        let Some(method) = method.find(&limit[2]) else { continue };
        let setting = settings.iter().find(|row| row[2].contains(method.as_str())).unwrap();
        assert!(limit[1].contains(&setting[4].replace('`', "")), "{limit:?} for {setting:?}");
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn the_page_of_background_deliveries_has_the_defaults_of_the_attribute() {
    let attribute = table_of_attribute();
    let of_key = |cell: &str| attribute.iter().skip(1).find(|row| row[0] == cell);
    for language in ["en", "ko"] {
        let rows = tables(&read(format!("docs/{language}/background-deliveries.md"))).concat();
        let keys: Vec<_> =
            rows.iter().filter_map(|row| Some((&row[1], &of_key(&row[0])?[2]))).collect();
        keys.iter().for_each(|(shown, default)| assert_eq!(shown, default, "{language}"));
        assert_eq!(keys.len(), 5, "{language}");
    }
}

#[test]
fn the_table_has_every_method_flag_and_variable_and_no_others() {
    let all = |of: fn(&Setting) -> Vec<&'static str>| {
        SETTINGS.iter().flat_map(of).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert_eq!(all(|setting| setting.method.into_iter().collect()), methods());
    let flags_of = |setting: &Setting| setting.flags.iter().map(|(name, _)| *name).collect();
    let mut flags = flags();
    NO_SETTINGS.iter().for_each(|flag| assert!(flags.remove(*flag), "{flag}"));
    assert_eq!(all(flags_of), flags);
    let variables_of =
        |setting: &Setting| setting.variables.iter().map(|(name, _)| *name).collect();
    let mut read = variables();
    // Its name is made of another variable's.
    read.insert("WEBHOOK_SECRET_PREVIOUS".to_owned());
    assert_eq!(all(variables_of), read);
}

#[test]
fn help_has_the_texts_and_defaults_of_the_table() {
    let help = run(&["--help"], &[]).stdout;
    let help: String = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in SETTINGS {
        for (name, text) in setting.flags.iter().chain(setting.variables) {
            let text = text.replace('`', "");
            assert!(help.contains(&text), "{name}: {text}");
        }
        if let Some((flag, text)) = setting.flags.first().filter(|_| !setting.default.is_empty()) {
            let shown = format!("{text} [default: {}]", setting.default.replace('`', ""));
            assert!(help.contains(&shown), "{flag}: {shown}");
        }
    }
}

#[test]
fn the_default_filter_of_the_log_is_that_of_the_code() {
    let file = syn::parse_file(&read("webhooks-runtime/src/server/log/subscriber/mod.rs")).unwrap();
    assert_eq!(constant(&file, "DEFAULT_FILTER"), default_of("RUST_LOG"));
}

/// The default of a variable, without its backticks.
fn default_of(variable: &str) -> &'static str {
    let has = |setting: &&Setting| setting.variables.iter().any(|(name, _)| *name == variable);
    SETTINGS.iter().find(has).unwrap().default.trim_matches('`')
}

/// A text that is a constant of a file.
fn constant(file: &syn::File, name: &str) -> String {
    let value = file.items.iter().find_map(|item| match item {
        Item::Const(item) if item.ident == name => Some(&*item.expr),
        _ => None,
    });
    match value {
        Some(Expr::Lit(literal)) => match &literal.lit {
            Lit::Str(text) => text.value(),
            _ => panic!("{name} is no text"),
        },
        _ => panic!("no {name}"),
    }
}

/// The keys that a file of the macros knows, as its errors list them: "`path`, `on`".
fn keys(file: &str) -> Vec<String> {
    let file = syn::parse_file(&read(format!("webhooks-macros/src/{file}.rs"))).unwrap();
    let list = constant(&file, "KEY_LIST");
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_of_the_attribute_is_in_its_table_with_the_default_that_it_has() {
    let table = table_of_attribute();
    let keys = [keys("args"), keys("background")].concat();
    assert_eq!(keys.len(), 14, "{keys:?}");
    for key in keys {
        assert!(table.iter().any(|row| row[0].contains(&format!("`{key}"))), "{key}");
    }
    let has = format!("{:?}", Policy::DEFAULT);
    let of = |key: &str| {
        let row = table.iter().find(|row| row[0].starts_with(&format!("`{key} =")));
        row.unwrap_or_else(|| panic!("no {key}"))[2].clone()
    };
    for (key, stated, value) in [
        ("attempts", "5", "attempts: 5,"),
        ("timeout", "`\"24h\"`", "timeout: 86400s,"),
        ("concurrency", "16", "concurrency: 16,"),
        ("backoff", "`\"10s..30m\"`", "shortest_backoff: 10s, longest_backoff: 1800s,"),
        ("dedup_window", "`\"2m\"`", "dedup_window: 120s "),
    ] {
        assert_eq!(of(key), stated, "{key}");
        assert!(has.contains(value), "{key}: {has}");
    }
}

#[test]
fn the_errors_on_the_page_of_the_attribute_are_those_of_the_compiler() {
    let printed: String = files("tests/compile-errors/compile_fail", "stderr")
        .into_iter()
        .map(|file| file.1)
        .collect();
    let errors = |language: &str| {
        let tables = tables(&read(format!("docs/{language}/attribute.md")));
        let explained = tables.into_iter().filter(|table| table[0].len() == 2).map(|mut table| {
            table.remove(0);
            table.into_iter().map(|mut row| row.remove(0)).collect::<Vec<_>>()
        });
        explained.flatten().collect::<Vec<_>>()
    };
    let english = errors("en");
    assert_eq!(english, errors("ko"));
    let (items, messages): (Vec<_>, Vec<_>) =
        english.iter().partition(|code| code.starts_with("`hello::"));
    assert_eq!((items.len(), messages.len() > 20), (3, true), "{english:?}");
    for message in messages {
        let message = message.strip_prefix('`').and_then(|code| code.strip_suffix('`')).unwrap();
        assert!(printed.contains(&format!("error: {message}\n")), "{message}");
    }
}

#[test]
fn a_bad_setting_ends_the_program_with_1_and_a_bad_flag_with_2() {
    for (arguments, variables, code) in [
        (&[][..], &[("GRADIO_SERVER_PORT", "http")][..], 1),
        (&["--port", "http"], &[], 2),
        (&["--prot", "80"], &[], 2),
        (&["--share", "--no-share"], &[], 2),
    ] {
        let ended = run(arguments, variables);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(ended.stdout.is_empty(), "{ended:?}");
    }
}
