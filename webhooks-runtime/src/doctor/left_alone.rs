//! Judges the webhooks that `webhooks sync` leaves alone.

use super::finding::Finding;
use super::input::DoctorInput;
use crate::endpoint::short;
use crate::hub::Hub;
use crate::registration::plan::{LeaveReason, PlannedStep};

/// Returns what is wrong with a webhook that stays as it is for this reason. Only one whose endpoint no longer exists is
/// to be removed.
pub(super) fn left_alone(
    step: &PlannedStep,
    reason: &LeaveReason,
    input: &DoctorInput,
) -> Option<Finding> {
    let id = step.id.as_deref().unwrap_or_default();
    let (why, fix) = match reason {
        // A person has set it up, and its deliveries reach the endpoint.
        LeaveReason::NoWatch if input.endpoints.iter().any(|it| it.path == step.path) => {
            return None;
        }
        LeaveReason::NoWatch => {
            (reason.to_string(), input.command(&format!("webhooks remove {id}")))
        }
        LeaveReason::UnknownSecret => (
            "it has a secret that the program does not know".to_owned(),
            "set WEBHOOK_SECRET to the secret of the webhook".to_owned(),
        ),
        LeaveReason::StartsJob => {
            let hub = input.hub.as_ref().map_or("https://huggingface.co", Hub::address);
            let why = "it starts a Job now, instead of calling a URL";
            (why.to_owned(), format!("set its URL at {hub}/settings/webhooks"))
        }
        LeaveReason::DisabledByPerson
        | LeaveReason::PauseUnconfirmed
        | LeaveReason::SuspendedTooOften => {
            (reason.to_string(), input.command(&format!("webhooks enable {}", short(&step.path))))
        }
        LeaveReason::NotRemembered(_) => (reason.to_string(), input.command("webhooks sync")),
        LeaveReason::InUse(_) => {
            (reason.to_string(), input.command(&format!("webhooks disable {id}")))
        }
    };
    let what = format!("the webhook {id} of {} does not do what the program needs", step.path);
    Some(Finding::new(what, why, fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::webhooks::tests::endpoint;
    use crate::registration::plan::StepAction;

    #[test]
    fn only_a_webhook_without_an_endpoint_is_to_be_removed() {
        let input = DoctorInput::for_test(Err("no token".to_owned()), vec![endpoint()]);
        let finding = |path: &str, reason: LeaveReason| {
            let action = StepAction::LeaveAlone(reason.clone());
            let step = PlannedStep { path: path.to_owned(), id: Some("w1".to_owned()), action };
            left_alone(&step, &reason, &input)
        };
        for reason in [
            LeaveReason::SuspendedTooOften,
            LeaveReason::NotRemembered(Vec::new()),
            LeaveReason::UnknownSecret,
            LeaveReason::StartsJob,
            LeaveReason::NoWatch,
            LeaveReason::InUse("https://other.example".to_owned()),
        ] {
            let finding = finding("/webhooks/retrain", reason);
            assert!(!format!("{finding:?}").contains("remove"), "{finding:?}");
        }
        let gone = finding("/webhooks/gone", LeaveReason::NoWatch).unwrap();
        assert_eq!(gone.fix, "my-bot webhooks remove w1");
    }
}
