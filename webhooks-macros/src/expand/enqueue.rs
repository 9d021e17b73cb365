//! Generates the method beside a background function that enqueues deliveries of the program itself.

use proc_macro2::TokenStream;
use quote::quote;

use crate::item::Function;

/// Generates the method that enqueues deliveries of the program itself.
pub(super) fn enqueue(function: &Function) -> TokenStream {
    let ident = &function.signature.ident;
    quote! {
        impl #ident {
            /// Enqueues a delivery for the function, which runs it in the background like one of the Hub: its key, and
            /// `latest`, `debounce` and a pause apply. The filter of the endpoint does not.
            ///
            /// `target` is the handle of a server, a `DeliveryStore`, or in a test a `TestClient`. Returns the id of the
            /// delivery, or in a test the response to it.
            ///
            /// # Errors
            ///
            /// When the function cannot read the payload, or the delivery cannot be stored.
            pub fn enqueue<T: __webhooks_background::EnqueueTarget + ?::core::marker::Sized>(
                target: &T,
                payload: impl __webhooks_background::Serialize,
            ) -> __webhooks_background::EnqueueFuture<T::Enqueued> {
                let request = __webhooks_background::EnqueueRequest::__new(
                    Self::PATH,
                    __WEBHOOKS_WORK,
                    payload,
                );
                target.__enqueue(request)
            }
        }
    }
}
