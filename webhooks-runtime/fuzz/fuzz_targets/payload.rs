//! Any body is a payload or an error. The JSON of a payload is read as the same payload, by the strict parser and by the
//! tolerant one.

#![no_main]
#![allow(dead_code, unused_imports, reason = "the rest of the module is for the server")]

#[path = "../../src/payload/mod.rs"]
mod payload;
#[path = "../../src/text.rs"]
mod text;

use libfuzzer_sys::fuzz_target;
use payload::{WebhookPayload, read_tolerantly, replace_unpaired_surrogates};

/// A payload with every field there is. What is fuzzed are changes of it, because random bytes are hardly ever JSON.
const WHOLE: &str = r#"{
  "event": {"action": "update", "scope": "repo.content"},
  "repo": {
    "type": "dataset", "name": "me/data", "id": "65d000000000000000000001", "private": false,
    "url": {"web": "https://huggingface.co/datasets/me/data", "api": "https://huggingface.co/api/datasets/me/data"},
    "owner": {"id": "65d000000000000000000002"},
    "headSha": "2222222222222222222222222222222222222222", "tags": ["a", "b"]
  },
  "discussion": {
    "id": "65d000000000000000000003", "title": "A title \ud83d\ude00", "num": 3, "status": "open", "isPullRequest": true,
    "url": {"web": "https://huggingface.co/datasets/me/data/discussions/3"},
    "author": {"id": "65d000000000000000000004"}, "changes": {"base": "refs/heads/main", "mergeCommitId": "33"}
  },
  "comment": {
    "id": "65d000000000000000000005", "author": {"id": "65d000000000000000000004"}, "hidden": false,
    "content": "Hello", "url": {"web": "https://huggingface.co/datasets/me/data/discussions/3#5"}
  },
  "webhook": {"id": "65d000000000000000000006", "version": 3},
  "movedTo": {"name": "me/moved", "owner": {"id": "65d000000000000000000002"}},
  "updatedRefs": [{"ref": "refs/heads/main", "oldSha": "11", "newSha": null}],
  "updatedConfig": {"private": true, "xetEnabled": false},
  "updatedFiles": [{"path": "a.parquet", "action": "add", "xetHash": "44", "size": 1024}],
  "updatedFilesTruncated": false
}"#;

/// Where a change begins, how many bytes it takes away, and what it puts in their place.
type Change = (u16, u8, Vec<u8>);

fuzz_target!(|changes: Vec<Change>| {
    let mut body = WHOLE.as_bytes().to_vec();
    for (begin, length, bytes) in changes {
        let begin = usize::from(begin) % (body.len() + 1);
        let end = body.len().min(begin + usize::from(length));
        body.splice(begin..end, bytes);
    }
    let body = replace_unpaired_surrogates(&body).unwrap_or(body);
    let strict = serde_json::from_slice(&body).ok();
    let tolerant = read_tolerantly(&body).ok().map(|read| read.payload);
    for payload in [strict, tolerant].into_iter().flatten() {
        let written = serde_json::to_vec::<WebhookPayload>(&payload).unwrap();
        assert_eq!(serde_json::from_slice::<WebhookPayload>(&written).unwrap(), payload);
        assert_eq!(read_tolerantly(&written).unwrap().payload, payload);
    }
});
