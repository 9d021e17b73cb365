//! Holds the guide's page of the attribute to the macros and the compiler.

use syn::{Expr, Item, Lit};
use tests::repository::{files, read};
use webhooks_runtime::__private::background::Policy;

use super::tables::{table_of_attribute, tables};

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

/// A text that is a constant of a file.
pub(super) fn constant(file: &syn::File, name: &str) -> String {
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
    assert_eq!(keys.len(), 19, "{keys:?}");
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
        ("dedup_window", "`\"2m\"`", "dedup_window: 120s,"),
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
    assert_eq!((items.len(), messages.len() > 20), (4, true), "{english:?}");
    for message in messages {
        let message = message.strip_prefix('`').and_then(|code| code.strip_suffix('`')).unwrap();
        assert!(printed.contains(&format!("error: {message}\n")), "{message}");
    }
}
