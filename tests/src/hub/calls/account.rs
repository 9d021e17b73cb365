//! Who a token belongs to, and who is a member of an organization.

use serde_json::json;

use crate::hub::account::TestAccount;
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

pub(in crate::hub) fn members(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let name = call.part(0).to_owned();
    let accounts = &call.state.accounts;
    if !accounts.iter().any(|account| account.name == name && account.orgs.is_none()) {
        return Err(CallRejection::new(404, "This organization does not exist"));
    }
    let is_member = |account: &&TestAccount| account.orgs.iter().flatten().any(|org| *org == name);
    let members = accounts.iter().filter(is_member).map(|account| {
        let avatar = format!("/avatars/{}.svg", account.id);
        json!({ "user": account.name, "fullname": account.name, "avatarUrl": avatar, "type": "user" })
    });
    let members = members.collect();
    super::pages::page(call, members)
}
