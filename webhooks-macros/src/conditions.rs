//! Expands functions whose arguments have `#[cfg]`, or that have a `#[cfg_attr]` with a `cfg` or a doc comment.
//!
//! The compiler evaluates these conditions only after the attribute has run, and the attribute cannot evaluate
//! them itself. So a function with such a condition is expanded twice: once as if the condition held, under
//! `#[cfg(condition)]`, and once as if it did not, under `#[cfg(not(condition))]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::{Attribute, FnArg, Meta};

use crate::item::Function;
use crate::parse::split_at_commas;

/// Returns both forms of a function, for its first condition; `None` when no condition affects the expansion.
/// The forms may contain further conditions.
pub(crate) fn split(function: &Function) -> Option<[Function; 2]> {
    on_function(function).or_else(|| on_argument(function))
}

fn on_function(function: &Function) -> Option<[Function; 2]> {
    let attributes = function.attributes.iter().enumerate();
    let (index, conditional) = attributes
        .filter_map(|(index, attribute)| Some((index, Conditional::read(attribute)?)))
        .find(|(_, conditional)| conditional.attributes.iter().any(affects_expansion))?;
    let (mut met, mut unmet) = (function.clone(), function.clone());
    met.attributes.splice(index..=index, conditional.attributes);
    unmet.attributes.remove(index);
    Some(under(&conditional.predicate, met, unmet))
}

fn on_argument(function: &Function) -> Option<[Function; 2]> {
    for (index, input) in function.signature.inputs.iter().enumerate() {
        for (at, attribute) in attributes(input).iter().enumerate() {
            let (mut met, mut unmet) = (function.clone(), function.clone());
            let predicate = if attribute.path().is_ident("cfg") {
                attributes_mut(&mut met, index).remove(at);
                let inputs = std::mem::take(&mut unmet.signature.inputs).into_iter().enumerate();
                let left = inputs.filter(|(other, _)| *other != index).map(|(_, input)| input);
                unmet.signature.inputs = left.collect();
                predicate(attribute)?
            } else {
                let Some(conditional) = Conditional::read(attribute) else { continue };
                if !conditional.attributes.iter().any(affects_expansion) {
                    continue;
                }
                attributes_mut(&mut met, index).splice(at..=at, conditional.attributes);
                attributes_mut(&mut unmet, index).remove(at);
                conditional.predicate
            };
            return Some(under(&predicate, met, unmet));
        }
    }
    None
}

/// `#[cfg_attr(predicate, attributes)]`
struct Conditional {
    predicate: TokenStream,
    attributes: Vec<Attribute>,
}

impl Conditional {
    fn read(attribute: &Attribute) -> Option<Self> {
        if !attribute.path().is_ident("cfg_attr") {
            return None;
        }
        let mut parts = split_at_commas(predicate(attribute)?).into_iter();
        let predicate = parts.next()?;
        let attributes: TokenStream = parts.map(|part| quote!(#[#part])).collect();
        // The compiler reports an attribute that cannot be parsed.
        let attributes = Attribute::parse_outer.parse2(attributes).ok()?;
        Some(Self { predicate, attributes })
    }
}

/// Returns the tokens in the parentheses of `#[cfg(…)]` or `#[cfg_attr(…)]`.
fn predicate(attribute: &Attribute) -> Option<TokenStream> {
    match &attribute.meta {
        Meta::List(list) => Some(list.tokens.clone()),
        _ => None,
    }
}

/// Returns whether the expansion depends on an attribute.
fn affects_expansion(attribute: &Attribute) -> bool {
    let path = attribute.path();
    path.is_ident("cfg")
        || (path.is_ident("doc") && matches!(attribute.meta, Meta::NameValue(_)))
        || Conditional::read(attribute)
            .is_some_and(|conditional| conditional.attributes.iter().any(affects_expansion))
}

fn attributes(input: &FnArg) -> &[Attribute] {
    match input {
        FnArg::Receiver(receiver) => &receiver.attrs,
        FnArg::Typed(argument) => &argument.attrs,
    }
}

fn attributes_mut(function: &mut Function, index: usize) -> &mut Vec<Attribute> {
    match &mut function.signature.inputs[index] {
        FnArg::Receiver(receiver) => &mut receiver.attrs,
        FnArg::Typed(argument) => &mut argument.attrs,
    }
}

/// Puts each form under its condition.
fn under(predicate: &TokenStream, mut met: Function, mut unmet: Function) -> [Function; 2] {
    met.attributes.push(syn::parse_quote!(#[cfg(#predicate)]));
    unmet.attributes.push(syn::parse_quote!(#[cfg(not(#predicate))]));
    [met, unmet]
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    /// Every form of the function, as text.
    fn forms(function: TokenStream) -> Vec<String> {
        fn collect(function: &Function, forms: &mut Vec<String>) {
            match split(function) {
                Some(both) => both.iter().for_each(|function| collect(function, forms)),
                None => {
                    let attributes = function.attributes.iter().map(ToTokens::to_token_stream);
                    let attributes: TokenStream = attributes.collect();
                    let signature = &function.signature;
                    forms.push(quote!(#attributes #signature).to_string().replace(' ', ""));
                }
            }
        }
        let mut found = Vec::new();
        collect(&syn::parse2(function).unwrap(), &mut found);
        found
    }

    #[test]
    fn a_conditional_argument_gives_two_forms() {
        assert_eq!(
            forms(quote!(
                fn f(#[cfg(unix)] a: u8, b: u8) {}
            )),
            ["#[cfg(unix)]fnf(a:u8,b:u8)", "#[cfg(not(unix))]fnf(b:u8)"]
        );
    }

    #[test]
    fn a_condition_in_a_condition_is_found() {
        assert_eq!(
            forms(quote!(
                #[cfg_attr(unix, cfg(test), inline)]
                fn f() {}
            )),
            ["#[cfg(test)]#[inline]#[cfg(unix)]fnf()", "#[cfg(not(unix))]fnf()"]
        );
        assert_eq!(
            forms(quote!(
                fn f(#[cfg_attr(unix, cfg(test))] a: u8) {}
            ))
            .len(),
            3
        );
    }

    #[test]
    fn other_conditions_stay() {
        let function = quote!(
            #[cfg_attr(unix, inline)]
            fn f(#[cfg_attr(unix, allow(unused))] a: u8) {}
        );
        assert_eq!(forms(function).len(), 1);
    }
}
