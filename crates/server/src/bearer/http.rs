//! The HTTP bearer: one POST that takes a message in its COSE form and gives back what the server has for the device.
//!
//! `Prefer: wait=N` (RFC 7240 §4.3) holds the answer up to N seconds for a push. The request itself is the proof of who
//! waits: it is sealed and counted, so that a stranger cannot take a device's place, nor a replay hold a connection.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use matchbook_protocol::envelope::{MAX_SEQUENCE, compress_uplink, expand_downlink};
use matchbook_protocol::wire::{DownlinkKind, UnverifiedDownlink};
use tokio::time::{Instant, sleep_until};

use crate::core::Core;
use crate::inbound::Answer;
use crate::limits::MAX_WAIT;
use crate::problem::Problem;
use crate::rate;
use crate::sms::Way;

/// The media type of one message (RFC 9052 §10.2), and of the sequence of messages that answers it.
pub(crate) const MESSAGE: &str = "application/cose";
/// A CBOR sequence (RFC 8742).
pub(crate) const SEQUENCE: &str = "application/cbor-seq";

/// Takes a device's message.
///
/// The body is one COSE message of at most 4 KiB. The answer is a CBOR sequence of one to four COSE messages, or 204
/// when there is none; a message that was refused is answered 204 too, whatever was wrong with it.
#[utoipa::path(
    post, path = "/v1/device/messages", tag = "devices",
    request_body(content = Vec<u8>, content_type = "application/cose", description = "One sealed message, COSE form"),
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: hold the answer up to N seconds, 0–55, for a push")),
    responses(
        (status = 200, description = "A CBOR sequence of 1–4 COSE messages", content_type = "application/cbor-seq", body = Vec<u8>),
        (status = 204, description = "Nothing for the sender"),
        (status = 413, description = "The body is over 4 KiB"),
        (status = 415, description = "The content type is not application/cose"),
        (status = 429, description = "Too many messages from this address", body = Problem),
        (status = 503, description = "The store cannot answer now", body = Problem),
    ),
)]
pub(crate) async fn post_message(
    State(core): State<Arc<Core>>,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Problem> {
    core.rates.device(rate::client_address(&parts, core.config.trusted_proxy_hops))?;
    let media = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media.split(';').next().map(str::trim) != Some(MESSAGE) {
        return Ok(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
    }
    let compressed = compress_uplink(&body).unwrap_or_default();
    let deadline = Instant::now() + preferred_wait(&parts.headers);
    let Some(answer) = core.receive(&compressed, Way::Http).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let answer = hold_for_push(&core, answer, deadline).await?;
    respond(&answer)
}

/// Holds an answer that brings nothing but a SYNC until something else comes, or the time is up. A device that is woken with
/// nothing waiting for it, as by its suspension, is answered as it is, and learns of it with its next request.
async fn hold_for_push(core: &Core, mut answer: Answer, deadline: Instant) -> Result<Answer, Problem> {
    let idle = answer.messages.iter().all(|bytes| is_plain_sync(bytes));
    if !answer.fresh || !idle || deadline <= Instant::now() {
        return Ok(answer);
    }
    let mut stopping = core.stopping.clone();
    let Some(place) = core.waiting.enter(answer.party.id) else { return Ok(answer) };
    let mut woken = false;
    loop {
        let pushed = core.waiting_messages(&answer.party).await?;
        if !pushed.is_empty() {
            answer.messages.extend(pushed);
            answer.messages.truncate(MAX_SEQUENCE);
            return Ok(answer);
        }
        if woken {
            return Ok(answer);
        }
        tokio::select! {
            () = place.push() => woken = true,
            () = place.replaced() => return Ok(answer),
            () = sleep_until(deadline) => return Ok(answer),
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(answer),
        }
    }
}

fn is_plain_sync(bytes: &[u8]) -> bool {
    UnverifiedDownlink::decode(bytes).is_ok_and(|message| message.header().kind == DownlinkKind::Sync)
}

fn respond(answer: &Answer) -> Result<Response, Problem> {
    let mut body = Vec::new();
    for message in &answer.messages {
        let expanded = expand_downlink(message, &answer.party)
            .map_err(|error| Problem::fault(&format!("a sealed message does not expand: {error}")))?;
        body.extend_from_slice(&expanded);
    }
    if body.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(SEQUENCE))], body).into_response())
}

fn preferred_wait(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let seconds = preferences
        .flat_map(|value| value.split([',', ';']))
        .find_map(|preference| preference.trim().strip_prefix("wait=")?.trim_matches('"').parse().ok());
    Duration::from_secs(seconds.unwrap_or(0)).min(MAX_WAIT)
}

#[cfg(test)]
mod tests;
