//! Generates the filter of an endpoint: the keys that select deliveries.

use proc_macro2::TokenStream;
use quote::quote;

use crate::filter::FilterArgs;
use crate::paths::Paths;

/// Generates the call that adds the filter to the endpoint; nothing without a key.
pub(super) fn filter(args: &FilterArgs, paths: &Paths) -> Option<TokenStream> {
    let FilterArgs { on, watch, watch_env, branch, refs, paths: changed } = args;
    let on = on.as_ref().map(|values| quote!(.on(&[#(#values),*])));
    let watch = watch.as_ref().map(|values| quote!(.watch(&[#(#values),*])));
    let watch_env = watch_env.as_ref().map(|variable| quote!(.watch_env(#variable)));
    let branch = branch.as_ref().map(|values| quote!(.branch(&[#(#values),*])));
    let refs = refs.as_ref().map(|values| quote!(.refs(&[#(#values),*])));
    let changed = changed.as_ref().map(|values| quote!(.paths(&[#(#values),*])));
    let keys: Vec<_> =
        [on, watch, watch_env, branch, refs, changed].into_iter().flatten().collect();
    if keys.is_empty() {
        return None;
    }
    let filter_keys = paths.filter_keys();
    Some(quote!(.__filter(#filter_keys::NONE #(#keys)*)))
}
