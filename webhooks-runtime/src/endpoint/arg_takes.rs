//! What each argument takes of a request's body.
//!
//! The attribute asks each argument at its own type, which only the compiler knows: behind
//! `Arg::<T>::NEW.takes()` there is the first that applies of a method for the types named here,
//! [`JsonTakes`] for a `web::Json<T>` whose `T` offers no schema, and [`OtherTakes`] for the rest.

use std::sync::Arc;

use actix_web::Either;
use actix_web::http::{Method, Uri};
use actix_web::web::{Bytes, BytesMut, Data, Header, Json, Path, Query};
use actix_web::{HttpRequest, dev};

use super::arg::Arg;
use super::delivery::Delivery;
use super::described::Described;
use super::takes::Takes;
use crate::payload::WebhookPayload;

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
