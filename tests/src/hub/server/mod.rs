//! The two origins of the Hub: its API, and the host that serves large files.

mod files;
mod request;
mod response;
mod routes;

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use actix_web::body::SizedStream;
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::http::header::HttpDate;
use actix_web::web::{Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use futures_util::stream;
use serde_json::json;

pub(super) use request::ApiCall;
pub(super) use response::{CallOutcome, CallRejection, CallResponse};
use routes::BodyForm;

use super::delivery;
use super::log::ReceivedRequest;
use super::state::{HubState, SharedHub};
use super::trouble::Trouble;

/// The most that a body may have.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// The servers while they run.
#[derive(Debug)]
pub(super) struct Running {
    handles: [ServerHandle; 2],
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for handle in &self.handles {
            // It stops although nobody waits for that.
            drop(handle.stop(false));
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves the API and the large files at these ports.
pub(super) fn start(
    shared: &Arc<SharedHub>,
    api: TcpListener,
    files: TcpListener,
) -> io::Result<Running> {
    let shared = Arc::clone(shared);
    let (sender, handles) = mpsc::channel();
    let thread = thread::Builder::new().name("hub".to_owned()).spawn(move || {
        rt::System::new().block_on(async {
            let data = Data::new(Arc::clone(&shared));
            let api_server = HttpServer::new(move || {
                let limit = PayloadConfig::new(BODY_LIMIT);
                App::new().app_data(data.clone()).app_data(limit).default_service(web::to(serve))
            });
            let api = api_server.workers(1).disable_signals().listen(api)?.run();
            let data = Data::new(shared);
            let files_app =
                move || App::new().app_data(data.clone()).default_service(web::to(files::serve));
            let files =
                HttpServer::new(files_app).workers(1).disable_signals().listen(files)?.run();
            let _ = sender.send([api.handle(), files.handle()]);
            futures_util::future::try_join(api, files).await?;
            Ok(())
        })
    })?;
    let handles = handles.recv().map_err(io::Error::other)?;
    Ok(Running { handles, thread: Some(thread) })
}

async fn serve(request: HttpRequest, body: Bytes, shared: Data<Arc<SharedHub>>) -> HttpResponse {
    let received = receive(&request, &body);
    // Calls block: a replay waits for the delivery's response, before which the bot may call the Hub.
    match web::block(move || respond(&shared, received)).await {
        Ok(Some(reply)) => http_response(reply),
        _ => close(),
    }
}

/// Returns a request with its query, or what is wrong with the query.
fn receive(request: &HttpRequest, body: &Bytes) -> (ReceivedRequest, Result<(), CallRejection>) {
    let (query, checked) = match request::parse_query(request.query_string()) {
        Ok(query) => (query, Ok(())),
        Err(rejection) => (BTreeMap::new(), Err(rejection)),
    };
    let headers = request.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let received = ReceivedRequest {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query,
        headers: headers.collect(),
        body: body.to_vec(),
        status: 0,
    };
    (received, checked)
}

/// Returns the response; `None` when there is to be none.
fn respond(
    shared: &Arc<SharedHub>,
    (request, checked): (ReceivedRequest, Result<(), CallRejection>),
) -> Option<CallResponse> {
    let (trouble, at, id, clock_ahead) = shared.with(|state| {
        state.log.requests.push(request.clone());
        let trouble = state.troubles.next(&request.first_line());
        (trouble, state.log.requests.len() - 1, state.new_id(), state.clock_ahead)
    });
    let process = || checked.and_then(|()| process(shared, &request));
    let result = match trouble {
        None => process(),
        Some(Trouble::Status(status)) => {
            Err(CallRejection::new(status, "The Hub is not available"))
        }
        Some(Trouble::RateLimit { seconds }) => Err(CallRejection::rate_limited(seconds)),
        Some(Trouble::Late { milliseconds }) => {
            let result = process();
            shared.pause(Duration::from_millis(milliseconds));
            result
        }
        Some(Trouble::Lost) => return None,
        Some(Trouble::LostResponse) => {
            let _ = process();
            return None;
        }
    };
    let mut reply = result.unwrap_or_else(|rejection| {
        if rejection.is_fault {
            let fault = format!("{}: {}", request.first_line(), rejection.message);
            shared.with(|state| state.log.faults.push(fault));
        }
        rejection.reply()
    });
    reply.headers.push(("X-Request-Id", format!("Root=1-{id}")));
    reply.headers.push(("Date", HttpDate::from(SystemTime::now() + clock_ahead).to_string()));
    if !reply.headers.iter().any(|(name, _)| *name == "RateLimit") {
        reply.headers.push(("RateLimit", "\"api\";r=499;t=300".to_owned()));
    }
    shared.with(|state| {
        if let Some(logged) = state.log.requests.get_mut(at) {
            logged.status = reply.status;
        }
    });
    Some(reply)
}

fn process(
    shared: &Arc<SharedHub>,
    request: &ReceivedRequest,
) -> Result<CallResponse, CallRejection> {
    match shared.with(|state| dispatch(state, request))? {
        CallOutcome::Reply(reply) => Ok(reply),
        CallOutcome::Replay { webhook, log_id } => {
            let status = delivery::replay(shared, &webhook, &log_id).flatten();
            Ok(CallResponse::json(&json!({ "status": status.unwrap_or_default() })))
        }
    }
}

fn dispatch(state: &mut HubState, request: &ReceivedRequest) -> Result<CallOutcome, CallRejection> {
    let (route, parts) = routes::find(request)?;
    if let Some(key) = request.query.keys().find(|key| !route.query.contains(&key.as_str())) {
        return Err(CallRejection::fault(400, &format!("the query's {key} is unknown")));
    }
    check_body(request, route.body)?;
    let token = request::authenticate(state, request)?;
    let may = token.as_ref().is_some_and(|(_, scopes)| scopes.contains(&route.scope));
    let is_public = route.scope == super::account::Scope::Read && token.is_none();
    let account = token.map(|(account, _)| account);
    if !may && !is_public {
        return Err(match account {
            None => CallRejection::unauthorized(),
            Some(_) => CallRejection::new(403, "The token does not have the needed scope"),
        });
    }
    (route.serve)(&mut ApiCall { state, request, parts, account })
}

fn check_body(request: &ReceivedRequest, form: BodyForm) -> Result<(), CallRejection> {
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let has_length = ["content-length", "transfer-encoding"].iter().any(|it| header(it).is_some());
    if request.method == "POST" && !has_length {
        return Err(CallRejection::fault(411, "a POST without Content-Length"));
    }
    let media_type = match form {
        BodyForm::None | BodyForm::OptionalJson if request.body.is_empty() => return Ok(()),
        BodyForm::None => return Err(CallRejection::fault(400, "this call has no body")),
        BodyForm::Json | BodyForm::OptionalJson => "application/json",
        BodyForm::NdJson => "application/x-ndjson",
    };
    let content_type = header("content-type").unwrap_or_default();
    if content_type.split(';').next() == Some(media_type) {
        return Ok(());
    }
    Err(CallRejection::fault(400, &format!("Content-Type is {content_type:?}, not {media_type:?}")))
}

fn http_response(reply: CallResponse) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::IM_A_TEAPOT);
    let mut response = HttpResponse::build(status);
    for header in reply.headers {
        response.append_header(header);
    }
    response.body(reply.body)
}

/// Returns a response whose body fails, so that the connection is closed instead.
fn close() -> HttpResponse {
    let failing = stream::iter([Err::<Bytes, _>(io::Error::other("lost"))]);
    HttpResponse::Ok().body(SizedStream::new(1, failing))
}
