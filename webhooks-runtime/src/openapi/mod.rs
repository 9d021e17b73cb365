//! What the endpoints take and answer, in words that programs read: the OpenAPI document.
//!
//! `document` is the whole of it, `answers` what every endpoint answers, `schemas` the shapes that it
//! refers to. `body` tells the same of one endpoint alone, with a body made up by `sample` where the
//! type brings no example.

mod answers;
mod body;
mod document;
mod sample;
mod schemas;

pub(crate) use body::body_of;
pub(crate) use document::document;
