//! Files: small ones from the Hub itself, large ones from another origin.

use crate::hub::repo::commit::{is_lfs, sha256};
use crate::hub::server::{ApiCall, CallOutcome, CallRejection, CallResponse};

pub(in crate::hub) fn get(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let (revision, path) = (call.part(2).to_owned(), call.part(3).to_owned());
    let files_url = call.state.files_url.clone();
    let repo = call.repo()?;
    let commit = repo.resolve(&revision).ok_or_else(|| super::repos::no_revision(&revision))?;
    let Some(contents) = commit.files.get(&path) else {
        return Err(CallRejection::coded(404, "EntryNotFound", "Entry not found"));
    };
    let etag = sha256(contents);
    let mut reply = if is_lfs(&path, contents.len() as u64) {
        let mut reply = CallResponse::text("Found. Redirecting");
        reply.status = 302;
        // Signed, as the URLs of a content delivery network are: without its query it is worth nothing.
        let location = format!("{files_url}/{}/{etag}?signature={}", repo.id, &etag[..8]);
        reply.headers.push(("Location", location));
        reply.headers.push(("X-Linked-Etag", format!("\"{etag}\"")));
        reply.headers.push(("X-Linked-Size", contents.len().to_string()));
        reply
    } else {
        let headers = vec![("Content-Type", "application/octet-stream".to_owned())];
        CallResponse { status: 200, headers, body: contents.to_vec() }
    };
    reply.headers.push(("ETag", format!("\"{}\"", &etag[..40])));
    reply.headers.push(("X-Repo-Commit", commit.oid.clone()));
    Ok(reply.into())
}

/// The path of a model's file has no type.
pub(in crate::hub) fn get_of_model(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    call.parts.insert(0, "model".to_owned());
    get(call)
}
