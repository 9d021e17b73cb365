//! The guide's tables of settings are made from the code: from the table of settings, from the attribute's docs, and from
//! the manifest. Together they have every method, flag and variable. Each stands on a page between two comments.
//!
//! `UPDATE_SETTINGS=1 cargo test -p tests --test suites settings::` writes the English tables anew. Other languages are
//! compared by their flags, methods, variables and numbers, and are written manually.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod attribute;
mod sources;
mod tables;

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;
use tests::repository::read;
use webhooks_runtime::__private::{SETTINGS, Setting};

use self::attribute::constant;
use self::sources::{codes, flags, methods, run, variables};
use self::tables::{GROUPS, around, key, made, markdown, page_of, table_of_settings, tables};

/// The languages of the guide besides English.
const OTHER_LANGUAGES: [&str; 1] = ["ko"];

/// Flags that set nothing.
const NO_SETTINGS: [&str; 2] = ["--help", "--version"];

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
    // The standard's, which the page of traces has.
    read.retain(|name| !name.starts_with("OTEL_"));
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
    let path = "webhooks-runtime/src/server/log/subscriber/filter.rs";
    let file = syn::parse_file(&read(path)).unwrap();
    assert_eq!(constant(&file, "DEFAULT_FILTER"), default_of("RUST_LOG"));
}

/// The default of a variable, without its backticks.
fn default_of(variable: &str) -> &'static str {
    let has = |setting: &&Setting| setting.variables.iter().any(|(name, _)| *name == variable);
    SETTINGS.iter().find(has).unwrap().default.trim_matches('`')
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
