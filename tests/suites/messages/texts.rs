//! Collects the texts of Rust code.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::Text;

/// The texts of some tokens. What is for documentation and other code is left out.
pub(super) fn collect(tokens: TokenStream, file: &str, is_message: bool, texts: &mut Vec<Text>) {
    let mut tokens = tokens.into_iter().peekable();
    // Whether the next text is a part of a `SettingError { name, wants }`.
    let mut of_setting = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                let _ = tokens.next_if(is('!'));
                let Some(attribute) = tokens.next_if(is_brackets).and_then(group) else { continue };
                read_attribute(attribute, file, texts);
            }
            TokenTree::Ident(name) => {
                // Not `name != …`.
                let called = tokens.next_if(is('!')).is_some();
                of_setting = !called && (name == "name" || name == "wants");
                if called && let Some(arguments) = tokens.next_if(is_group).and_then(group) {
                    read_macro(&name.to_string(), arguments, file, is_message, texts);
                }
            }
            TokenTree::Group(group) => collect(group.stream(), file, is_message, texts),
            TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    let (file, value) = (file.to_owned(), text.value());
                    texts.push(Text { file, value, is_message: is_message || of_setting });
                }
                of_setting = false;
            }
            TokenTree::Punct(_) => {}
        }
    }
}

fn read_macro(name: &str, arguments: TokenStream, file: &str, inside: bool, texts: &mut Vec<Text>) {
    // A macro of ours that writes log lines takes the level first.
    let first = arguments.clone().into_iter().next().map(|token| token.to_string());
    let level = if name == "line" { first.as_deref().unwrap_or_default() } else { name };
    match level {
        "trace" | "debug" | "info" | "info_span" => {}
        "assert" | "html" | "quote" | "quote_spanned" => {}
        "warn" | "error" => collect(arguments, file, true, texts),
        _ => collect(arguments, file, inside, texts),
    }
}

/// The messages in `#[error("…")]` and `#[diagnostic::on_unimplemented(message = "…", …)]`; what comes
/// after the latter's message is read below it.
fn read_attribute(attribute: TokenStream, file: &str, texts: &mut Vec<Text>) {
    let text = attribute.to_string();
    let arguments = attribute.into_iter().find_map(group).unwrap_or_default();
    if text.starts_with("error") {
        collect(arguments, file, true, texts);
    } else if text.starts_with("diagnostic") && text.contains("on_unimplemented") {
        let message = arguments.into_iter().take(3).collect();
        collect(message, file, true, texts);
    }
}

fn is(letter: char) -> impl Fn(&TokenTree) -> bool {
    move |token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == letter)
}

fn is_group(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(_))
}

fn is_brackets(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket)
}

fn group(token: TokenTree) -> Option<TokenStream> {
    match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    }
}
