//! The function's signature. Its body stays raw tokens, so that a half-typed one still gives the
//! errors of the signature, and those of the body come from the compiler.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, ExprLit, FnArg, Lit, Meta, ReturnType, Signature, Type, Visibility};

/// A function without a look into its body.
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

    /// The doc comment as plain text.
    pub(crate) fn description(&self) -> String {
        let lines: Vec<_> = self.attributes.iter().filter_map(doc_line).collect();
        // Rustdoc removes the white space that all lines have in common. That is the one space after
        // the slashes, for a comment written like any other.
        let lines = lines.iter().flat_map(|text| text.split('\n'));
        let lines: Vec<_> =
            lines.map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
        lines.join("\n").trim().to_owned()
    }

    /// The `#[cfg(…)]`s, which must stand on everything that names the function.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"))
    }
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(doc) = &attribute.meta else {
        return None;
    };
    match &doc.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if doc.path.is_ident("doc") => {
            Some(text.value())
        }
        _ => None,
    }
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
