//! Serves a file that is compiled into the program, with an `ETag`, so that browsers don't load it again.

use std::hash::BuildHasher;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETag, EntityTag, IfNoneMatch, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use foldhash::quality::FixedState;

/// How long a browser may cache a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caching {
    /// The browser asks the server each time whether the file has changed.
    Revalidate,
    /// Forever: the URL changes with the content.
    Immutable,
}

/// A file with its content type and the hash of its content.
#[derive(Clone, Debug)]
pub(crate) struct StaticFile {
    content_type: &'static str,
    bytes: Bytes,
    hash: String,
}

impl StaticFile {
    /// Returns a file of this content type.
    pub(crate) fn new(content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let hash = format!("{:016x}", FixedState::default().hash_one(&bytes));
        Self { content_type, bytes, hash }
    }

    /// Returns the hash of the content.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// Responds with the file, or with 304 when the client has it already.
    pub(crate) fn respond(&self, request: &HttpRequest, caching: Caching) -> HttpResponse {
        let tag = EntityTag::new_strong(self.hash.clone());
        let is_cached = match request.get_header::<IfNoneMatch>() {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
            None => false,
        };
        let mut response = if is_cached { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        let caching = match caching {
            Caching::Revalidate => "no-cache",
            Caching::Immutable => "public, max-age=31536000, immutable",
        };
        response
            .insert_header(ETag(tag))
            .insert_header((CACHE_CONTROL, caching))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
        if is_cached {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, self.content_type)).body(self.bytes.clone())
    }
}
