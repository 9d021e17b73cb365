//! The host that serves large files: a content delivery network, which no token may reach.

use std::sync::Arc;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::response::{CallRejection, CallResponse};
use crate::hub::log::ReceivedRequest;
use crate::hub::repo::commit::sha256;
use crate::hub::state::{HubState, SharedHub};

pub(super) async fn serve(
    request: HttpRequest,
    body: Bytes,
    shared: Data<Arc<SharedHub>>,
) -> HttpResponse {
    let (mut received, _) = super::receive(&request, &body);
    let reply = shared.with(|state| {
        let reply = get(state, &received).unwrap_or_else(|rejection| {
            if rejection.is_fault {
                let message =
                    format!("large files: {}: {}", received.first_line(), rejection.message);
                state.log.faults.push(message);
            }
            rejection.reply()
        });
        received.status = reply.status;
        state.log.file_requests.push(received);
        reply
    });
    super::http_response(reply)
}

fn get(state: &HubState, request: &ReceivedRequest) -> Result<CallResponse, CallRejection> {
    if let Some(name) =
        ["authorization", "cookie"].iter().find(|it| request.headers.contains_key(**it))
    {
        return Err(CallRejection::fault(
            400,
            &format!("the header {name} went to another origin"),
        ));
    }
    if !["GET", "HEAD"].contains(&request.method.as_str()) || !request.body.is_empty() {
        return Err(CallRejection::fault(405, "only GET and HEAD without a body"));
    }
    let (repo, digest) = request.path.trim_start_matches('/').split_once('/').unwrap_or_default();
    if request.query.get("signature").is_none_or(|it| !digest.starts_with(it) || it.is_empty()) {
        return Err(CallRejection::fault(403, "the URL's signature is lost"));
    }
    let repo = state.repos.values().find(|it| it.id == repo);
    let commits = repo.into_iter().flat_map(|repo| repo.commits.values());
    let mut files = commits.flat_map(|commit| commit.files.values());
    let contents = files.find(|contents| sha256(contents) == digest);
    let contents = contents.ok_or_else(|| CallRejection::new(404, "no such file"))?;
    let headers = vec![("Content-Type", "application/octet-stream".to_owned())];
    Ok(CallResponse { status: 200, headers, body: contents.to_vec() })
}
