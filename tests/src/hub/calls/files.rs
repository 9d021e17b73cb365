//! Files: their list, and their contents, small ones from the Hub itself, large ones from another origin.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::hub::repo::RepoKey;
use crate::hub::repo::commit::{RepoCommit, blob_id, is_lfs, sha256, xet_hash};
use crate::hub::server::{ApiCall, CallOutcome, CallRejection, CallResponse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CopyLargeFiles {
    target: Target,
    files: Vec<LargeFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LargeFile {
    xet_hash: String,
    sha256: String,
    filename: String,
}

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

/// Lists the folders and files at a revision.
pub(in crate::hub) fn list(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    call.query("expand", &["false"])?;
    if call.query("recursive", &["true"])?.is_none() {
        return Err(CallRejection::fault(501, "the tests' Hub lists all folders only"));
    }
    let revision = call.part(2).to_owned();
    let commit = call.repo()?.resolve(&revision);
    let tree = tree(commit.ok_or_else(|| super::repos::no_revision(&revision))?);
    super::pages::page(call, tree)
}

/// Copies the contents of large files to another repo, where they are in no commit yet.
pub(in crate::hub) fn copy_large(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let CopyLargeFiles { target, files } = call.json()?;
    let target = format!("{}:{}", target.kind, target.name).parse::<RepoKey>();
    let target =
        target.map_err(|()| CallRejection::fault(400, "`target` is not the name of a repo"))?;
    call.may_change(target.owner())?;
    let source = call.repo()?;
    let (mut copied, mut failed) = (Vec::new(), Vec::new());
    for LargeFile { xet_hash: hash, sha256, filename } in files {
        let contents = source.large_file(&sha256);
        match contents.filter(|it| xet_hash(&filename, it).is_some_and(|it| it == hash)) {
            Some(contents) => copied.push((sha256, Arc::clone(contents))),
            None => failed.push(json!({ "sha256": sha256, "error": "File not found" })),
        }
    }
    call.repo_named(&target)?.copied.extend(copied);
    Ok(CallResponse::json(&json!({ "failed": failed })).into())
}

fn tree(commit: &RepoCommit) -> Vec<Value> {
    let folders_of = |path: &str| -> Vec<String> {
        path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect()
    };
    let folders: BTreeSet<_> = commit.files.keys().flat_map(|path| folders_of(path)).collect();
    let folders = folders.iter().map(|path| {
        let oid = &sha256(path.as_bytes())[..40];
        json!({ "type": "directory", "path": path, "oid": oid, "size": 0 })
    });
    let files = commit.files.iter().map(|(path, contents)| {
        let (oid, size) = (blob_id(contents), contents.len());
        let mut file = json!({ "type": "file", "path": path, "oid": oid, "size": size });
        if is_lfs(path, size as u64) {
            file["lfs"] = json!({ "oid": sha256(contents), "size": size, "pointerSize": 127 });
            if let Some(hash) = xet_hash(path, contents) {
                file["xetHash"] = json!(hash);
            }
        }
        file
    });
    folders.chain(files).collect()
}
