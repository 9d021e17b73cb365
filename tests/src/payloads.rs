//! Deliveries in the shape that the Hub documents, with values of our own.

use serde_json::{Value, json};

/// A commit to a dataset.
#[must_use]
pub fn dataset_commit() -> Value {
    json!({
        "event": { "action": "update", "scope": "repo.content" },
        "repo": {
            "type": "dataset",
            "name": "openai/gsm8k",
            "id": "65d000000000000000000001",
            "private": false,
            "url": {
                "web": "https://huggingface.co/datasets/openai/gsm8k",
                "api": "https://huggingface.co/api/datasets/openai/gsm8k"
            },
            "owner": { "id": "65d000000000000000000002" },
            "headSha": "2222222222222222222222222222222222222222",
            "tags": ["task_categories:text-generation"]
        },
        "webhook": { "id": "65d000000000000000000003", "version": 3 },
        "updatedRefs": [
            { "ref": "refs/heads/main", "oldSha": "1111111111111111111111111111111111111111",
              "newSha": "2222222222222222222222222222222222222222" },
            { "ref": "refs/tags/v1", "oldSha": null, "newSha": "2222222222222222222222222222222222222222" },
            { "ref": "refs/pr/4", "oldSha": "1111111111111111111111111111111111111111", "newSha": null }
        ]
    })
}

/// A comment in a pull request.
#[must_use]
pub fn pull_request_comment() -> Value {
    json!({
        "event": { "action": "create", "scope": "discussion.comment" },
        "repo": {
            "type": "model",
            "name": "gpt2",
            "id": "65d000000000000000000004",
            "private": true,
            "url": { "web": "https://huggingface.co/gpt2", "api": "https://huggingface.co/api/models/gpt2" },
            "owner": { "id": "65d000000000000000000005" }
        },
        "discussion": {
            "id": "65d000000000000000000006",
            "title": "Name the seed",
            "url": {
                "web": "https://huggingface.co/gpt2/discussions/19",
                "api": "https://huggingface.co/api/models/gpt2/discussions/19"
            },
            "status": "open",
            "author": { "id": "65d000000000000000000007" },
            "num": 19,
            "isPullRequest": true,
            "changes": { "base": "refs/heads/main" }
        },
        "comment": {
            "id": "65d000000000000000000008",
            "author": { "id": "65d000000000000000000007" },
            "content": "Could you name the seed that was used?",
            "hidden": false,
            "url": { "web": "https://huggingface.co/gpt2/discussions/19#65d000000000000000000008" }
        },
        "webhook": { "id": "65d000000000000000000003", "version": 3 }
    })
}

/// A change of files in a bucket.
#[must_use]
pub fn bucket_files() -> Value {
    json!({
        "event": { "action": "update", "scope": "repo.content" },
        "repo": {
            "type": "bucket",
            "name": "me/checkpoints",
            "id": "65d000000000000000000009",
            "private": true,
            "url": { "web": "https://huggingface.co/buckets/me/checkpoints" },
            "owner": { "id": "65d000000000000000000002" }
        },
        "webhook": { "id": "65d000000000000000000003", "version": 3 },
        "updatedFiles": [
            { "path": "step-100/model.safetensors", "action": "add", "xetHash": "a1b2c3", "size": 5_368_709_120_u64 },
            { "path": "step-1/model.safetensors", "action": "delete" }
        ],
        "updatedFilesTruncated": true
    })
}

/// A payload that is `base` with the value at a JSON pointer replaced.
#[must_use]
pub fn with(mut base: Value, pointer: &str, value: Value) -> Value {
    if let Some(place) = base.pointer_mut(pointer) {
        *place = value;
    }
    base
}
