//! Finds the `web::Data<T>` that functions take and the server does not have, before a delivery does.
//!
//! `.data(…)` is not the only way to add data: `.configure(…)` can add any. So when `.data(…)` does not
//! explain a need, an app is built as each worker builds one, and a request to it shows what it has.

use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;
use std::thread;

use actix_web::dev::Service;
use actix_web::rt::System;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpRequest, HttpResponse, web};

use super::SetupError;
use crate::endpoint::needs::{Need, Needs};
use crate::endpoint::registry::Route;
use crate::http::app::Configure;

/// A path of the app that only this file asks for.
const PROBE: &str = "/.webhooks-data";

/// One error for each endpoint whose function takes data that the server does not have.
pub(super) fn missing_data(
    endpoints: &[Route],
    data: &[TypeId],
    configure: &[Configure],
) -> Vec<SetupError> {
    let unmet = |needs: &Needs| -> Needs {
        needs.iter().filter(|need| !data.contains(&need.type_id)).copied().collect()
    };
    let unmet: Vec<_> = endpoints.iter().map(|endpoint| unmet(&endpoint.needs)).collect();
    if unmet.iter().all(Vec::is_empty) {
        return Vec::new();
    }
    let asked: Needs = unmet.iter().flatten().copied().collect();
    // An app that cannot be built here may still work in a worker: then a delivery shows it.
    let Some(met) = probe(configure.to_vec(), asked) else {
        return Vec::new();
    };
    let errors = endpoints.iter().zip(&unmet).filter_map(|(endpoint, unmet)| {
        let types = unmet.iter().filter(|need| !met.contains(&need.type_id));
        let types: Vec<_> = types.map(|need| need.type_name).collect();
        (!types.is_empty()).then(|| SetupError::MissingData {
            path: endpoint.path.clone(),
            location: endpoint.location,
            types,
        })
    });
    errors.collect()
}

/// Which of these an app has that is configured like this. `None` when it could not be built.
fn probe(configure: Vec<Configure>, needs: Needs) -> Option<Vec<TypeId>> {
    // In a thread like a worker's, as what is configured may rely on it.
    let worker = thread::Builder::new().spawn(move || {
        System::new().block_on(async move {
            let met = Rc::new(RefCell::new(None));
            let found = Rc::clone(&met);
            let look = move |request: HttpRequest| {
                let is_met = |need: &&Need| (need.is_met)(&request);
                let met = needs.iter().filter(is_met).map(|need| need.type_id).collect();
                *found.borrow_mut() = Some(met);
                async { HttpResponse::Ok().finish() }
            };
            let app = App::new().route(PROBE, web::get().to(look)).configure(|app| {
                configure.iter().for_each(|configure| configure(app));
            });
            let service = init_service(app).await;
            let request = TestRequest::with_uri(PROBE).to_request();
            service.call(request).await.ok()?;
            met.take()
        })
    });
    worker.ok()?.join().ok()?
}
