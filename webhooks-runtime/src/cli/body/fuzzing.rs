//! Sets fields as `--set` does, for the fuzz target `set`.

use serde_json::Value;

use super::{Assignment, SetError, in_json, in_sample};
use crate::payload::WebhookPayload;

/// Sets fields of a sample, each as `PATH=VALUE`. Returns the text of the error, if there is one.
pub fn set_in_sample(
    payload: WebhookPayload,
    assignments: &[String],
) -> Result<WebhookPayload, String> {
    parse(assignments).and_then(|all| in_sample(payload, &all)).map_err(|error| error.to_string())
}

/// Sets fields of any JSON.
pub fn set_in_json(json: Value, assignments: &[String]) -> Result<Value, String> {
    parse(assignments).and_then(|all| in_json(json, &all)).map_err(|error| error.to_string())
}

fn parse(assignments: &[String]) -> Result<Vec<Assignment>, SetError> {
    assignments.iter().map(|text| text.parse()).collect()
}
