//! The generated code that makes a function the handler of its endpoint.

use proc_macro2::TokenStream;

/// An expression for the endpoint's handler, and the items that the expression names.
pub(super) struct HandlerCode {
    pub(super) handler: TokenStream,
    pub(super) items: TokenStream,
}
