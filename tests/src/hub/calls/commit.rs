//! Commits through the API.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use crate::hub::repo::commit::{Change, CommitMessage, is_lfs};
use crate::hub::repo::{Repo, RepoKey};
use crate::hub::server::{ApiCall, CallOutcome, CallRejection, CallResponse};
use crate::hub::state::HubState;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Preupload {
    files: Vec<PreuploadEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PreuploadEntry {
    path: String,
    sample: String,
    size: u64,
}

#[derive(Deserialize)]
#[serde(tag = "key", content = "value", rename_all = "camelCase", deny_unknown_fields)]
enum Line {
    Header(Header),
    File(FileLine),
    LfsFile(LfsFileLine),
    DeletedFile(PathLine),
    DeletedFolder(PathLine),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Header {
    summary: String,
    description: String,
    parent_commit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLine {
    path: String,
    content: String,
    encoding: Encoding,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Base64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LfsFileLine {
    path: String,
    algo: LfsAlgorithm,
    oid: String,
    /// Python's client leaves it out for a copy.
    #[serde(rename = "size")]
    _size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LfsAlgorithm {
    Sha256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathLine {
    path: String,
}

pub(in crate::hub) fn preupload(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    call.query("create_pr", &["1"])?;
    let body: Preupload = call.json()?;
    let revision = call.part(2).to_owned();
    let repo = call.repo()?;
    repo.resolve(&revision).ok_or_else(|| super::repos::no_revision(&revision))?;
    let mut files = Vec::new();
    for file in body.files {
        let sample = STANDARD.decode(&file.sample).unwrap_or_default();
        if sample.len() as u64 != file.size.min(512) {
            let message = "`sample` is not the base64 of the first 512 bytes";
            return Err(CallRejection::fault(400, message));
        }
        let mode = if is_lfs(&file.path, file.size) { "lfs" } else { "regular" };
        let ignored = file.path.ends_with(".ignored");
        files.push(
            json!({ "path": file.path, "uploadMode": mode, "shouldIgnore": ignored, "oid": null }),
        );
    }
    Ok(CallResponse::json(&json!({ "files": files })).into())
}

pub(in crate::hub) fn commit(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let as_pull_request = call.query("create_pr", &["1"])?.is_some();
    let (header, changes) = changes(call.json_lines()?, call.repo()?)?;
    let author = call.account()?.name.clone();
    let revision = call.part(2).to_owned();
    // Anyone may open a pull request.
    let repo = if as_pull_request { call.repo()? } else { call.own_repo()? };
    let key = repo.key.clone();
    let ref_name =
        repo.writable_ref(&revision).ok_or_else(|| super::repos::no_revision(&revision))?;
    check_parent(repo, &ref_name, header.parent_commit.as_deref())?;
    let state = &mut *call.state;
    let (oid, num) = if as_pull_request {
        let (oid, num) = open_pull_request(state, &key, &author, &ref_name, &header, changes)?;
        (oid, Some(num))
    } else {
        (
            state.push(&key, &ref_name, changes, &header.summary).map_err(|path| no_file(&path))?,
            None,
        )
    };
    let web = state.web_url(&key);
    let mut response = json!({
        "success": true,
        "commitOid": oid,
        "commitUrl": format!("{web}/commit/{oid}"),
        "hookOutput": "",
    });
    if let Some(num) = num {
        response["pullRequestUrl"] = json!(format!("{web}/discussions/{num}"));
    }
    Ok(CallResponse::json(&response).into())
}

fn changes(lines: Vec<Line>, repo: &Repo) -> Result<(Header, Vec<Change>), CallRejection> {
    let mut lines = lines.into_iter();
    let Some(Line::Header(header)) = lines.next() else {
        return Err(CallRejection::fault(400, "the first line is no header"));
    };
    if header.summary.is_empty() {
        return Err(CallRejection::fault(400, "the header's summary is empty"));
    }
    let change = |line| match line {
        Line::Header(_) => Err(CallRejection::fault(400, "there are two headers")),
        Line::File(FileLine { path, content, encoding: Encoding::Base64 }) => {
            let content = STANDARD.decode(content);
            let content =
                content.map_err(|_| CallRejection::fault(400, "`content` is not base64"))?;
            if is_lfs(&path, content.len() as u64) {
                return Err(CallRejection::fault(400, &format!("{path} is to be sent as LFS")));
            }
            Ok(Change::Add(path, content))
        }
        Line::LfsFile(LfsFileLine { path, algo: LfsAlgorithm::Sha256, oid, .. }) => {
            match repo.large_file(&oid) {
                Some(content) => Ok(Change::Add(path, content.to_vec())),
                None => {
                    let message = format!("{path}: copy its content to the repo first");
                    Err(CallRejection::fault(400, &message))
                }
            }
        }
        Line::DeletedFile(file) => Ok(Change::Delete(file.path)),
        Line::DeletedFolder(folder) => Ok(Change::DeleteFolder(folder.path)),
    };
    let changes = lines.map(change).collect::<Result<Vec<_>, _>>()?;
    Ok((header, changes))
}

fn check_parent(repo: &Repo, ref_name: &str, parent: Option<&str>) -> Result<(), CallRejection> {
    let head = repo.refs.get(ref_name).map(String::as_str).unwrap_or_default();
    match parent {
        Some(parent) if !head.starts_with(parent) => Err(CallRejection::new(
            412,
            "A commit has happened since. Please refresh and try again.",
        )),
        _ => Ok(()),
    }
}

fn open_pull_request(
    state: &mut HubState,
    key: &RepoKey,
    author: &str,
    ref_name: &str,
    header: &Header,
    changes: Vec<Change>,
) -> Result<(String, u64), CallRejection> {
    let message = CommitMessage { title: header.summary.clone(), date: state.now() };
    let no_repo = || CallRejection::coded(404, "RepoNotFound", "Repository not found");
    let repo = state.repos.get_mut(key).ok_or_else(no_repo)?;
    let parent = repo.refs.get(ref_name).cloned();
    let oid = repo.commit(parent.as_deref(), changes, message).map_err(|path| no_file(&path))?;
    let texts = (header.summary.as_str(), header.description.as_str());
    let num = state.open_discussion(key, author, texts, Some(("open", oid.clone())));
    Ok((oid, num))
}

fn no_file(path: &str) -> CallRejection {
    let message = format!("A file with this name doesn't exist: {path}");
    CallRejection::coded(404, "EntryNotFound", &message)
}
