//! What an endpoint takes: what its arguments make of a request's body, for the OpenAPI document and
//! the page.
//!
//! The attribute asks each argument at its own type, which only the compiler knows: behind
//! `Arg::<T>::NEW.takes()` there is the first that applies of a method for the types named here,
//! [`JsonTakes`] for a `web::Json<T>` whose `T` offers no schema, and [`OtherTakes`] for the rest.

#[cfg(feature = "openapi")]
use std::sync::Arc;

use actix_web::Either;
use actix_web::http::{Method, Uri};
use actix_web::web::{Bytes, BytesMut, Data, Header, Json, Path, Query};
use actix_web::{HttpRequest, dev};

use super::arg::Arg;
use super::delivery::Delivery;
#[cfg(feature = "openapi")]
use super::described::Described;
use crate::payload::WebhookPayload;

/// What an endpoint takes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Takes {
    /// No argument reads the body.
    Nothing,
    /// The body as it is: text, bytes, what may be missing, or what an extractor of somebody else's
    /// does with it.
    Anything,
    /// JSON whose shape isn't told.
    Object,
    /// The Hub's payload.
    Payload,
    /// JSON in a shape that is told.
    #[cfg(feature = "openapi")]
    Schema(Arc<Described>),
}

impl Takes {
    /// What a function takes whose arguments take these: one of them at most reads the body, and what
    /// is known of it goes before what isn't.
    #[must_use]
    pub fn of<const N: usize>(arguments: [Self; N]) -> Self {
        let taken = |left: Self, right| match (&left, &right) {
            (Self::Nothing, _) | (Self::Anything, Self::Object | Self::Payload) => right,
            #[cfg(feature = "openapi")]
            (Self::Anything, Self::Schema(_)) => right,
            _ => left,
        };
        arguments.into_iter().fold(Self::Nothing, taken)
    }
}

/// `takes()` for JSON that offers no schema.
pub trait JsonTakes: Sized {
    /// JSON whose shape isn't told.
    fn takes(self) -> Takes {
        Takes::Object
    }
}

impl<T> JsonTakes for Arg<Json<T>> {}

/// `takes()` for the types that have none of their own. It takes a reference, which the compiler tries
/// after all that takes a value.
pub trait OtherTakes {
    /// Somebody else's extractor, that may read the body or not.
    fn takes(&self) -> Takes {
        Takes::Anything
    }
}

impl<T> OtherTakes for Arg<T> {}

/// JSON with a schema.
#[cfg(feature = "openapi")]
impl<T: utoipa::ToSchema> Arg<Json<T>> {
    /// What it takes.
    #[must_use]
    pub fn takes(self) -> Takes {
        Described::of::<T>().map_or(Takes::Object, |described| Takes::Schema(Arc::new(described)))
    }
}

macro_rules! takes {
    ($($taken:ident: $([$($of:tt)*] $type:ty),+;)+) => {$($(
        impl<$($of)*> Arg<$type> {
            /// What it takes.
            #[must_use]
            pub fn takes(self) -> Takes {
                Takes::$taken
            }
        }
    )+)+};
}

takes! {
    Payload: [] WebhookPayload;
    Anything:
        [] Bytes, [] BytesMut, [] String, [] actix_web::web::Payload, [] dev::Payload,
        [T] Option<Json<T>>, [T, E] Result<Json<T>, E>, [L, R] Either<L, R>;
    Nothing:
        [] Delivery, [] HttpRequest, [] Method, [] Uri, [] dev::ConnectionInfo, [] dev::PeerAddr,
        [T: ?Sized] Data<T>, [T] Query<T>, [T] Path<T>, [T] Header<T>;
}
