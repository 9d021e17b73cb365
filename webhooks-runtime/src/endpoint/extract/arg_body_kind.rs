//! Finds what an argument reads of the body: `Arg::<T>::NEW.body_kind()` is the most specific method for `T` (see
//! `kind`). It is one of the macro below, that of [`JsonBodyKind`] for a `web::Json<T>` whose `T` has no schema, or
//! that of [`OtherBodyKind`].

use std::sync::Arc;

use actix_web::Either;
use actix_web::http::{Method, Uri};
use actix_web::web::{Bytes, BytesMut, Data, Header, Json, Path, Query};
use actix_web::{HttpRequest, dev};

use super::body_kind::BodyKind;
use super::kind::Arg;
use super::schema_doc::SchemaDoc;
use crate::endpoint::delivery::Delivery;
use crate::payload::WebhookPayload;

impl<T: utoipa::ToSchema> Arg<Json<T>> {
    /// Returns JSON with the type's schema.
    #[must_use]
    pub fn body_kind(self) -> BodyKind {
        SchemaDoc::of::<T>().map_or(BodyKind::Json, |schema| BodyKind::Schema(Arc::new(schema)))
    }
}

/// `body_kind()` for JSON of a type without a schema.
pub trait JsonBodyKind: Sized {
    /// Returns JSON without a schema.
    fn body_kind(self) -> BodyKind {
        BodyKind::Json
    }
}

impl<T> JsonBodyKind for Arg<Json<T>> {}

/// `body_kind()` for all other types. It takes a reference, and the compiler tries methods that take a value
/// first.
pub trait OtherBodyKind {
    /// Returns the kind of an unknown extractor, which may read the body.
    fn body_kind(&self) -> BodyKind {
        BodyKind::Raw
    }
}

impl<T> OtherBodyKind for Arg<T> {}

macro_rules! body_kinds {
    ($($kind:ident: $([$($of:tt)*] $type:ty),+;)+) => {$($(
        impl<$($of)*> Arg<$type> {
            /// Returns what it reads of the body.
            #[must_use]
            pub fn body_kind(self) -> BodyKind {
                BodyKind::$kind
            }
        }
    )+)+};
}

body_kinds! {
    Payload: [] WebhookPayload;
    Raw:
        [] Bytes, [] BytesMut, [] String, [] actix_web::web::Payload, [] dev::Payload,
        [T] Option<Json<T>>, [T, E] Result<Json<T>, E>, [L, R] Either<L, R>;
    Unread:
        [] Delivery, [] HttpRequest, [] Method, [] Uri, [] dev::ConnectionInfo, [] dev::PeerAddr,
        [T: ?Sized] Data<T>, [T] Query<T>, [T] Path<T>, [T] Header<T>;
}
