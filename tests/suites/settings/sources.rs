//! Reads the settings out of the sources and out of `--help`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};

use proc_macro2::{TokenStream, TokenTree};
use regex::Regex;
use syn::{Attribute, Expr, ImplItem, Item, Lit, Meta, ReturnType, Type, Visibility};
use tests::program::{Ended, Program, build};
use tests::repository::{sources, without_tests};

/// Variables that cargo has when it compiles.
pub(super) const CARGO: &str = "CARGO_";

/// Texts that look like variables: the stages of a Space, variables that git does not get, and variables for the tests of
/// this repository only.
const NO_VARIABLES: &[&str] = &[
    "APP_STARTING",
    "BUILD_ERROR",
    "CONFIG_ERROR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_WORK_TREE",
    "NO_APP_FILE",
    "RUNNING_APP_STARTING",
    "RUNNING_BUILDING",
    "RUNTIME_ERROR",
    "WEBHOOKS_TEST_ALERT_INTERVAL_MS",
    "WEBHOOKS_TEST_RECONCILE_INTERVAL_MS",
    "WEBHOOKS_TEST_REGISTRATION_INTERVAL_MS",
];

pub(super) static VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^([A-Z][A-Z0-9]*(_[A-Z0-9]+)+|CI|PORT)$").unwrap());

/// A doc comment's Markdown up to its first block of code or heading.
pub(super) fn prose(attributes: &[Attribute]) -> String {
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

/// Returns the texts in backticks.
pub(super) fn codes(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The names of the builder's methods: those that take a server and return one.
pub(super) fn methods() -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    for (_, source) in sources("webhooks-runtime/src/server") {
        let file = syn::parse_file(&source).unwrap();
        let is_server =
            |it: &Type| matches!(it, Type::Path(it) if it.path.is_ident("WebhooksServer"));
        let blocks = file.items.iter().filter_map(|item| match item {
            Item::Impl(block) if block.trait_.is_none() && is_server(&block.self_ty) => Some(block),
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
pub(super) fn flags() -> BTreeSet<String> {
    let flag = Regex::new("(?m)^ +(?:-[a-zA-Z], )?(--[a-z-]+).*$").unwrap();
    let help = run(&["--help"], &[]).stdout;
    flag.captures_iter(&help).map(|found| found[1].to_owned()).collect()
}

pub(super) fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| build("quickstart", "dev"));
    Program::start(program, arguments, variables).unwrap().wait()
}

/// Hands over each text between quotes, and each call of `env::var` and `var_os` with what stands in its
/// brackets.
pub(super) fn texts(
    tokens: TokenStream,
    text: &mut impl FnMut(String),
    call: &mut impl FnMut(String),
) {
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
pub(super) fn variables() -> BTreeSet<String> {
    let mentioned = Regex::new(r"\$([A-Z][A-Z_]+)\b").unwrap();
    let mut variables = BTreeSet::new();
    let sources = sources("webhooks-runtime/src").into_iter();
    for (path, source) in sources.filter(|(path, _)| !path.ends_with("config/table.rs")) {
        let mut text = |text: String| {
            let named = mentioned.captures_iter(&text).map(|found| found[1].to_owned());
            variables.extend(named);
            let is_other = text.starts_with(CARGO) || NO_VARIABLES.contains(&text.as_str());
            if VARIABLE.is_match(&text) && !is_other {
                variables.insert(text);
            }
        };
        let mut call = |argument: String| {
            let read = argument.trim_matches('"');
            // Those of cargo, the shell and the terminal; and `.env` may have any variable.
            let is_any =
                ["environment.rs", "dotenv/mod.rs"].iter().any(|file| path.ends_with(file));
            let known =
                VARIABLE.is_match(read) || ["CARGO", "PATH", "TERM"].contains(&read) || is_any;
            assert!(known, "{}: which variable is {argument}?", path.display());
        };
        texts(without_tests(source.parse().unwrap()), &mut text, &mut call);
    }
    variables
}
