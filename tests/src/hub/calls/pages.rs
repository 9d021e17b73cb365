//! Lists in pages, each with a link to the next one.

use serde_json::Value;
use url::form_urlencoded;

use super::discussions::PAGE;
use crate::hub::server::{ApiCall, CallOutcome, CallRejection, CallResponse};

/// Returns the page of a list that the query's `cursor` names, or the first one.
pub(super) fn page(
    call: &ApiCall<'_>,
    mut items: Vec<Value>,
) -> Result<CallOutcome, CallRejection> {
    let cursor = call.query("cursor", &[])?.unwrap_or("0");
    let start: usize = match cursor.parse() {
        Ok(start) if start <= items.len() => start,
        _ => return Err(CallRejection::fault(400, "the query's cursor is of no page")),
    };
    let rest = items.split_off(start);
    let is_last = rest.len() <= PAGE;
    let mut reply = CallResponse::json(&rest.into_iter().take(PAGE).collect());
    if !is_last {
        let mut query = call.request.query.clone();
        query.insert("cursor".to_owned(), (start + PAGE).to_string());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let url = format!("{}{}?{query}", call.state.url, call.request.path);
        reply.headers.push(("Link", format!("<{url}>; rel=\"next\"")));
    }
    Ok(reply.into())
}
