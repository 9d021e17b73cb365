//! The function's signature. Its body stays raw tokens, so that a half-typed one still gives the
//! errors of the signature, and those of the body come from the compiler.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Expr, FnArg, Lit, Meta, MetaNameValue, ReturnType, Signature, Type, Visibility,
};

/// Why the attribute allows lints about the shape of the function. It also tells a function that the
/// attribute has expanded already.
pub(crate) const SHAPE: &str = "the attribute asks for functions of this shape";

/// A function without a look into its body.
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
    /// The function's name as it is in a URL: without `r#`.
    pub(crate) fn name(&self) -> String {
        let name = self.signature.ident.to_string();
        name.strip_prefix("r#").unwrap_or(&name).to_owned()
    }

    pub(crate) fn is_async(&self) -> bool {
        self.signature.asyncness.is_some()
    }

    /// The arguments' types.
    pub(crate) fn argument_types(&self) -> impl Iterator<Item = &Type> {
        self.signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(argument) => Some(&*argument.ty),
            FnArg::Receiver(_) => None,
        })
    }

    /// The type that is returned, `None` for `()`.
    pub(crate) fn returned(&self) -> Option<&Type> {
        match &self.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, returned) => Some(returned),
        }
    }

    /// Whether the attribute has expanded this function already.
    pub(crate) fn is_expanded(&self) -> bool {
        let reason =
            |attribute: &Attribute| attribute.to_token_stream().to_string().contains(SHAPE);
        self.attributes.iter().any(reason)
    }

    /// The doc comment as plain text: a literal, or for one that comes from a macro like `include_str!`
    /// an expression.
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

    /// The `#[cfg(…)]`s, which must stand on everything that names the function.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"))
    }
}

/// Rustdoc removes the white space that all lines have in common. That is the one space after the slashes,
/// for a comment written like any other.
fn unindented(text: &str) -> String {
    let lines = text.split('\n').map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

/// The function as it was written, but for the first attributes, which are `more`.
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
