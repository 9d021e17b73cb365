//! Finds the rule for each argument of an annotated function.
//!
//! The attribute sees tokens and no types, so the code that it writes asks the compiler. For an argument of type
//! `T`, `Arg::<T>::NEW.kind()` returns the argument's kind:
//!
//! | `T` | kind | rule |
//! | --- | --- | --- |
//! | `web::Json<_>` | [`JsonArgKind`] | [`JsonArg`] |
//! | `web::Form<_>` | [`FormArgKind`] | [`FormArg`], which no type fulfills |
//! | any other | [`PlainArgKind`] | [`EndpointArg`] |
//!
//! This relies on method lookup: an inherent method (`impl Arg<Json<T>>`) is preferred to a method of a trait
//! ([`OtherArg`]), and neither has a bound that could fail. Other questions about an argument are asked in the
//! same way: `Arg::<T>::NEW.body_kind()` in `body_kind`, `.data()` in `data`, `.check()` and `.missing()` in
//! `run/background`.
//!
//! The kinds exist for two things that one trait cannot do. Compile errors: each kind requires its rule once, in
//! the turbofish of a method, so that the error is below the user's type and is the most specific one. And the
//! 422 of a JSON body, which has a path only where the body is read here.
//!
//! Where the attribute can see the brackets, it writes `json_arg::<Json<Inner>, Inner>`, so that an error is
//! below `Inner`. It goes by the name, and a type of another crate may be named `Json`, too: hence
//! [`PlainArgKind`] has the same method.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::web::{Form, Json};
use serde::Deserialize;

use super::arg::EndpointArg;
use super::json::JsonArg;
use crate::endpoint::call::{Call, Failure};

/// A function that extracts one argument. It is a function pointer to a boxed future: with a type that depends
/// on the trait, the compiler would repeat each error wherever the value is used.
pub(crate) type Extract<T> =
    for<'a> fn(&'a Call) -> Pin<Box<dyn Future<Output = Result<T, Failure>> + 'a>>;

/// The type of an argument.
#[derive(Debug)]
pub struct Arg<T>(PhantomData<T>);

impl<T> Arg<T> {
    /// A value to call methods of.
    pub const NEW: Self = Self(PhantomData);
}

impl<T> Arg<Json<T>> {
    /// Returns the kind of a JSON body.
    #[must_use]
    pub fn kind(&self) -> JsonArgKind {
        JsonArgKind
    }
}

impl<T> Arg<Form<T>> {
    /// Returns the kind of a form.
    #[must_use]
    pub fn kind(&self) -> FormArgKind {
        FormArgKind
    }
}

/// `kind()` for all other types.
pub trait OtherArg {
    /// Returns the kind of the argument.
    fn kind(&self) -> PlainArgKind {
        PlainArgKind
    }
}

impl<T> OtherArg for Arg<T> {}

/// An argument that follows [`EndpointArg`].
#[derive(Debug)]
pub struct PlainArgKind;

#[expect(clippy::extra_unused_type_parameters, reason = "one call fits both types named `Json`")]
impl PlainArgKind {
    /// Returns how to extract it.
    #[must_use]
    pub fn arg<T: EndpointArg>(self) -> Extract<T> {
        |call| Box::pin(T::extract(call))
    }

    /// Returns how to extract a type of another crate that is named `Json`.
    #[must_use]
    pub fn json_arg<T: EndpointArg, Inner>(self) -> Extract<T> {
        self.arg()
    }
}

/// A form as an argument. Requests with forms are rejected before, so no type fulfills it.
#[diagnostic::on_unimplemented(
    message = "a webhook endpoint accepts JSON only, so `{Self}` is never received",
    label = "requests with a form are rejected with 415",
    note = "take a `WebhookPayload`, or `web::Json<T>` for a body of your own type"
)]
pub trait FormArg: EndpointArg {}

/// An argument that reads the body as a form.
#[derive(Debug)]
pub struct FormArgKind;

impl FormArgKind {
    /// Never called: no type is a [`FormArg`].
    #[must_use]
    pub fn arg<T: FormArg>(self) -> Extract<T> {
        |call| Box::pin(T::extract(call))
    }
}

/// An argument that reads the body as JSON.
#[derive(Debug)]
pub struct JsonArgKind;

impl JsonArgKind {
    /// Returns how to extract it.
    #[must_use]
    pub fn arg<T: JsonArg>(self) -> Extract<T> {
        |call| {
            Box::pin(
                async move { T::read(&call.body).map_err(|fault| Failure::Body(fault.into())) },
            )
        }
    }

    /// Returns how to extract a `Json<Inner>`, with the error below `Inner`.
    #[must_use]
    pub fn json_arg<T: IsJson<Inner>, Inner: for<'de> Deserialize<'de> + 'static>(
        self,
    ) -> Extract<T> {
        |call| {
            Box::pin(async move {
                let read = Json::<Inner>::read(&call.body);
                read.map(T::from).map_err(|fault| Failure::Body(fault.into()))
            })
        }
    }
}

/// The type [`Json<T>`], without a bound for `T`.
pub trait IsJson<T>: From<Json<T>> + 'static {}

impl<T: 'static> IsJson<T> for Json<T> {}
