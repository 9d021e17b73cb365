//! Describes the requests and responses of the endpoints as an OpenAPI document.
//!
//! - `document` builds the document.
//! - `responses` describes the responses that endpoints share.
//! - `schemas` collects the schemas of types under unique names.
//! - `body` describes the body of a single endpoint, for the page and the `trigger` command.
//! - `sample` generates an example of a schema that has none.

mod body;
mod document;
mod responses;
mod sample;
mod schemas;

pub(crate) use body::body_of;
pub(crate) use document::document;
