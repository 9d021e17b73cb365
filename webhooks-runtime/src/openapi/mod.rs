//! What the endpoints take and answer, in words that programs read: the OpenAPI document.
//!
//! `document` is the whole of it, `answers` what every endpoint answers, `schemas` the shapes that it
//! refers to. `body` tells the same of one endpoint alone, with a body made up by `sample` where the
//! type brings no example.

mod answers;
#[cfg(any(feature = "page", feature = "trigger"))]
mod body;
mod document;
#[cfg(any(feature = "page", feature = "trigger"))]
mod sample;
mod schemas;

#[cfg(any(feature = "page", feature = "trigger"))]
pub(crate) use body::body_of;
pub(crate) use document::document;
