//! The code that makes a function the handler of its endpoint.

use proc_macro2::TokenStream;

/// The function that makes the endpoint, its last argument, and the items that this names.
pub(super) struct HandlerCode {
    pub(super) make: TokenStream,
    pub(super) how: TokenStream,
    pub(super) items: TokenStream,
}
