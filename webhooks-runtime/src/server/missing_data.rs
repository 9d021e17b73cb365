//! Finds `web::Data<T>` arguments whose value the server does not have, before a delivery fails.
//!
//! Values can be added with `.data(…)` and with `.configure(…)`, which can add anything. So if `.data(…)` does not
//! cover all arguments, this builds an app as each worker does, and a request to it checks which values it has.

use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;
use std::thread;

use actix_web::dev::Service;
use actix_web::rt::System;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpRequest, HttpResponse, web};

use super::SetupError;
use crate::endpoint::extract::data::RequiredData;
use crate::endpoint::registry::Route;
use crate::http::app::Configure;

/// The path of the request that checks which values the app has.
const PROBE_PATH: &str = "/.webhooks-data";

/// Returns an error for each endpoint whose function takes a value that the server does not have.
pub(super) fn missing_data(
    endpoints: &[Route],
    data: &[TypeId],
    configure: &[Configure],
) -> Vec<SetupError> {
    let unmet = |required: &[RequiredData]| -> Vec<RequiredData> {
        required.iter().filter(|one| !data.contains(&one.type_id)).copied().collect()
    };
    let unmet: Vec<_> = endpoints.iter().map(|endpoint| unmet(&endpoint.required_data)).collect();
    if unmet.iter().all(Vec::is_empty) {
        return Vec::new();
    }
    let candidates: Vec<RequiredData> = unmet.iter().flatten().copied().collect();
    // An app that cannot be built here may still work in a worker. If it does not, a delivery reports it.
    let Some(met) = probe(configure.to_vec(), candidates) else {
        return Vec::new();
    };
    let errors = endpoints.iter().zip(&unmet).filter_map(|(endpoint, unmet)| {
        let types = unmet.iter().filter(|one| !met.contains(&one.type_id));
        let types: Vec<_> = types.map(|one| one.type_name).collect();
        (!types.is_empty()).then(|| SetupError::MissingData {
            path: endpoint.path.clone(),
            location: endpoint.location,
            types,
        })
    });
    errors.collect()
}

/// Returns which of these values an app with this configuration has; `None` if the app cannot be built.
fn probe(configure: Vec<Configure>, required: Vec<RequiredData>) -> Option<Vec<TypeId>> {
    // On a thread like a worker's, because the configuration may rely on its runtime.
    let worker = thread::Builder::new().spawn(move || {
        System::new().block_on(async move {
            let met = Rc::new(RefCell::new(None));
            let found = Rc::clone(&met);
            let handler = move |request: HttpRequest| {
                let is_met = |one: &&RequiredData| (one.is_available)(&request);
                let met = required.iter().filter(is_met).map(|one| one.type_id).collect();
                *found.borrow_mut() = Some(met);
                async { HttpResponse::Ok().finish() }
            };
            let app = App::new().route(PROBE_PATH, web::get().to(handler)).configure(|app| {
                configure.iter().for_each(|configure| configure(app));
            });
            let service = init_service(app).await;
            let request = TestRequest::with_uri(PROBE_PATH).to_request();
            service.call(request).await.ok()?;
            met.take()
        })
    });
    worker.ok()?.join().ok()?
}
