//! Jobs.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::hub::job::TestJob;
use crate::hub::server::{ApiCall, CallOutcome, CallRejection, CallResponse};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewJob {
    command: Vec<String>,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    flavor: String,
    timeout_seconds: Option<u64>,
    docker_image: Option<String>,
    space_id: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

pub(in crate::hub) fn run(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: NewJob = call.json()?;
    let namespace = call.part(0).to_owned();
    call.may_change(&namespace)?;
    let image = match (body.docker_image, body.space_id) {
        (Some(image), None) => ("dockerImage", image),
        (None, Some(space)) => ("spaceId", space),
        _ => return Err(CallRejection::fault(400, "either `dockerImage` or `spaceId`")),
    };
    let job = TestJob {
        id: call.state.new_id(),
        owner: call.state.account(&namespace),
        command: body.command.into_iter().chain(body.arguments).collect(),
        environment: body.environment,
        secrets: body.secrets,
        flavor: body.flavor,
        image,
        timeout_seconds: body.timeout_seconds,
        labels: body.labels,
        created_at: call.state.now(),
    };
    let response = CallResponse::json(&job.json());
    call.state.jobs.push(job);
    Ok(response.into())
}
