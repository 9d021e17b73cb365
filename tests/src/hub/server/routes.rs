//! Every call that the Hub serves: its method, path, query, body and scope.

use std::str;

use super::request::ApiCall;
use super::response::{CallOutcome, CallRejection};
use crate::hub::account::Scope;
use crate::hub::calls::{account, commit, discussions, files, jobs, repos, spaces, webhooks};
use crate::hub::log::ReceivedRequest;

/// What kind of body a call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyForm {
    None,
    Json,
    /// Either JSON or no body.
    OptionalJson,
    NdJson,
}

/// A call.
pub(super) struct ApiRoute {
    method: &'static str,
    /// Segments: `{types}` is `models`, `datasets` or `spaces`, `{spaces}` only `spaces`; `{repo}` is a name with or
    /// without an owner, `{rest}` is everything to the end, any other name is one segment.
    path: &'static str,
    pub(super) query: &'static [&'static str],
    pub(super) body: BodyForm,
    pub(super) scope: Scope,
    pub(super) serve: fn(&mut ApiCall<'_>) -> Result<CallOutcome, CallRejection>,
}

macro_rules! routes {
    ($($method:ident $path:literal $query:tt $body:ident $scope:ident => $serve:path;)*) => {
        &[$(ApiRoute {
            method: stringify!($method),
            path: $path,
            query: &$query,
            body: BodyForm::$body,
            scope: Scope::$scope,
            serve: $serve,
        }),*]
    };
}

/// More special paths come first.
pub(super) const ROUTES: &[ApiRoute] = routes! {
    GET "/api/whoami-v2" [] None Read => account::whoami;
    GET "/api/organizations/{name}/members" ["cursor"] None Read => account::members;

    GET "/api/settings/webhooks" [] None Webhooks => webhooks::list;
    POST "/api/settings/webhooks" [] Json Webhooks => webhooks::create;
    GET "/api/settings/webhooks/{id}" [] None Webhooks => webhooks::get;
    POST "/api/settings/webhooks/{id}" [] Json Webhooks => webhooks::update;
    DELETE "/api/settings/webhooks/{id}" [] None Webhooks => webhooks::delete;
    POST "/api/settings/webhooks/{id}/enable" [] None Webhooks => webhooks::enable;
    POST "/api/settings/webhooks/{id}/disable" [] None Webhooks => webhooks::disable;
    POST "/api/settings/webhooks/{id}/replay/{log}" [] None Webhooks => webhooks::replay;

    POST "/api/repos/create" [] Json Write => repos::create;
    DELETE "/api/repos/delete" [] Json Write => repos::delete;

    GET "/api/{types}/{repo}/discussions" ["p", "type", "status", "author"] None Read => discussions::list;
    POST "/api/{types}/{repo}/discussions" [] Json Write => discussions::create;
    GET "/api/{types}/{repo}/discussions/{num}" ["diff"] None Read => discussions::get;
    POST "/api/{types}/{repo}/discussions/{num}/comment" [] Json Write => discussions::comment;
    POST "/api/{types}/{repo}/discussions/{num}/comment/{id}/edit" [] Json Write => discussions::edit;
    POST "/api/{types}/{repo}/discussions/{num}/comment/{id}/hide" [] None Write => discussions::hide;
    POST "/api/{types}/{repo}/discussions/{num}/status" [] Json Write => discussions::set_status;
    POST "/api/{types}/{repo}/discussions/{num}/title" [] Json Write => discussions::rename;
    POST "/api/{types}/{repo}/discussions/{num}/merge" [] OptionalJson Write => discussions::merge;

    GET "/api/{types}/{repo}/commits/{rev}" [] None Read => repos::commits;
    GET "/api/{types}/{repo}/refs" ["include_prs"] None Read => repos::refs;
    GET "/api/{types}/{repo}/revision/{rev}" [] None Read => repos::info_at;
    GET "/api/{types}/{repo}/tree/{rev}" ["recursive", "expand", "cursor"] None Read => files::list;
    GET "/api/{types}/{repo}/compare/{range}" ["raw"] None Read => repos::compare;
    POST "/api/{types}/{repo}/lfs-files/duplicate" [] Json Write => files::copy_large;
    POST "/api/{types}/{repo}/preupload/{rev}" ["create_pr"] Json Write => commit::preupload;
    POST "/api/{types}/{repo}/commit/{rev}" ["create_pr"] NdJson Write => commit::commit;

    POST "/api/{spaces}/{repo}/duplicate" [] Json Write => spaces::duplicate;
    GET "/api/{spaces}/{repo}/secrets" [] None Write => spaces::secrets;
    POST "/api/{spaces}/{repo}/secrets" [] Json Write => spaces::set_secret;
    DELETE "/api/{spaces}/{repo}/secrets" [] Json Write => spaces::delete_secret;
    GET "/api/{spaces}/{repo}/variables" [] None Read => spaces::variables;
    POST "/api/{spaces}/{repo}/variables" [] Json Write => spaces::set_variable;
    DELETE "/api/{spaces}/{repo}/variables" [] Json Write => spaces::delete_variable;
    GET "/api/{spaces}/{repo}/runtime" [] None Read => spaces::runtime;
    GET "/api/{spaces}/{repo}/logs/{log}" [] None Write => spaces::log;
    POST "/api/{spaces}/{repo}/restart" ["factory"] None Write => spaces::restart;
    POST "/api/{spaces}/{repo}/pause" [] None Write => spaces::pause;
    POST "/api/{spaces}/{repo}/hardware" [] Json Write => spaces::set_hardware;

    POST "/api/jobs/{namespace}" [] Json Write => jobs::run;

    GET "/api/{types}/{repo}" [] None Read => repos::info;
    GET "/api/{types}" ["author", "sort", "limit", "cursor"] None Read => repos::list;

    GET "/{datasets}/{repo}/resolve/{rev}/{rest}" [] None Read => files::get;
    HEAD "/{datasets}/{repo}/resolve/{rev}/{rest}" [] None Read => files::get;
    GET "/{spaces}/{repo}/resolve/{rev}/{rest}" [] None Read => files::get;
    HEAD "/{spaces}/{repo}/resolve/{rev}/{rest}" [] None Read => files::get;
    GET "/{repo}/resolve/{rev}/{rest}" [] None Read => files::get_of_model;
    HEAD "/{repo}/resolve/{rev}/{rest}" [] None Read => files::get_of_model;
};

/// Returns the route of a request, and the named parts of its path. A type is without its `s`.
pub(super) fn find(
    request: &ReceivedRequest,
) -> Result<(&'static ApiRoute, Vec<String>), CallRejection> {
    let segments: Vec<_> = request.path.split('/').skip(1).collect();
    let mut methods = Vec::new();
    for route in ROUTES {
        let patterns: Vec<_> = route.path.split('/').skip(1).collect();
        let Some(parts) = match_segments(&patterns, &segments) else { continue };
        if route.method == request.method {
            return Ok((route, parts));
        }
        methods.push(route.method);
    }
    if methods.is_empty() {
        return Err(CallRejection::fault(501, "the tests' Hub does not have this call"));
    }
    Err(CallRejection::fault(405, &format!("this path has the methods {methods:?}")))
}

fn match_segments(patterns: &[&str], segments: &[&str]) -> Option<Vec<String>> {
    let Some((pattern, patterns)) = patterns.split_first() else {
        return segments.is_empty().then(Vec::new);
    };
    // A repo has an owner, except for a few old models and datasets: `gpt2`.
    let lengths: &[usize] = match *pattern {
        "{repo}" => &[2, 1],
        "{rest}" => &[segments.len()],
        _ => &[1],
    };
    lengths.iter().find_map(|length| {
        let (matched, rest) = segments.split_at_checked(*length)?;
        let mut parts = match_pattern(pattern, matched)?;
        parts.extend(match_segments(patterns, rest)?);
        Some(parts)
    })
}

/// Returns the part that a pattern names, or nothing for a pattern without a name.
fn match_pattern(pattern: &str, segments: &[&str]) -> Option<Vec<String>> {
    let decoded = segments.iter().map(|segment| decode(segment)).collect::<Option<Vec<_>>>()?;
    if decoded.iter().any(String::is_empty) {
        return None;
    }
    let kinds: &[&str] = match pattern {
        "{types}" => &["model", "dataset", "space"],
        "{datasets}" => &["dataset"],
        "{spaces}" => &["space"],
        _ => &[],
    };
    if !kinds.is_empty() {
        let kind = segments[0].strip_suffix('s')?;
        return kinds.contains(&kind).then(|| vec![kind.to_owned()]);
    }
    match pattern {
        _ if pattern.starts_with('{') => Some(vec![decoded.join("/")]),
        _ => (segments[0] == pattern).then(Vec::new),
    }
}

/// Decodes a segment of a path. `+` stays as it is.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}
