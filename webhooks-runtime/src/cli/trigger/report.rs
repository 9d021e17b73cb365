//! Prints the request of a delivery, its response, and a hint when the response is an error.

use std::io::{self, IsTerminal, Write};

use serde::Deserialize;
use ureq::http::StatusCode;

use super::print;
use super::send::TriggerResponse;
use crate::cli::text::{body, grouped};
use crate::network::HttpProxy;
use crate::text::in_one_line;

/// Prints the line before the request is sent. The URL is validated, and the name of a file comes from the
/// command line, so neither needs to be escaped.
pub(super) fn print_request(url: &str, body_name: &str, bytes: usize, proxy: Option<&HttpProxy>) {
    let via = proxy.map_or_else(String::new, |proxy| format!(", through the proxy {proxy}"));
    let _ = writeln!(io::stderr(), "POST {url}  {body_name}, {} bytes{via}", grouped(bytes));
}

/// Prints the body of the response to standard output, then the status and a hint to standard error. Only an endpoint
/// that `is_filtered` skips deliveries.
pub(super) fn print_response(
    response: &TriggerResponse,
    is_filtered: bool,
    variable: Option<&str>,
) -> io::Result<()> {
    print(&body(&response.body, io::stdout().is_terminal()))?;
    let (status, millis) = (response.status, response.duration.as_secs_f64() * 1000.0);
    let mut summary = format!("{status} in {millis:.1} ms\n");
    if let Some(reason) = skipped(response).filter(|_| is_filtered) {
        let reason = in_one_line(&reason);
        summary += &format!("skipped: the function was not called ({reason})\n");
    } else if let Some(hint) = hint(response, variable) {
        summary += &format!("hint: {hint}\n");
    }
    let _ = io::stderr().write_all(summary.as_bytes());
    Ok(())
}

/// Returns why the delivery was skipped; `None` if it was not.
fn skipped(response: &TriggerResponse) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Skipped {
        skipped: String,
    }

    let is_ok = response.status == StatusCode::OK;
    let body = is_ok.then(|| serde_json::from_slice::<Skipped>(&response.body).ok())??;
    Some(body.skipped)
}

/// Returns what to do about an error. `variable` names the variable of the secret; `None` if the code sets the
/// secret.
fn hint(response: &TriggerResponse, variable: Option<&str>) -> Option<String> {
    let text = match response.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match variable {
            Some(variable) => {
                format!("set {variable} to the same value here and for the server.")
            }
            None => "the secret in this program's code differs from the server's.".to_owned(),
        },
        StatusCode::NOT_FOUND => {
            "there is no endpoint at this URL. An older version of this program, \
             or another program, may be running there."
                .to_owned()
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            "this URL does not accept POST, so it is not a webhook endpoint.".to_owned()
        }
        status if status.is_redirection() => {
            let location = response.location.as_deref();
            let to = location.map_or_else(String::new, |location| format!(" to {location}"));
            format!(
                "the redirect{to} was not followed, because it would send the secret along. Pass the \
                 final URL with --url."
            )
        }
        _ => return None,
    };
    Some(text)
}
