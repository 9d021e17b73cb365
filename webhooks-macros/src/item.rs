//! Parses the annotated function, except for its body. The body stays raw tokens, so that a half-typed one does not
//! hide the errors of the signature. The compiler reports the errors of the body.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Expr, FnArg, Lit, Meta, MetaNameValue, ReturnType, Signature, Type, Visibility,
};

/// The reason for the allowed lints about the shape of the function. It also marks a function that the attribute
/// has already expanded.
pub(crate) const SHAPE: &str = "the attribute requires functions of this shape";

/// A function with an unparsed body.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl Function {
    /// Returns the function's name without `r#`, as in a URL.
    pub(crate) fn name(&self) -> String {
        let name = self.signature.ident.to_string();
        name.strip_prefix("r#").unwrap_or(&name).to_owned()
    }

    pub(crate) fn is_async(&self) -> bool {
        self.signature.asyncness.is_some()
    }

    /// Returns the types of the arguments.
    pub(crate) fn argument_types(&self) -> impl Iterator<Item = &Type> {
        self.signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(argument) => Some(&*argument.ty),
            FnArg::Receiver(_) => None,
        })
    }

    /// Returns the type that the function returns; `None` when it is not written.
    pub(crate) fn returned(&self) -> Option<&Type> {
        match &self.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, returned) => Some(returned),
        }
    }

    /// Returns whether the attribute has already expanded this function.
    pub(crate) fn is_expanded(&self) -> bool {
        let reason =
            |attribute: &Attribute| attribute.to_token_stream().to_string().contains(SHAPE);
        self.attributes.iter().any(reason)
    }

    /// Returns the doc comment as plain text: a literal, or an expression when a part of it comes from a macro such
    /// as `include_str!`.
    pub(crate) fn description(&self) -> TokenStream {
        let mut parts: Vec<TokenStream> = Vec::new();
        let mut lines = String::new();
        for attribute in self.attributes.iter().filter(|attribute| attribute.path().is_ident("doc"))
        {
            match &attribute.meta {
                Meta::NameValue(MetaNameValue { value: Expr::Lit(literal), .. }) => {
                    if let Lit::Str(text) = &literal.lit {
                        lines += &unindented(&text.value());
                        lines.push('\n');
                    }
                }
                Meta::NameValue(MetaNameValue { value: Expr::Macro(call), .. }) => {
                    parts.extend([quote!(#lines), quote!(#call), quote!("\n")]);
                    lines.clear();
                }
                _ => {}
            }
        }
        if parts.is_empty() {
            return lines.trim().to_token_stream();
        }
        quote!(::core::primitive::str::trim_ascii(::core::concat!(#(#parts,)* #lines)))
    }

    /// Returns the `#[cfg(…)]`s. Everything that names the function needs them.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"))
    }
}

/// Removes the white space that all lines have in common, as rustdoc does. In a usual comment it is the one space
/// after the slashes.
fn unindented(text: &str) -> String {
    let lines = text.split('\n').map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the function as it is written, with `more` attributes before its own.
pub(crate) fn with_attributes(function: &Function, more: &TokenStream) -> TokenStream {
    let mut tokens = more.clone();
    for attribute in &function.attributes {
        attribute.to_tokens(&mut tokens);
    }
    function.visibility.to_tokens(&mut tokens);
    function.signature.to_tokens(&mut tokens);
    tokens.extend(function.body.clone());
    tokens
}
