//! Files that are served out of the program: each knows its own tag, so that a browser which has it
//! isn't sent it again.

use std::hash::BuildHasher;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETag, EntityTag, IfNoneMatch,
    X_CONTENT_TYPE_OPTIONS,
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
    #[cfg(any(feature = "docs", feature = "page"))]
    Forever,
}

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    kind: &'static str,
    bytes: Bytes,
    hash: String,
    gzipped: bool,
}

impl File {
    /// A file of this content type.
    pub(crate) fn new(kind: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let hash = format!("{:016x}", FixedState::default().hash_one(&bytes));
        Self { kind, bytes, hash, gzipped: false }
    }

    /// The same when its bytes are compressed. They are sent as they are, which every browser takes.
    #[cfg(feature = "docs")]
    pub(crate) fn gzipped(self, gzipped: bool) -> Self {
        Self { gzipped, ..self }
    }

    /// Another one for another content.
    #[cfg(any(feature = "docs", feature = "page"))]
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// The file, or that who asks has it already.
    pub(crate) fn answer(&self, request: &HttpRequest, keep: Keep) -> HttpResponse {
        let tag = EntityTag::new_strong(self.hash.clone());
        let is_known = match request.get_header::<IfNoneMatch>() {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
            None => false,
        };
        let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        let keep = match keep {
            Keep::UntilChanged => "no-cache",
            #[cfg(any(feature = "docs", feature = "page"))]
            Keep::Forever => "public, max-age=31536000, immutable",
        };
        answer
            .insert_header(ETag(tag))
            .insert_header((CACHE_CONTROL, keep))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
        if is_known {
            return answer.finish();
        }
        if self.gzipped {
            answer.insert_header((CONTENT_ENCODING, "gzip"));
        }
        answer.insert_header((CONTENT_TYPE, self.kind)).body(self.bytes.clone())
    }
}
