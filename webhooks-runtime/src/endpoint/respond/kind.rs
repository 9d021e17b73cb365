//! Finds the rule for the type that an annotated function returns, in the way of
//! [`extract::kind`](crate::endpoint::extract::kind):
//!
//! | returned | kind | rule |
//! | --- | --- | --- |
//! | `Result<_, _>` | [`ResultKind`] | [`EndpointReply`] for `Result`, never actix-web's, which would show the cause |
//! | `web::Json<_>` | [`JsonReplyKind`] | [`JsonReply`] |
//! | any other | [`PlainReplyKind`] | [`EndpointReply`] |
//!
//! Where the attribute can see the brackets of a `Json` or a `Result`, it writes `json_reply` or `result_reply`, so
//! that an error is below a type in the brackets. It goes by the name, and a type of another crate may have the
//! same: hence [`PlainReplyKind`] has these methods, too.

use std::marker::PhantomData;

use actix_web::HttpRequest;
use actix_web::web::Json;
use serde::Serialize;

use super::reply::{EndpointError, EndpointReply, JsonReply, ResultReply, json};
use crate::endpoint::call::CallResult;

/// The type of a returned value.
#[derive(Debug)]
pub struct Reply<T>(PhantomData<T>);

impl<T> Reply<T> {
    /// A value to call `kind()` of.
    pub const NEW: Self = Self(PhantomData);

    /// Returns the type of `_value`.
    pub const fn of(_value: &T) -> Self {
        Self(PhantomData)
    }
}

impl<T, E> Reply<Result<T, E>> {
    /// Returns the kind of a `Result`.
    #[must_use]
    pub fn kind(&self) -> ResultKind {
        ResultKind
    }
}

impl<T> Reply<Json<T>> {
    /// Returns the kind of a `Json`.
    #[must_use]
    pub fn kind(&self) -> JsonReplyKind {
        JsonReplyKind
    }
}

/// `kind()` for all other types.
pub trait OtherReply {
    /// Returns the kind of the value.
    fn kind(&self) -> PlainReplyKind {
        PlainReplyKind
    }
}

impl<T> OtherReply for Reply<T> {}

/// Neither a `Result` nor a `Json`.
#[derive(Debug)]
pub struct PlainReplyKind;

#[expect(clippy::extra_unused_type_parameters, reason = "one call fits all types of these names")]
impl PlainReplyKind {
    /// Makes the response.
    pub fn reply<R: EndpointReply<Kind>, Kind>(
        self,
        reply: R,
        request: &HttpRequest,
    ) -> CallResult {
        reply.reply(request)
    }

    /// Makes the response of a type of another crate that is named `Json`.
    pub fn json_reply<Inner, Kind>(
        self,
        reply: impl EndpointReply<Kind>,
        request: &HttpRequest,
    ) -> CallResult {
        reply.reply(request)
    }

    /// Makes the response of a type of another crate that is named `Result`.
    pub fn result_reply<T, E, R: EndpointReply<Kind>, Kind>(
        self,
        reply: R,
        request: &HttpRequest,
    ) -> CallResult {
        reply.reply(request)
    }
}

/// A `Result`.
#[derive(Debug)]
pub struct ResultKind;

impl ResultKind {
    /// Makes the response.
    pub fn reply<R: EndpointReply<ResultReply<Kinds>>, Kinds>(
        self,
        reply: R,
        request: &HttpRequest,
    ) -> CallResult {
        reply.reply(request)
    }

    /// Makes the response of a `Result<T, E>`, with an error below `T` or `E`.
    pub fn result_reply<T: EndpointReply<Kind>, E: EndpointError<ErrorKind>, Kind, ErrorKind>(
        self,
        reply: Result<T, E>,
        request: &HttpRequest,
    ) -> CallResult {
        reply.reply(request)
    }
}

/// A `Json`.
#[derive(Debug)]
pub struct JsonReplyKind;

impl JsonReplyKind {
    /// Makes the response.
    pub fn reply<R: JsonReply<Kind>, Kind>(self, reply: R, _: &HttpRequest) -> CallResult {
        reply.reply()
    }

    /// Makes the response of a `Json<Inner>`, with an error below `Inner`.
    pub fn json_reply<Inner: Serialize, R: Into<Json<Inner>>>(
        self,
        reply: R,
        _: &HttpRequest,
    ) -> CallResult {
        json(&reply.into().0)
    }
}
