//! The router: which path leads where, what is bounded, and what is logged.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower::util::MapResponseLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::{DefaultOnFailure, TraceLayer};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::admin::{devices, enrolments, events, imports, messages, policies, realms, tokens, users};
use crate::bearer::http as device_bearer;
use crate::bearer::sms::gateway;
use crate::core::Core;
use crate::limits::{LIVE_TIMEOUT, MAX_DEVICE_BODY, MAX_JSON_BODY, MAX_PART_BODY, MAX_WAIT, REQUEST_TIMEOUT};
use crate::problem::Problem;
use crate::relying::rest;
use crate::seldom::is_news;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Matchbook",
        description = "Sets of one-time access codes for people's devices, and each code verified exactly once."
    ),
    modifiers(&TokenScheme),
    tags(
        (name = "relying parties", description = "Have codes verified"),
        (name = "devices", description = "Enrol, watch and stop devices; the bearer of their messages"),
        (name = "users", description = "The enrolled people"),
        (name = "realms", description = "Name spaces, their policies and events"),
        (name = "tokens", description = "Who may call"),
        (name = "health", description = "For watchdogs and Prometheus"),
    )
)]
struct Described;

struct TokenScheme;

impl utoipa::Modify for TokenScheme {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("mb_…").build();
        api.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The OpenAPI 3.1 description, generated from the handlers.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().split_for_parts().1
}

fn described() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::with_openapi(Described::openapi())
        .merge(device_routes())
        .merge(gateway_routes())
        .merge(api_routes())
        .merge(import_routes())
        .merge(health_routes())
}

/// The device bearer holds a request up to [`MAX_WAIT`], so it has a longer time-out and a smaller body.
fn device_routes() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::new()
        .routes(routes!(device_bearer::post_message))
        .layer((timeout(MAX_WAIT + REQUEST_TIMEOUT), DefaultBodyLimit::max(MAX_DEVICE_BODY)))
}

/// What gateways for short messages call.
fn gateway_routes() -> OpenApiRouter<Arc<Core>> {
    gateway::router().layer(timeout(REQUEST_TIMEOUT))
}

fn api_routes() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::new()
        .routes(routes!(rest::post_verify))
        .routes(routes!(rest::post_challenge))
        .routes(routes!(realms::list_realms, realms::create_realm))
        .routes(routes!(realms::show_realm))
        .routes(routes!(policies::show_policy, policies::set_policy))
        .routes(routes!(policies::check_policy))
        .routes(routes!(users::list_users, users::create_user))
        .routes(routes!(users::show_user))
        .routes(routes!(users::suspend_user))
        .routes(routes!(users::resume_user))
        .routes(routes!(enrolments::create_enrolment))
        .routes(routes!(devices::list_devices))
        .routes(routes!(devices::show_device))
        .routes(routes!(devices::suspend_device))
        .routes(routes!(devices::resume_device))
        .routes(routes!(devices::revoke_device))
        .routes(routes!(devices::unlock_device))
        .routes(routes!(devices::rotate_device))
        .routes(routes!(devices::push_device))
        .routes(routes!(imports::list_factory_keys))
        .routes(routes!(messages::set_number))
        .routes(routes!(messages::list_messages))
        .routes(routes!(events::list_events))
        .routes(routes!(tokens::list_tokens, tokens::create_token))
        .routes(routes!(tokens::revoke_token))
        .layer((timeout(REQUEST_TIMEOUT), DefaultBodyLimit::max(MAX_JSON_BODY)))
}

/// A part is longer than other bodies, and an import takes longer than other calls.
fn import_routes() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::new()
        .routes(routes!(imports::add_to_import))
        .routes(routes!(imports::end_import))
        .routes(routes!(imports::drop_import))
        .layer((timeout(LIVE_TIMEOUT), DefaultBodyLimit::max(MAX_PART_BODY)))
}

fn health_routes() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .layer(timeout(REQUEST_TIMEOUT))
}

fn timeout(after: Duration) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, after)
}

/// The whole router.
pub(crate) fn router(core: Arc<Core>) -> Router {
    let (router, api) = described().split_for_parts();
    let viewer = SwaggerUi::new("/docs")
        .url("/openapi.json", api)
        // The viewer's badge would ask a stranger's server whether the description is valid.
        .config(Config::default().validator_url("none"));
    router
        .merge(viewer)
        .route("/", get(|| async { axum::response::Redirect::temporary("/docs/") }))
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .fallback(|| async { Problem::no_path() })
        // One layer of all these: the router puts each of its layers, and a copy of all beneath it, on the heap for
        // every request.
        .layer((
            TraceLayer::new_for_http().make_span_with(span).on_failure(at_debug()),
            CatchPanicLayer::new(),
            MapResponseLayer::new(finish),
        ))
        .with_state(core)
}

/// What failed is logged where it is known why; a line more for each such answer says nothing new.
fn at_debug() -> DefaultOnFailure {
    DefaultOnFailure::new().level(tracing::Level::DEBUG)
}

/// The time-out's own answer has no body; callers get a problem document, as for every other failure. And what every
/// answer tells browsers.
fn finish(response: Response) -> Response {
    let is_timeout = response.status() == StatusCode::GATEWAY_TIMEOUT;
    if is_timeout && is_news("time-out") {
        tracing::error!("a call took too long and was broken off");
    }
    let mut response = if is_timeout { Problem::timed_out().into_response() } else { response };
    for (name, value) in BROWSERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

const BROWSERS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
];

/// The viewer's pages may load from here and from nowhere else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     script-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Method and path only, without the secret of a gateway's path: no headers, no query, no body ever reaches a log.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let path = gateway::path_without_secret(request.uri().path());
    tracing::info_span!("http", method = %request.method(), path = &*path)
}

/// Says that the process runs.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It runs", body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Says whether the server can commit: it makes one durable write.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "It can commit", body = String), (status = 503, description = "It cannot", body = String)))]
async fn readyz(State(core): State<Arc<Core>>) -> Response {
    match core.ready().await {
        Ok(()) => "ok\n".into_response(),
        Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the store cannot commit; the server's log says why\n").into_response()
        }
    }
}

/// Metrics in the OpenMetrics text format.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "OpenMetrics text", body = String)))]
async fn metrics(State(core): State<Arc<Core>>) -> Response {
    core.metrics.of_store(core.store.counts());
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, HeaderValue::from_static(media))], core.metrics.text()).into_response()
}
