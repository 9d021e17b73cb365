use std::rc::Rc;

use webhooks_runtime::serde::{Deserialize, Deserializer};
use webhooks_runtime::{web, webhook_endpoint};

struct Order {
    size: u32,
}

#[webhook_endpoint(background)]
async fn not_deserializable(_: web::Json<Order>) {}

struct Local(Rc<u32>);

impl<'de> Deserialize<'de> for Local {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(|size| Self(Rc::new(size)))
    }
}

#[webhook_endpoint(background)]
async fn not_send(_: web::Json<Local>) {}

fn main() {}
