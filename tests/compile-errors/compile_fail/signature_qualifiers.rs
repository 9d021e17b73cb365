use webhooks_runtime::webhook_endpoint;

#[webhook_endpoint]
const fn constant() {}

#[webhook_endpoint]
async unsafe fn not_safe() {}

#[webhook_endpoint]
extern "C" fn foreign() {}

#[webhook_endpoint]
unsafe extern "C" fn variadic(_: ...) {}

fn main() {}
