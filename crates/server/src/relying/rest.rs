//! `POST /v1/verify` and `POST /v1/challenge`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use matchbook_protocol::CodeIndex;
use matchbook_rules::challenge::ChallengeRequest;
use matchbook_rules::verify::VerifyRequest;
use matchbook_rules::{OperationId, RealmId, SubscriberId, Verdict, VerifyTarget};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::auth::Caller;
use crate::body::{Body, device_id};
use crate::core::Core;
use crate::problem::Problem;

/// A source is an address or a name of a place; longer ones are cut by nobody, but refused.
const MAX_SOURCE: usize = 128;

/// A code has at most 12 symbols; blanks and dashes between them are allowed.
const MAX_CODE_TEXT: usize = 64;

/// A code to verify.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyBody {
    /// New for each attempt of a user, the same for a repetition of the same request: 1–64 visible ASCII characters.
    #[schema(example = "6f1c1b1e-3f0e-4f55-9d0f-2f6d2d9a4c11")]
    operation_id: String,
    /// The realm; the token's own when it is left out.
    realm: Option<String>,
    /// The log-in name; either this or `device`.
    #[schema(example = "alice")]
    user: Option<String>,
    /// The identification code, 16 hexadecimal digits; either this or `user`.
    device: Option<String>,
    /// What the user typed. Blanks, dashes and case do not count.
    #[schema(example = "123456")]
    code: String,
    /// Where the user sits, such as the client's address: failures slow this source, not the user elsewhere.
    #[schema(example = "203.0.113.7")]
    source: Option<String>,
}

/// What came of it; never why.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerifyAnswer {
    /// The code was good and can never be used again.
    accepted: bool,
}

/// Verifies a code, exactly once.
///
/// The answer is given after the decision is durable. The same operation id with the same request gets the same
/// answer; with another request it is refused. A wrong realm, user, device and code all answer `false`.
#[utoipa::path(
    post, path = "/v1/verify", tag = "relying parties", request_body = VerifyBody, security(("token" = [])),
    responses(
        (status = 200, description = "The verdict", body = VerifyAnswer),
        (status = 400, description = "The request is not valid", body = Problem),
        (status = 401, description = "No valid token", body = Problem),
        (status = 403, description = "The token is not a relying party's", body = Problem),
        (status = 409, description = "The operation id was used for another request", body = Problem),
        (status = 429, description = "This source is slowed; see Retry-After", body = Problem),
        (status = 503, description = "Nothing is decided or it is in doubt: repeat the same request", body = Problem),
    ),
)]
pub(crate) async fn post_verify(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Body(body): Body<VerifyBody>,
) -> Result<Json<VerifyAnswer>, Problem> {
    let code = Zeroizing::new(body.code);
    if code.len() > MAX_CODE_TEXT {
        return Err(Problem::bad_request(format!("a code has at most {MAX_CODE_TEXT} characters")));
    }
    let (own, name) = caller.relying_party()?;
    let request = VerifyRequest {
        home: own.clone(),
        realm: realm(body.realm, own)?,
        target: target(body.user, body.device)?,
        relying_party: name.clone(),
        operation: OperationId::new(body.operation_id)?,
        source: source(body.source)?,
        code,
    };
    let verified = core.verify(&request).await?;
    core.refill_after_spend(verified.refill);
    Ok(Json(VerifyAnswer { accepted: verified.verdict == Verdict::Accepted }))
}

/// Whose code is to be asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChallengeBody {
    /// The realm; the token's own when it is left out.
    realm: Option<String>,
    /// The log-in name; either this or `device`.
    #[schema(example = "alice")]
    user: Option<String>,
    /// The identification code, 16 hexadecimal digits; either this or `user`.
    device: Option<String>,
    /// Where the user sits; as in a verify.
    source: Option<String>,
    /// The number that was asked for and that the user no longer has: it is given up, and the next one asked for. A
    /// policy bounds how often a day.
    unavailable: Option<u32>,
}

/// Which code to ask for.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChallengeAnswer {
    /// The code's number, 1 or more.
    #[schema(example = 17)]
    index: u32,
    /// The same in words.
    #[schema(example = "code 17")]
    prompt: String,
}

/// Says which code to ask the user for (indexed mode).
///
/// The same number until it succeeds, so that one guess is worth one code. Of a user with several devices it is the
/// number of the newest one that can be used; name a `device` to ask for another one's. A name that does not exist gets
/// a number too. An `unavailable` number that is not the one that was asked for gives nothing up.
#[utoipa::path(
    post, path = "/v1/challenge", tag = "relying parties", request_body = ChallengeBody, security(("token" = [])),
    responses(
        (status = 200, description = "The prompt", body = ChallengeAnswer),
        (status = 400, description = "The request is not valid", body = Problem),
        (status = 401, description = "No valid token", body = Problem),
        (status = 403, description = "The token is not a relying party's", body = Problem),
        (status = 429, description = "Slowed, or too many codes skipped today", body = Problem),
        (status = 503, description = "The store cannot answer now", body = Problem),
    ),
)]
pub(crate) async fn post_challenge(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Body(body): Body<ChallengeBody>,
) -> Result<Json<ChallengeAnswer>, Problem> {
    let (own, name) = caller.relying_party()?;
    let request = ChallengeRequest {
        home: own.clone(),
        realm: realm(body.realm, own)?,
        target: target(body.user, body.device)?,
        relying_party: name.clone(),
        source: source(body.source)?,
        unavailable: body.unavailable.map(CodeIndex),
    };
    let challenged = core.challenge(&request).await?;
    core.refill_after_spend(challenged.refill);
    let index = challenged.index;
    Ok(Json(ChallengeAnswer { index: index.0, prompt: format!("code {index}") }))
}

/// A relying party asks in its own realm; one that names another is answered like for a wrong code.
fn realm(named: Option<String>, own: &RealmId) -> Result<RealmId, Problem> {
    named.map_or_else(|| Ok(own.clone()), |text| Ok(RealmId::new(text)?))
}

fn target(user: Option<String>, device: Option<String>) -> Result<VerifyTarget, Problem> {
    match (user, device) {
        (Some(user), None) => Ok(VerifyTarget::Subscriber(SubscriberId::new(user)?)),
        (None, Some(device)) => Ok(VerifyTarget::Authenticator(device_id(&device)?)),
        (Some(_), Some(_)) | (None, None) => Err(Problem::bad_request("name either a user or a device")),
    }
}

fn source(text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() > MAX_SOURCE => {
            Err(Problem::bad_request(format!("source has at most {MAX_SOURCE} bytes")))
        }
        other => Ok(other),
    }
}
