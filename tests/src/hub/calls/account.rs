//! Who a token belongs to.

use crate::hub::server::{ApiCall, CallOutcome, CallRejection, CallResponse};

pub(in crate::hub) fn whoami(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let account = call.account()?;
    let header = call.request.headers.get("authorization").map(String::as_str).unwrap_or_default();
    let token = call.state.tokens.iter().find(|token| header.ends_with(&token.text));
    let is_member = |org: &&String| account.orgs.iter().flatten().any(|name| name == *org);
    let accounts = &call.state.accounts;
    let orgs: Vec<_> = accounts.iter().filter(|it| is_member(&&it.name)).collect();
    let whoami = account.whoami(&orgs, token.ok_or_else(CallRejection::unauthorized)?);
    Ok(CallResponse::json(&whoami).into())
}
