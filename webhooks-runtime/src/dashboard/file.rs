//! Files that are served out of the program: each knows its own tag, so that a browser which has it
//! isn't sent it again.

use std::hash::BuildHasher;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETag, EntityTag, IfNoneMatch, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use foldhash::quality::FixedState;

/// How long a browser keeps a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep {
    /// Until the server, asked each time, has another.
    UntilChanged,
    /// For good: the address changes with the content.
    Forever,
}

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    kind: &'static str,
    bytes: Bytes,
    hash: String,
}

impl File {
    /// A file of this content type.
    pub(crate) fn new(kind: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let hash = format!("{:016x}", FixedState::default().hash_one(&bytes));
        Self { kind, bytes, hash }
    }

    /// Another one for another content.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// Responds with the file, or with 304 when the client has it already.
    pub(crate) fn respond(&self, request: &HttpRequest, keep: Keep) -> HttpResponse {
        let tag = EntityTag::new_strong(self.hash.clone());
        let is_known = match request.get_header::<IfNoneMatch>() {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
            None => false,
        };
        let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        let keep = match keep {
            Keep::UntilChanged => "no-cache",
            Keep::Forever => "public, max-age=31536000, immutable",
        };
        response
            .insert_header(ETag(tag))
            .insert_header((CACHE_CONTROL, keep))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
        if is_known {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, self.kind)).body(self.bytes.clone())
    }
}
