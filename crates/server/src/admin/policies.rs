//! Policies of realms.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use matchbook_rules::policy::{self, PolicyReport};
use matchbook_rules::{Mode, Policy, RealmId, admin};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::{Body, Names};
use crate::chance;
use crate::core::Core;
use crate::problem::Problem;

/// How codes are issued, verified and refilled. What is left out has its default.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicyBody {
    /// Which codes count at one attempt. Default `indexed`.
    mode: ModeName,
    /// With `next-in-order`: how many codes count, 1–10. Default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    look_ahead: Option<u8>,
    /// Digits a code, 4–12. Default 6.
    #[schema(minimum = 4, maximum = 12)]
    digits: u8,
    /// Crockford's base-32 instead of decimal digits. Default false.
    base32: bool,
    /// Codes a set, 1–250. Default: as many as fit one short message.
    set_size: Option<u8>,
    /// A refill is due when this many or fewer are unused, 0–63. Default 10.
    #[schema(maximum = 63)]
    threshold: u8,
    /// Failures before a source is slowed, 1–20. Default 5.
    max_failures: u8,
    /// Sets a device may get in a day, 1–100. Default 10.
    sets_per_day: u8,
    /// Challenges that may be skipped in a day, 0–20. Default 3.
    skips_per_day: u8,
    /// A key is replaced after this many days, 1–3650. Default 90.
    rotate_after_days: u16,
    /// Allows any-unused with fewer than 8 digits. Default false.
    accept_guessable_codes: bool,
}

/// Which codes count at one attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ModeName {
    /// The one that the relying party asks for by its number.
    #[default]
    Indexed,
    /// The next one, or one of the few after it.
    NextInOrder,
    /// Any unused one.
    AnyUnused,
}

const DEFAULT_LOOK_AHEAD: u8 = 3;

impl Default for PolicyBody {
    fn default() -> Self {
        Policy::default().into()
    }
}

impl From<Policy> for PolicyBody {
    fn from(policy: Policy) -> Self {
        let (mode, look_ahead) = match policy.mode {
            Mode::Indexed => (ModeName::Indexed, None),
            Mode::NextInOrder { look_ahead } => (ModeName::NextInOrder, Some(look_ahead)),
            Mode::AnyUnused => (ModeName::AnyUnused, None),
        };
        Self {
            mode,
            look_ahead,
            digits: policy.digits,
            base32: policy.base32,
            set_size: policy.set_size,
            threshold: policy.threshold,
            max_failures: policy.max_failures,
            sets_per_day: policy.sets_per_day,
            skips_per_day: policy.skips_per_day,
            rotate_after_days: policy.rotate_after_days,
            accept_guessable_codes: policy.accept_guessable_codes,
        }
    }
}

impl TryFrom<PolicyBody> for Policy {
    type Error = Problem;

    fn try_from(body: PolicyBody) -> Result<Self, Problem> {
        let mode = match (body.mode, body.look_ahead) {
            (ModeName::Indexed, None) => Mode::Indexed,
            (ModeName::AnyUnused, None) => Mode::AnyUnused,
            (ModeName::NextInOrder, look_ahead) => {
                Mode::NextInOrder { look_ahead: look_ahead.unwrap_or(DEFAULT_LOOK_AHEAD) }
            }
            (ModeName::Indexed | ModeName::AnyUnused, Some(_)) => {
                return Err(Problem::bad_request("look_ahead goes with the mode next-in-order"));
            }
        };
        let policy = Self {
            mode,
            digits: body.digits,
            base32: body.base32,
            set_size: body.set_size,
            threshold: body.threshold,
            max_failures: body.max_failures,
            sets_per_day: body.sets_per_day,
            skips_per_day: body.skips_per_day,
            rotate_after_days: body.rotate_after_days,
            accept_guessable_codes: body.accept_guessable_codes,
        };
        policy::check(&policy).map_err(|error| Problem::bad_request(error.to_string()))?;
        Ok(policy)
    }
}

/// What a policy is worth.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReportBody {
    /// Codes that count at one attempt (u).
    acceptable_at_once: u32,
    /// Guesses before the source is slowed (L).
    guesses: u32,
    /// P ≈ uL / size of the code's space.
    guess_probability: f64,
    /// The same for the 100 consecutive failures after which the authenticator is locked.
    guess_probability_hard_stop: f64,
    /// What the operator should know.
    warnings: Vec<String>,
}

impl From<PolicyReport> for ReportBody {
    fn from(report: PolicyReport) -> Self {
        Self {
            acceptable_at_once: report.acceptable_at_once,
            guesses: report.guesses,
            guess_probability: report.guess_probability,
            guess_probability_hard_stop: report.guess_probability_hard_stop,
            warnings: report.warnings,
        }
    }
}

/// Shows a realm's policy.
#[utoipa::path(get, path = "/v1/realms/{realm}/policy", tag = "realms", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm")),
    responses((status = 200, body = PolicyBody), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn show_policy(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(realm): Names<RealmId>,
) -> Result<Json<PolicyBody>, Problem> {
    caller.operator_of(&realm)?;
    Ok(Json(core.known_realm(&realm).await?.policy.into()))
}

/// Replaces a realm's policy. Codes that are issued keep their format; what counts at an attempt changes at once.
#[utoipa::path(put, path = "/v1/realms/{realm}/policy", tag = "realms", request_body = PolicyBody,
    security(("token" = [])), params(("realm" = String, Path, description = "The realm")),
    responses((status = 200, body = PolicyBody), (status = 400, description = "The sentence says which field, and its range", body = Problem),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "It was changed meanwhile", body = Problem)))]
pub(crate) async fn set_policy(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(realm): Names<RealmId>,
    Body(body): Body<PolicyBody>,
) -> Result<Json<PolicyBody>, Problem> {
    caller.operator_of(&realm)?;
    let policy: Policy = body.try_into()?;
    let known = core.known_realm(&realm).await?;
    core.commit(admin::set_policy(&known, policy, chance::now(), &mut chance::rng())?).await?;
    Ok(Json(core.known_realm(&realm).await?.policy.into()))
}

/// Checks a policy without storing it, and tells the guess probability.
#[utoipa::path(post, path = "/v1/policy/check", tag = "realms", request_body = PolicyBody, security(("token" = [])),
    responses((status = 200, body = ReportBody), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem)))]
pub(crate) async fn check_policy(caller: Caller, Body(body): Body<PolicyBody>) -> Result<Json<ReportBody>, Problem> {
    caller.own_realm()?;
    let policy: Policy = body.try_into()?;
    let report = policy::check(&policy).map_err(|error| Problem::bad_request(error.to_string()))?;
    Ok(Json(report.into()))
}
