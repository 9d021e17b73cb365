//! Extracts a function's arguments from a request.
//!
//! - `arg` is the rule for what may be an argument, and how each kind is extracted
//! - `json` is the same for a JSON body
//! - `body` reads the body, and describes what is wrong with it
//! - `kind` finds the rule for an argument of the attribute; read it to understand the generated code
//! - `body_kind` is what the arguments read of the body, for the OpenAPI document and the page; `arg_body_kind`
//!   finds it for an argument of the attribute
//! - `schema_doc` is the JSON schema of a type, for the same
//! - `data` is the `web::Data<T>` that the arguments need, checked at start-up
//! - `hub` is whether an argument is a `Hub`

mod arg;
pub(crate) mod arg_body_kind;
pub(crate) mod body;
pub(crate) mod body_kind;
pub(crate) mod data;
pub(crate) mod hub;
mod json;
pub(crate) mod kind;
pub(crate) mod schema_doc;

pub use arg::EndpointArg;
pub use json::JsonArg;
