//! Finds what the tokens of a function do not show: that it is in an `impl`, or has the name of a type. The compiler's
//! errors about that would be about generated code, so the source file is searched for it.
//!
//! The result is used for error messages only. Where the file cannot be read, or has several functions of the
//! name, nothing is found, and the compiler's own errors appear.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::Ident;

/// Why a function cannot be an endpoint at its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PlaceObstacle {
    /// It is in an `impl` or a `trait`.
    Associated,
    /// An item of this kind has the same name in the same module.
    Namesake(&'static str),
}

/// The kinds of items in the namespace of types.
const KINDS: [&str; 6] = ["mod", "struct", "enum", "union", "trait", "type"];

/// Searches the file that is compiled for the function of this name.
pub(crate) fn obstacle(name: &Ident) -> Option<PlaceObstacle> {
    if !proc_macro::is_available() {
        return None;
    }
    let attribute = proc_macro::Span::call_site();
    let text = std::fs::read_to_string(attribute.local_file()?).ok()?;
    let name = name.to_string();
    let is_indented = attribute.column() > 1;
    let may_be_associated = is_indented && (text.contains("impl") || text.contains("trait"));
    let may_have_namesake = KINDS.iter().any(|kind| text.contains(&format!("{kind} {name}")));
    if may_be_associated || may_have_namesake { obstacle_in(&text, &name) } else { None }
}

fn obstacle_in(text: &str, name: &str) -> Option<PlaceObstacle> {
    let mut found = Vec::new();
    find(text.parse().ok()?, false, name, &mut found);
    let is_only = found.len() == 1;
    if !found.is_empty() && found.iter().all(|function| function.associated) {
        return Some(PlaceObstacle::Associated);
    }
    found.pop().filter(|_| is_only)?.namesake.map(PlaceObstacle::Namesake)
}

/// A function of the name.
struct FoundFunction {
    associated: bool,
    namesake: Option<&'static str>,
}

/// Finds functions of the name in the tokens of a file or of a block.
fn find(tokens: TokenStream, associated: bool, name: &str, found: &mut Vec<FoundFunction>) {
    let first = found.len();
    let mut functions = 0;
    let mut namesake = None;
    // The first word of the current item, and the token before this one.
    let mut kind: Option<String> = None;
    let mut before = String::new();
    let mut has_cfg = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(ident) => {
                let word = ident.to_string();
                if before == "fn" && word == name {
                    functions += 1;
                } else if word == name && !has_cfg {
                    namesake = namesake.or(KINDS.into_iter().find(|kind| *kind == before));
                }
                if kind.is_none() && (KINDS.contains(&&*word) || matches!(&*word, "fn" | "impl")) {
                    kind = Some(word.clone());
                }
                before = word;
                continue;
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let associated = matches!(kind.as_deref(), Some("impl" | "trait"));
                find(group.stream(), associated, name, found);
                (kind, has_cfg) = (None, false);
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket && before == "#" => {
                has_cfg |= group.stream().to_string().contains("cfg");
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => (kind, has_cfg) = (None, false),
            _ => {}
        }
        before = match token {
            TokenTree::Group(_) => String::new(),
            token => token.to_string(),
        };
    }
    // Before those of the blocks. The order is irrelevant otherwise.
    found.splice(first..first, (0..functions).map(|_| FoundFunction { associated, namesake }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_in_an_impl_or_a_trait_is_found() {
        for text in [
            "impl Bot { #[hook] pub async fn train() {} }",
            "mod a { trait Bot { fn train() {} } }",
            "impl<T> Bot<T> where T: Copy { fn other() {} fn train() {} }",
        ] {
            assert_eq!(obstacle_in(text, "train"), Some(PlaceObstacle::Associated), "{text}");
        }
    }

    #[test]
    fn a_free_function_has_no_fault() {
        for text in [
            "fn train() {}",
            "mod a { fn train() {} } impl Bot { fn other() {} }",
            "fn other() -> impl Copy { #[hook] fn train() {} }",
            // It may be either of the two.
            "fn train() {} impl Bot { fn train() {} }",
            "impl Bot { fn other() { fn train() {} } }",
        ] {
            assert_eq!(obstacle_in(text, "train"), None, "{text}");
        }
    }

    #[test]
    fn a_namesake_is_in_the_same_module() {
        let namesake = |text| obstacle_in(text, "train");
        assert_eq!(namesake("mod train; fn train() {}"), Some(PlaceObstacle::Namesake("mod")));
        assert_eq!(
            namesake("fn train() {} pub struct train;"),
            Some(PlaceObstacle::Namesake("struct"))
        );
        assert_eq!(namesake("mod train { } mod a { fn train() {} }"), None);
        assert_eq!(namesake("#[cfg(test)] mod train; fn train() {}"), None);
        assert_eq!(namesake("mod train; fn train() {} mod a { fn train() {} }"), None);
    }
}
