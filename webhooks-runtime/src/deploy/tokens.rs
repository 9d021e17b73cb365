//! Finds tokens of the Hub in files, before everyone can read them on the Space.

use std::collections::BTreeMap;

use memchr::memchr_iter;
use memchr::memmem::find_iter;

use super::error::TokenPlace;

/// How tokens begin: those of users, and older ones of organizations.
const PREFIXES: [&[u8]; 2] = [b"hf_", b"api_org_"];

/// How many letters and digits follow. Tokens have 34; names such as `hf_hub_download` have fewer.
const FEWEST: usize = 30;

/// Returns where the files have tokens.
pub(super) fn find_tokens(files: &BTreeMap<String, Vec<u8>>) -> Vec<TokenPlace> {
    let places = |(path, content): (&String, &Vec<u8>)| {
        let line = |offset| memchr_iter(b'\n', &content[..offset]).count() + 1;
        let mut lines: Vec<_> = offsets(content).map(line).collect();
        lines.sort_unstable();
        lines.dedup();
        lines.into_iter().map(|line| TokenPlace { path: path.clone(), line }).collect::<Vec<_>>()
    };
    files.iter().flat_map(places).collect()
}

/// Returns whether a text has a token.
pub(crate) fn has_token(text: &str) -> bool {
    offsets(text.as_bytes()).next().is_some()
}

fn offsets(content: &[u8]) -> impl Iterator<Item = usize> {
    PREFIXES.into_iter().flat_map(move |prefix| {
        find_iter(content, prefix).filter(move |offset| {
            let rest = &content[offset + prefix.len()..];
            rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count() >= FEWEST
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(prefix: &str) -> String {
        format!("{prefix}{}", "aB3".repeat(12))
    }

    fn places(text: &[u8]) -> Vec<String> {
        let files = BTreeMap::from([("src/main.rs".to_owned(), text.to_vec())]);
        find_tokens(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_token_is_found_with_its_line() {
        let text = format!("a\n\nlet token = \"{}\"; // {}\n", token("hf_"), token("hf_"));
        assert_eq!(places(text.as_bytes()), ["src/main.rs:3"]);
        assert_eq!(places(token("api_org_").as_bytes()), ["src/main.rs:1"]);
        let binary = [b"\0\xff\n", token("hf_").as_bytes(), b"\xff"].concat();
        assert_eq!(places(&binary), ["src/main.rs:2"]);
    }

    #[test]
    fn names_and_placeholders_are_no_tokens() {
        for text in ["hf_hub_download", "hf_xxxxxxxx", "hf_…", "hf_***", "HF_TOKEN", ""] {
            assert!(!has_token(text), "{text}");
        }
    }
}
