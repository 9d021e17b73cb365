//! Tests every rule of the plan.

mod cases;
mod overlap;
mod ownership;
mod servers;
mod settings;
mod states;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;
use crate::config::addresses::PublicUrl;
use crate::hub::{WebhookDomain, WebhookState, WebhookTarget};
use crate::registration::endpoint::WebhookSecret;
use crate::registration::remembered::{PauseMark, RememberedWebhook, UrlKind};

const SPACE: &str = "https://me-bot.hf.space";
const OLD_LINK: &str = "https://old.gradio.live";
const LINK: &str = "https://new.gradio.live";
const PATH: &str = "/webhooks/retrain";

fn item(text: &str) -> WatchedItem {
    text.into()
}

fn items(texts: &[&str]) -> Vec<WatchedItem> {
    texts.iter().map(|text| item(text)).collect()
}

/// An endpoint for commits to a dataset, with the secret `hush`.
fn endpoint() -> WebhookEndpoint {
    WebhookEndpoint {
        path: PATH.to_owned(),
        watched: items(&["dataset:me/data"]),
        domains: vec![WebhookDomain::Repo],
        secret: Some(WebhookSecret::new("hush")),
        secret_is_new: false,
    }
}

/// A webhook with the id `1`, as that endpoint needs it.
fn webhook(public: &str) -> Webhook {
    Webhook {
        id: "1".to_owned(),
        url: Some(format!("{public}{PATH}")),
        watched: items(&["dataset:me/data"]),
        domains: vec!["repo".into()],
        has_secret: true,
        state: WebhookState::Enabled,
        job: None,
    }
}

/// A program and an account.
#[derive(Clone)]
struct World {
    endpoints: Vec<WebhookEndpoint>,
    public_url: &'static str,
    url_kind: UrlKind,
    account: Vec<Webhook>,
    remembered: RememberedWebhooks,
    /// The public URLs of other servers that run.
    running: Vec<&'static str>,
}

impl World {
    /// A program on a Space, and an empty account.
    fn new() -> Self {
        Self {
            endpoints: vec![endpoint()],
            public_url: SPACE,
            url_kind: UrlKind::Fixed,
            account: Vec::new(),
            remembered: RememberedWebhooks::default(),
            running: Vec::new(),
        }
    }

    /// A program with a share link.
    fn with_link() -> Self {
        Self { public_url: LINK, url_kind: UrlKind::Tunnel, ..Self::new() }
    }

    fn webhook(mut self, webhook: Webhook) -> Self {
        self.account.push(webhook);
        self
    }

    fn endpoint(self, endpoint: WebhookEndpoint) -> Self {
        Self { endpoints: vec![endpoint], ..self }
    }

    /// Remembers the webhook `1`, to which `hush` was sent.
    fn remembering(self) -> Self {
        self.remembering_with(Some("hush"))
    }

    fn remembering_with(mut self, secret: Option<&str>) -> Self {
        let webhook = RememberedWebhook::new("1", PATH, self.url_kind, secret);
        self.remembered.insert("1", webhook);
        self
    }

    fn paused(mut self) -> Self {
        self.remembered.set_pause("1", PauseMark::Confirmed);
        self
    }

    fn plan(&self, mode: RegistrationMode) -> RegistrationPlan {
        plan(&self.input(mode))
    }

    fn input(&self, mode: RegistrationMode) -> PlanInput {
        PlanInput {
            endpoints: self.endpoints.clone().into(),
            public_url: ServerUrl {
                url: PublicUrl::parse(self.public_url).unwrap(),
                kind: self.url_kind,
            },
            account: self.account.clone().into(),
            remembered: self.remembered.clone(),
            mode,
            now: now(),
            running: self.running.iter().map(ToString::to_string).collect(),
        }
    }

    /// Returns the only action, in one word, for a person and for a server.
    fn words(&self) -> (String, String) {
        let word = |mode| {
            let plan = self.plan(mode);
            let [step] = &plan.steps[..] else { panic!("one step: {plan:?}") };
            word(&step.action)
        };
        (word(RegistrationMode::Sync), word(RegistrationMode::Unattended))
    }
}

fn url_of(spec: &WebhookSpec) -> &str {
    match &spec.target {
        WebhookTarget::Url(url) => url,
        WebhookTarget::Job(_) => panic!("a Job"),
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn word(action: &StepAction) -> String {
    let changed = |changes: &[WebhookChange]| {
        changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    match action {
        StepAction::Create(_) => "create".to_owned(),
        StepAction::Update { changes, adopts, enables, .. } => format!(
            "{}update{} ({})",
            if *adopts { "adopt, " } else { "" },
            if enables.is_some() { ", enable" } else { "" },
            changed(changes)
        ),
        StepAction::Adopt => "adopt".to_owned(),
        StepAction::Enable(reason) => format!("enable {reason:?}"),
        StepAction::Unchanged { paused: false } => "unchanged".to_owned(),
        StepAction::Unchanged { paused: true } => "unchanged, paused".to_owned(),
        StepAction::LeaveAlone(LeaveReason::NotRemembered(changes)) => {
            format!("leave NotRemembered ({})", changed(changes))
        }
        StepAction::LeaveAlone(reason) => format!("leave {reason:?}"),
    }
}
