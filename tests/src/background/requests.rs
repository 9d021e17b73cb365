//! Deliveries to background endpoints.

use std::thread;

use crate::client::{ClientResponse, request};

/// Posts a delivery to a function, with a `Webhook-Id` where there is one.
///
/// # Errors
///
/// When there is no answer.
pub fn deliver(
    url: &str,
    function: &str,
    webhook_id: Option<&str>,
    milliseconds: u32,
) -> std::io::Result<ClientResponse> {
    let id = webhook_id.map(|id| format!("Webhook-Id: {id}"));
    let headers: Vec<_> =
        ["Content-Type: application/json"].into_iter().chain(id.as_deref()).collect();
    let body = format!("{{\"milliseconds\":{milliseconds}}}");
    request(url, &format!("POST /webhooks/{function}"), &headers, &body)
}

/// Posts a delivery that has to be accepted, and gives its id.
#[must_use]
pub fn accepted(url: &str, function: &str, webhook_id: Option<&str>, milliseconds: u32) -> String {
    let answer = deliver(url, function, webhook_id, milliseconds).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    id_of(&answer)
}

/// The delivery's id of an answer.
#[must_use]
pub fn id_of(answer: &ClientResponse) -> String {
    answer.json()["delivery"].as_str().unwrap_or_default().to_owned()
}

/// Posts deliveries of this length, many at a time, that have to be accepted.
pub fn accepted_many(url: &str, function: &str, count: usize, milliseconds: u32) -> Vec<String> {
    const AT_ONCE: usize = 8;
    thread::scope(|scope| {
        let posting: Vec<_> = (0..AT_ONCE)
            .map(|at| {
                scope.spawn(move || {
                    let mine = (at..count).step_by(AT_ONCE);
                    mine.map(|_| accepted(url, function, None, milliseconds)).collect::<Vec<_>>()
                })
            })
            .collect();
        posting.into_iter().flat_map(|posting| posting.join().unwrap()).collect()
    })
}
